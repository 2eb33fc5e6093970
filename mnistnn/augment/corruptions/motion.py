"""A camera that moves while the picture is taken."""

import numpy as np

from mnistnn.augment.corruptions.contract import Images

_WIDEST_DEGREES = 45


def motion_blurred(x: Images, rng: np.random.Generator, level: tuple[int, float]) -> Images:
    """Return images that are smeared in a direction between −45° and 45° of the rows, each in its own.

    level  radius r and sigma of what ImageMagick calls motion blur: a pixel becomes the weighted mean of itself and of
           2 r pixels in that direction, with weights exp(−i²/2σ²) at a distance of i pixels
    """
    radius, sigma_px = level
    n, height, width = x.shape
    angles = np.deg2rad(rng.uniform(-_WIDEST_DEGREES, _WIDEST_DEGREES, n))
    steps = np.arange(2 * radius + 1)
    weights = np.exp(-0.5 * (steps / sigma_px) ** 2)
    weights /= weights.sum()
    rows, columns = np.arange(height), np.arange(width)
    y = np.zeros_like(x)
    for step, weight in zip(steps, weights, strict=True):
        down, right = np.ceil(step * np.sin(angles) - 0.5), np.ceil(step * np.cos(angles) - 0.5)
        i = np.clip(rows + down[:, None].astype(int), 0, height - 1)
        j = np.clip(columns + right[:, None].astype(int), 0, width - 1)
        y += weight * x[np.arange(n)[:, None, None], i[:, :, None], j[:, None, :]]
    return y
