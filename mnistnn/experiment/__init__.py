"""The wiring: an experiment becomes parts that fit each other."""
