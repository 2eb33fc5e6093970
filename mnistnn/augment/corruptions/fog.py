"""Fog: a rough landscape of brightness over the image."""

import numpy as np
from numpy.typing import NDArray

from mnistnn.augment.corruptions.contract import Images

_SIDE = 256  # of the landscape, of which a corner is taken
_ROUGHNESS = 100.0


def foggy(x: Images, rng: np.random.Generator, level: tuple[float, float]) -> Images:
    """Return images in fog, with the brightest pixel as bright as before.

    level  how thick the fog is, and by how much its roughness falls from one size of detail to the next
    """
    thickness, decay = level
    n, height, width = x.shape
    side = max(_SIDE, 1 << (max(height, width) - 1).bit_length())
    brightest = x.max(axis=(1, 2), keepdims=True)
    fog = landscapes(n, side, decay, rng)[:, :height, :width]
    y: Images = (x + thickness * fog) * brightest / (brightest + thickness)
    return y


def landscapes(n: int, side: int, decay: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return heights (n, side, side) from 0 to 1, by the diamond-square algorithm on a torus; side is a power of two.

    Points are added in the middle of four that are known, first of squares, then of diamonds, until none is left: the
    mean of the four, and uniform noise of ± roughness², which is divided by `decay` with each halving of the step.
    """
    heights = np.zeros((n, side, side))
    step, roughness = side, _ROUGHNESS
    while step >= 2:
        half = step // 2

        def around(known: tuple[NDArray[np.float64], ...], noise: float = roughness**2) -> NDArray[np.float64]:
            total = sum(known[1:], start=known[0])
            return total / 4 + noise * rng.uniform(-1, 1, total.shape)

        corners = heights[:, ::step, ::step]
        right, below = np.roll(corners, -1, 2), np.roll(corners, -1, 1)
        heights[:, half::step, half::step] = around((corners, right, below, np.roll(right, -1, 1)))
        middles = heights[:, half::step, half::step]
        heights[:, ::step, half::step] = around((corners, right, middles, np.roll(middles, 1, 1)))
        heights[:, half::step, ::step] = around((corners, below, middles, np.roll(middles, 1, 2)))
        step, roughness = half, roughness / decay
    heights -= heights.min(axis=(1, 2), keepdims=True)
    heights /= heights.max(axis=(1, 2), keepdims=True)
    return heights
