"""Looking inside models and what they do with examples."""
