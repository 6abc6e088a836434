"""Networks: Linen modules whose sizes are fields."""
