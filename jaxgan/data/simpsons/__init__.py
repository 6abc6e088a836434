"""Data sets of Simpsons images, which the user has or fetches; none is part of this project."""
