"""Tasks: the objective of a kind of learning, and its measurements."""
