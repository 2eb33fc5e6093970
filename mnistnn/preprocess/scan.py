"""Images as sequences: a few pixels in each step."""

from math import prod
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.backend.rng import stream
from mnistnn.component import component
from mnistnn.preprocess.contract import Transform, row_blocks
from mnistnn.types import Array, Shape, ShapeError, show_shape


@component
class Scan(Transform):
    """Read the pixels of an image one after the other, row by row, as steps of a recurrent layer: (steps, pixels).

    Le, Jaitly & Hinton (2015) read MNIST so, in 784 steps of one pixel, and in an order that is drawn once for all
    images, which leaves nothing of what lies near in an image near in time.
    """

    type: Literal["scan"] = "scan"
    pixels: Annotated[int, Field(ge=1)] = 1
    """Pixels of a step."""
    permutation: Annotated[int, Field(ge=0)] | None = None
    """Read pixels in a random order, the same for all images, of which this is the seed; null reads row by row."""

    def build(self, in_shape: Shape) -> None:
        super().build(in_shape)
        numbers = prod(in_shape)
        if numbers % self.pixels:
            raise ShapeError(
                f"images of {show_shape(in_shape)} have {numbers} pixels, which cannot be read {self.pixels} at a time"
            )
        self.out_shape = (numbers // self.pixels, self.pixels)

    @property
    def order(self) -> np.ndarray | None:
        """The pixel that each place of the sequence takes; None takes them as they come."""
        if self.permutation is None:
            return None
        return stream(self.permutation, "order").permutation(prod(self.in_shape))

    def apply(self, x: Array) -> Array:
        order = self.order
        if order is not None:
            xp = array_module(x)
            at, flat = xp.asarray(order), x.reshape(len(x), -1)
            for rows in row_blocks(len(x)):
                flat[rows] = flat[rows].take(at, axis=1)
        return x.reshape(len(x), *self.out_shape)
