"""A layer with LeCun's activation. Is it right?  mnistnn inspect component layer.py"""

from typing import Literal

from mnistnn.plugins import Array, BaseLayer, Parameter, Scratch, Shape, array_module, layer

A = 1.7159
S = 2 / 3


@layer
class MyScaledTanh(BaseLayer):
    """y = 1.7159 tanh(2/3 z)."""

    type: Literal["my_scaled_tanh"] = "my_scaled_tanh"

    def build(self, in_shape: Shape) -> tuple[Shape, list[Parameter]]:
        """Return the shape of an output, which is that of an input, and no parameters."""
        self.scratch = Scratch()
        return in_shape, []

    def forward(self, x: Array, train: bool) -> Array:
        """Return y for z; both (n, ...)."""
        self.y = self.scratch("y", x.shape, x)
        array_module(x).tanh(S * x, out=self.y)
        self.y *= A
        return self.y

    def backward(self, dy: Array, need_dx: bool = True) -> Array | None:
        """Return dz for dy; both (n, ...)."""
        return dy  # this is what you write
