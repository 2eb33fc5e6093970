"""What stumps compare with thresholds: pixels, or Haar features of images.

Inputs become integers first, so that sums of pixels are exact: the same with any order of additions, on any device. A
feature is a weighted sum of rows of a table that has a column for each example (`kernels/stumps.py`), and has a number;
number −1 stands for a feature that is 0 everywhere.
"""

from math import prod
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.component import component
from mnistnn.kernels import haar
from mnistnn.kernels.haar import Rectangle
from mnistnn.kernels.stumps import Features
from mnistnn.types import Array, Shape, ShapeError, show_shape

_LEVELS = 65_535  # of inputs: what bytes are becomes exact multiples of 257
_LARGEST = 2**31 - 1


@component
class StumpFeatures:
    """Abstract: a kind of feature.

    rows    of the table
    count   how many features there are
    levels  the largest integer that an input becomes; the least one is 0
    """

    type: str
    """The name of the kind in an experiment."""

    def build(self, in_shape: Shape) -> None:
        """Remember the shape of inputs. Raises ShapeError if it has no such feature."""
        raise NotImplementedError

    def columns(self, integers: Array) -> Array:
        """Return the columns of a table (rows, n), int32, for inputs (n, *in_shape), int32 and from 0 to `levels`."""
        raise NotImplementedError

    def of(self, numbers: np.ndarray) -> Features:
        """Return features (f,) by their numbers."""
        raise NotImplementedError

    def candidates(self, stream: np.random.Generator) -> np.ndarray:
        """Return the numbers of those that a round may choose from, in ascending order."""
        raise NotImplementedError

    def rectangles(self, number: int) -> list[Rectangle]:
        """Return what a feature adds up and subtracts, in pixels."""
        raise NotImplementedError


@component
class Pixels(StumpFeatures):
    """Each pixel, or input, is a feature, and every round may choose from all. Inputs may have any shape."""

    type: Literal["pixels"] = "pixels"

    def build(self, in_shape: Shape) -> None:
        self._width = in_shape[-1] if in_shape else 1
        self.rows = self.count = prod(in_shape)
        self.levels = _LEVELS
        if not self.count:
            raise ShapeError(f"inputs of shape {show_shape(in_shape)} have no pixel")

    def columns(self, integers: Array) -> Array:
        return integers.reshape(len(integers), -1).T.copy()

    def of(self, numbers: np.ndarray) -> Features:
        places = np.maximum(numbers, 0).astype(np.int32)[:, None]
        return Features(places, (numbers >= 0).astype(np.int32)[:, None])

    def candidates(self, stream: np.random.Generator) -> np.ndarray:
        return np.arange(self.count)

    def rectangles(self, number: int) -> list[Rectangle]:
        """Return the pixel. Of inputs with more than two axes, all planes lie below each other."""
        return [Rectangle(1, *divmod(number, self._width), 1, 1)] if number >= 0 else []


@component
class Haar(StumpFeatures):
    """Haar features: sums of pixels in two to four rectangles side by side, with alternating signs. Images only.

    All places and sizes of five patterns, 299,880 of an image of 28×28. Viola & Jones (2001).
    """

    type: Literal["haar"] = "haar"
    drawn: Annotated[int, Field(ge=1)] = 100
    """How many each round may choose from: drawn anew, all equally likely. Four times as many bring nothing."""

    def build(self, in_shape: Shape) -> None:
        if len(in_shape) != 2:
            raise ShapeError(f"haar features are of images (height, width), and inputs are {show_shape(in_shape)}")
        self._size = h, w = in_shape[0], in_shape[1]
        self.rows, self.count = (h + 1) * (w + 1), haar.count(h, w)
        if not self.count:
            raise ShapeError(f"an image of {show_shape(in_shape)} has no haar feature: they have two pixels or more")
        self.levels = min(_LEVELS, _LARGEST // (h * w))
        if self.count > _LARGEST:
            raise ShapeError(f"an image of {show_shape(in_shape)} has more haar features than an int32 has numbers")

    def columns(self, integers: Array) -> Array:
        return haar.integral_images(integers)

    def of(self, numbers: np.ndarray) -> Features:
        return Features(*haar.corners(numbers, *self._size))

    def candidates(self, stream: np.random.Generator) -> np.ndarray:
        if self.drawn >= self.count:
            return np.arange(self.count)
        return np.sort(stream.choice(self.count, self.drawn, replace=False, shuffle=False))

    def rectangles(self, number: int) -> list[Rectangle]:
        return haar.rectangles(number, *self._size)


AnyStumpFeatures = Pixels | Haar


def as_integers(x: Array, lowest: float, highest: float, levels: int) -> Array:
    """Return x (n, ...) as integers, int32: 0 for `lowest` and less, `levels` for `highest` and more, even between.

    What is no finite number becomes 0.
    """
    xp = array_module(x)
    if not highest > lowest:
        return xp.zeros(x.shape, dtype="int32")
    scaled = xp.where(xp.isfinite(x), x, lowest).astype("float64").clip(lowest, highest)
    scaled -= lowest
    scaled *= levels / (highest - lowest)
    return xp.rint(scaled).astype("int32")
