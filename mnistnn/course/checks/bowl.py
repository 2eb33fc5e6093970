"""Gradient descent on a bowl ½ Σ λᵢ xᵢ²."""

import numpy as np

STEPS = 4000


def distance_after(rate: float, curvatures: np.ndarray, steps: int = STEPS) -> float:
    """Return how far from 0 gradient descent is after so many steps from (1, …, 1); infinity, if it diverges."""
    x = np.ones_like(curvatures)
    for _ in range(steps):
        x = x - rate * curvatures * x
        if not np.abs(x).max() < 1e12:
            return float("inf")
    return float(np.abs(x).max())
