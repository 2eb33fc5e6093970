"""What tests of unsupervised models begin with: images of 2 × 3 pixels, and parameters of which none is 0."""

from typing import Any

import numpy as np


def build(model: Any, penalties: Any, scale: float, dtype: str, xp: Any) -> None:
    """Build a model for such images, with random parameters, and the penalties for it."""
    model.build((2, 3))
    model.allocate(xp, dtype)
    model.initialize(0)
    model.theta[...] = xp.asarray((scale * np.random.default_rng(1).normal(size=model.size)).astype(dtype))
    for penalty in penalties:
        penalty.build(model.slots)


def binary_images(n: int = 40, dtype: str = "float64") -> np.ndarray:
    return (np.random.default_rng(2).random((n, 2, 3)) < 0.3).astype(dtype)
