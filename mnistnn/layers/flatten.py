"""From images to rows of numbers."""

from math import prod
from typing import Literal

from mnistnn.backend import Array
from mnistnn.component import component
from mnistnn.layers.contract import BaseLayer, Parameter
from mnistnn.layout import as_examples, as_rows
from mnistnn.shapes import Shape


@component
class Flatten(BaseLayer):
    """Read each image as one row of numbers: channel by channel, row by row. Keeps nothing and moves nothing.

    Dense layers do so by themselves; this says it, and lets what counts features (batch_norm) count pixels.
    """

    type: Literal["flatten"] = "flatten"

    def build(self, in_shape: Shape) -> tuple[Shape, list[Parameter]]:
        return (prod(in_shape),), []

    def forward(self, x: Array, train: bool) -> Array:
        self.x_shape = x.shape
        return as_rows(x)

    def backward(self, dy: Array, need_dx: bool = True) -> Array | None:
        return as_examples(dy, self.x_shape[1:]) if need_dx else None
