"""Data sets: from whatever the user has to one prepared set of arrays, and from there to batches."""
