"""An activation as a layer of its own."""

from math import prod
from typing import ClassVar, Literal

from mnistnn.backend.memory_order import in_memory_order
from mnistnn.backend.scratch import Scratch
from mnistnn.component import component
from mnistnn.layers.activations import ACTIVATIONS, ActivationName
from mnistnn.layers.contract import BaseLayer, Parameter
from mnistnn.types import Array, SecondOrder, Shape


@component
class ActivationLayer(BaseLayer):
    """Apply an activation to every element; for where the layer before cannot. Keeps y: as many numbers as x."""

    type: Literal["activation"] = "activation"
    activation: ActivationName
    """The element-wise f."""

    second_order: ClassVar[frozenset[SecondOrder]] = frozenset(
        {"tangents", "gauss_newton_diagonal", "per_example_gradients"}
    )

    def build(self, in_shape: Shape) -> tuple[Shape, list[Parameter]]:
        self.in_shape, self.scratch = in_shape, Scratch()
        return in_shape, []

    def forward(self, x: Array, train: bool) -> Array:
        self.y = self.scratch.as_laid_out("y", x)
        self.y[...] = x
        ACTIVATIONS[self.activation].forward(in_memory_order(self.y))
        return self.y

    def backward(self, dy: Array, need_dx: bool = True) -> Array | None:
        ACTIVATIONS[self.activation].backward(dy, self.y)
        return dy if need_dx else None

    @property
    def overwritten(self) -> tuple[Array, ...]:
        return (self.y,)

    def jvp(self, x_dot: Array | None) -> Array:
        assert x_dot is not None
        ACTIVATIONS[self.activation].tangent(x_dot, self.y, self.scratch.as_laid_out("work", self.y))
        return x_dot

    def backward_diagonal(self, hy: Array, need_hx: bool = True) -> Array | None:
        ACTIVATIONS[self.activation].tangent(hy, self.y, self.scratch.as_laid_out("work", self.y))
        return self.backward(hy, need_hx)

    def backward_per_example(self, dy: Array, gradients: dict[str, Array], need_dx: bool = True) -> Array | None:
        for one in dy:
            ACTIVATIONS[self.activation].tangent(one, self.y, self.scratch.as_laid_out("work", self.y))
        return dy if need_dx else None

    def memory(self, n: int, train: bool, workers: int = 1) -> int:
        return n * prod(self.in_shape)
