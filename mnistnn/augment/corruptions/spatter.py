"""Splashes of mud on the lens."""

import numpy as np

from mnistnn.augment.corruptions.contract import Images
from mnistnn.augment.corruptions.gaussian import gaussian

_MUD = 63 / 255
_SOLID = 0.8


def spattered(x: Images, rng: np.random.Generator, level: tuple[float, float, float, float, float]) -> Images:
    """Return images with dark splashes.

    level  mean and standard deviation of noise, sigma of its blur in pixels, the height above which it is a splash, and
           sigma of the blur of the splashes; what is less than 0.8 solid after that is no splash
    """
    mean, deviation, sigma_px, height, edge_sigma_px = level
    liquid = gaussian(rng.normal(mean, deviation, x.shape), sigma_px)
    mud = gaussian((liquid > height).astype(float), edge_sigma_px)
    mud[mud < _SOLID] = 0
    return x * (1 - mud) + _MUD * mud
