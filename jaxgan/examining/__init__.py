"""What `evaluate` does with a run: its checkpoints, its images and the measures brought together."""
