"""Noise: of photons that are counted, and of pixels that are stuck."""

import numpy as np

from mnistnn.augment.corruptions.contract import Images


def shot_noise(x: Images, rng: np.random.Generator, photons: float) -> Images:
    """Return counts of photons: Poisson numbers of mean photons·x, over photons."""
    return rng.poisson(photons * x) / photons


def impulse_noise(x: Images, rng: np.random.Generator, share: float) -> Images:
    """Return images of which this share of pixels is black or white, each with probability 1/2."""
    is_stuck = rng.random(x.shape) < share
    return np.where(is_stuck, rng.integers(0, 2, x.shape), x)
