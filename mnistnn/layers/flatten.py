"""From images to rows of numbers."""

from math import prod
from typing import ClassVar, Literal

from mnistnn.backend.memory_order import as_examples, as_rows
from mnistnn.component import component
from mnistnn.layers.contract import BaseLayer, Parameter
from mnistnn.types import Array, SecondOrder, Shape


@component
class Flatten(BaseLayer):
    """Read each image as one row of numbers: channel by channel, row by row. Keeps nothing and moves nothing.

    Dense layers do so by themselves; this says it, and lets what counts features (batch_norm) count pixels.
    """

    type: Literal["flatten"] = "flatten"

    second_order: ClassVar[frozenset[SecondOrder]] = frozenset(
        {"tangents", "gauss_newton_diagonal", "per_example_gradients"}
    )

    def build(self, in_shape: Shape) -> tuple[Shape, list[Parameter]]:
        return (prod(in_shape),), []

    def forward(self, x: Array, train: bool) -> Array:
        self.x_shape = x.shape
        return as_rows(x)

    def backward(self, dy: Array, need_dx: bool = True) -> Array | None:
        return as_examples(dy, self.x_shape[1:]) if need_dx else None

    def jvp(self, x_dot: Array | None) -> Array:
        assert x_dot is not None
        return as_rows(x_dot)

    def backward_diagonal(self, hy: Array, need_hx: bool = True) -> Array | None:
        return self.backward(hy, need_hx)

    def backward_per_example(self, dy: Array, gradients: dict[str, Array], need_dx: bool = True) -> Array | None:
        return dy.reshape(len(dy), *self.x_shape) if need_dx else None
