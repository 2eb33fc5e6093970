"""The layer behind hidden units that are dropped."""

import numpy as np


def train_scores(h: np.ndarray, W: np.ndarray, b: np.ndarray, keep: float, rng: np.random.Generator) -> np.ndarray:
    """Return the scores (n, classes) in training, for hidden units h (n, hidden)."""
    mask = rng.random(h.shape) < keep
    return (h * mask) @ W + b


def predict_scores(h: np.ndarray, W: np.ndarray, b: np.ndarray, keep: float, rng: np.random.Generator) -> np.ndarray:
    """Return the scores (n, classes) at prediction, for hidden units h (n, hidden)."""
    return h @ (keep * W) + b
