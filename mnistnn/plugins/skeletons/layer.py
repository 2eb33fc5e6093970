"""A layer of my own.

Is it right?  mnistnn inspect component skeleton.py
Use it:       mnistnn train mlp --code skeleton.py "model.layers.hidden={type: skeleton, units: 100}"
"""

from math import prod
from typing import Literal

from mnistnn.plugins import (
    Array,
    BaseLayer,
    Count,
    FanInOut,
    Glorot,
    Parameter,
    Scratch,
    Shape,
    Zeros,
    array_module,
    as_examples,
    as_rows,
    layer,
    matmul,
)


@layer
class Skeleton(BaseLayer):
    """y = max(0, x W + b)."""

    # What an experiment calls it: {type: skeleton}.
    type: Literal["skeleton"] = "skeleton"
    # Each field is a key; the text below it is what `mnistnn config explain` says. Without a default it must be given.
    units: Count = 10
    """Number of outputs."""

    def build(self, in_shape: Shape) -> tuple[Shape, list[Parameter]]:
        """Return the shape of an output, and the parameters, without arrays. Raise ShapeError for other inputs."""
        self.n_in = prod(in_shape)
        self.scratch = Scratch()  # working memory: the same array for the same name, so that no step allocates any
        fan = FanInOut(self.n_in, self.units, "relu")
        return (self.units,), [
            Parameter("W", (self.n_in, self.units), "weight", Glorot(), fan),
            Parameter("b", (self.units,), "bias", Zeros(), fan),  # penalties leave a "bias" alone
        ]

    def bind(self, values: dict[str, Array], grads: dict[str, Array]) -> None:
        """Take the arrays of the parameters, and those for the gradients, which `backward` overwrites."""
        self.W, self.b = values["W"], values["b"]
        self.dW, self.db = grads["W"], grads["b"]

    def forward(self, x: Array, train: bool) -> Array:
        """Return y (n, units) for x (n, *in_shape), which is only read; x stays as it is until `backward`."""
        self.x, self.in_shape = as_rows(x), x.shape[1:]
        self.y = self.scratch("y", (len(x), self.units), x)
        matmul(self.x, self.W, out=self.y)
        self.y += self.b
        array_module(x).maximum(self.y, 0, out=self.y)
        return self.y

    def backward(self, dy: Array, need_dx: bool = True) -> Array | None:
        """Write dW and db; return dx if it is needed. dy (n, units) may be overwritten."""
        xp = array_module(dy)
        is_on = self.scratch("is on", dy.shape, dy)
        xp.greater(self.y, 0, out=is_on)
        dy *= is_on
        matmul(self.x.T, dy, out=self.dW)
        xp.sum(dy, axis=0, out=self.db)
        if not need_dx:
            return None
        dx = self.scratch.as_laid_out("dx", self.x)
        matmul(dy, self.W.T, out=dx)
        return as_examples(dx, self.in_shape)

    def memory(self, n: int, train: bool, workers: int = 1) -> int:
        """Return how many numbers the layer keeps for a batch of n; what a run needs is told by that."""
        in_training = n * (self.units + self.n_in) if train else 0
        return n * self.units + in_training
