"""What belongs to a kind of learning: its objective, and what is measured of it."""
