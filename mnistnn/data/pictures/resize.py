"""Pictures in another size."""

import numpy as np
from numpy.typing import NDArray


def resampled(a: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return a (h, w) with another size: means over areas where it shrinks, linear interpolation where it grows."""
    result: NDArray[np.float64] = _weights(a.shape[0], shape[0]) @ a @ _weights(a.shape[1], shape[1]).T
    return result


def _weights(n: int, m: int) -> NDArray[np.float64]:
    """Return how much each of n pixels counts in each of m pixels that cover the same length, (m, n); rows add to 1."""
    if m < n:
        ends = np.arange(m + 1)[:, None] * (n / m)
        pixels = np.arange(n)
        overlap = np.minimum(ends[1:], pixels + 1) - np.maximum(ends[:-1], pixels)
        weights: NDArray[np.float64] = overlap.clip(min=0.0) * (m / n)
        return weights
    at = ((np.arange(m) + 0.5) * (n / m) - 0.5).clip(0, n - 1)
    return (1 - np.abs(at[:, None] - np.arange(n))).clip(min=0.0)
