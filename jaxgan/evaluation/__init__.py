"""What a generator draws, measured: images and arrays in, numbers and sentences out, whatever the algorithm."""
