"""Light: more of it, and dark and bright exchanged."""

import numpy as np

from mnistnn.augment.corruptions.contract import Images


def brightened(x: Images, _rng: np.random.Generator, more: float) -> Images:
    """Return images that are brighter by so much everywhere."""
    return x + more


def striped(x: Images, _rng: np.random.Generator, _level: None) -> Images:
    """Return images of which the first and the last quarter of the columns is inverted."""
    quarter = x.shape[2] // 4
    y = x.copy()
    y[:, :, :quarter] = 1 - x[:, :, :quarter]
    y[:, :, -quarter:] = 1 - x[:, :, -quarter:]
    return y if quarter else x
