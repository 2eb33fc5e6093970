"""Several runs beside each other: curves, differences, tests."""
