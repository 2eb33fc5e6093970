"""Momentum as a smoothed gradient."""

import numpy as np


def step(theta: np.ndarray, v: np.ndarray, g: np.ndarray, rate: float, mu: float) -> tuple[np.ndarray, np.ndarray]:
    """Return theta and v after an update with the gradient g."""
    theta = theta - rate * v
    v = mu * v + (1 - mu) * g
    return theta, v


if __name__ == "__main__":
    theta, v = np.array([1.0, 1.0]), np.zeros(2)
    for update in range(1, 6):
        theta, v = step(theta, v, np.array([1.0, 4.0]) * theta, 0.1, 0.9)
        print(update, theta)
