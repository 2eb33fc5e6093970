"""An activation as a layer of its own."""

from math import prod
from typing import Literal

from mnistnn.activations import ACTIVATIONS, ActivationName
from mnistnn.backend import Array
from mnistnn.component import component
from mnistnn.layers.contract import BaseLayer, Parameter
from mnistnn.layout import in_memory_order
from mnistnn.scratch import Scratch
from mnistnn.shapes import Shape


@component
class ActivationLayer(BaseLayer):
    """Apply an activation to every element; for where the layer before cannot. Keeps y: as many numbers as x."""

    type: Literal["activation"] = "activation"
    activation: ActivationName
    """The element-wise f."""

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

    def memory(self, n: int, train: bool, workers: int = 1) -> int:
        return n * prod(self.in_shape)
