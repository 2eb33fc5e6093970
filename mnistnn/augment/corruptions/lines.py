"""Lines across the image."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mnistnn.augment.corruptions.contract import Images

_REACH_PX = 2.3  # where a line ends above and below
_MARGIN_PX = 2
_STROKE_PX = 2.0  # length and height of a stroke of a zigzag
_DROP_PX = 5


def crossed_by_dots(x: Images, rng: np.random.Generator, _level: None) -> Images:
    """Return images with a straight line from the left to the right, two columns there and two not."""
    n, height, width = x.shape
    ends = rng.integers(0, height - 1, (2, n))
    is_drawn = np.arange(width) % 4 >= 2
    lines = [_line((height, width), (0, first), (width - 1, last)) for first, last in ends.T.tolist()]
    return x + np.array(lines) * is_drawn


def crossed_by_zigzag(x: Images, rng: np.random.Generator, _level: None) -> Images:
    """Return images with a zigzag line from near the left to near the right."""
    _, height, width = x.shape
    y = x.copy()
    for image in y:
        start, drop = int(rng.integers(0, height - 1)), int(rng.integers(-_DROP_PX, _DROP_PX))
        corners = _zigzag(width - 1 - 2 * _MARGIN_PX, drop) + np.array([_MARGIN_PX, start])
        for (x0, y0), (x1, y1) in pairwise(corners.tolist()):
            np.minimum(image + _line((height, width), (x0, y0), (x1, y1)), 1, out=image)
    return y


def _zigzag(across_px: int, drop_px: int) -> NDArray[np.float64]:
    """Return the corners (n, 2), to the right and down, of a zigzag that begins at 0 and ends so far away."""
    angle = np.arctan2(drop_px, across_px)
    length = np.hypot(drop_px, across_px)
    teeth = np.arange(int((length - _STROKE_PX) // (2 * _STROKE_PX)) + 1)
    along = np.concatenate([[0], (2 * teeth + 1) * _STROKE_PX, [length]])
    aside = np.concatenate([[0], _STROKE_PX * (-1.0) ** teeth, [0]])
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners: NDArray[np.float64] = (turned @ np.stack([along, aside])).T
    return corners


def _line(shape: tuple[int, int], begin: tuple[float, float], end: tuple[float, float]) -> NDArray[np.float64]:
    """Return the brightness (h, w) of a line between points (to the right, down).

    It is 1 + log(1 − d/2.3), at least 0, where d is how far a pixel lies above or below the line.
    """
    (x0, y0), (x1, y1) = begin, end
    if x1 <= x0:
        return np.zeros(shape)
    rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])
    distance = np.abs(rows - y0 - (y1 - y0) / (x1 - x0) * (columns - x0))
    brightness = np.clip(1 + np.log(np.maximum(1 - distance / _REACH_PX, 1e-10)), 0, 1)
    line: NDArray[np.float64] = brightness * ((columns >= np.floor(x0)) & (columns < np.ceil(x1)))
    return line
