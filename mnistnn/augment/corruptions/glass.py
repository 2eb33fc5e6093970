"""Frosted glass: pixels change places with near ones, between two blurs."""

import numpy as np

from mnistnn.augment.corruptions.contract import Images
from mnistnn.augment.corruptions.gaussian import gaussian


def glass_blurred(x: Images, rng: np.random.Generator, level: tuple[float, int, int]) -> Images:
    """Return images as behind glass.

    level  sigma of both blurs in pixels; how far a pixel goes at most; how often each pixel has its turn

    A pixel whose turn it is changes places, with probability 1/2, with one that is d − 1 to the right or below at most,
    and d to the left or above. Pixels of a border of width d have no turn. All images take the same pixel at a time,
    from the last one on, each with random numbers of its own.
    """
    sigma_px, furthest, rounds = level
    y = gaussian(x, sigma_px)
    n, height, width = y.shape
    every = np.arange(n)
    for _ in range(rounds):
        for i in range(height - furthest, furthest, -1):
            for j in range(width - furthest, furthest, -1):
                moves = rng.integers(-furthest, furthest, (2, n)) * rng.integers(0, 2, n)  # none: it stays
                other_i, other_j = i + moves[0], j + moves[1]
                here = y[:, i, j].copy()
                y[:, i, j] = y[every, other_i, other_j]
                y[every, other_i, other_j] = here
    return gaussian(y, sigma_px)
