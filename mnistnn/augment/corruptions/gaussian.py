"""Blurring by a Gaussian, cut off at four standard deviations; images are continued by their edges, or by black."""

from typing import Literal

import numpy as np

from mnistnn.augment.corruptions.contract import Images

_CUT_OFF = 4.0


def gaussian(x: Images, sigma_px: float, beyond: Literal["edge", "constant"] = "edge") -> Images:
    """Return x (n, h, w), folded with a Gaussian along rows and columns."""
    radius = int(_CUT_OFF * sigma_px + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma_px) ** 2)
    weights /= weights.sum()
    for axis in (1, 2):
        around = [(0, 0)] * 3
        around[axis] = (radius, radius)
        padded, n = np.pad(x, around, mode=beyond), x.shape[axis]
        x = sum(
            (weight * padded.take(range(i, i + n), axis) for i, weight in enumerate(weights)), start=np.zeros_like(x)
        )
    return x
