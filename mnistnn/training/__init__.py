"""How a model learns, step by step."""
