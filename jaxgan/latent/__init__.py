"""What can be done with latents: directions that mean something, those of given images, parts of several together."""
