"""The fully connected layer: y = f(x W + b)."""

from math import prod
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.backend.memory_order import as_examples, as_rows
from mnistnn.backend.scratch import Scratch
from mnistnn.backend.threads import along, is_long, matmul
from mnistnn.component import component
from mnistnn.kernels.dense import dense, dense_backward, limit_columns
from mnistnn.layers.activations import ACTIVATIONS, ActivationName
from mnistnn.layers.contract import BaseLayer, Parameter
from mnistnn.layers.initializers import FanInOut, Glorot, Initializer, Zeros
from mnistnn.types import Array, SecondOrder, Shape, ShapeError, show_shape

# With so few units and so many examples, the transpose of dW is the faster product.
_NARROW, _MANY = 32, 512


@component
class Dense(BaseLayer):
    """Fully connected: y = f(x W + b). Images are read as rows of pixels.

    W (n_in, units), b (units,). Keeps y, and dx where it is asked for: n·(units + n_in) numbers; with each_step as many
    for each step.
    """

    type: Literal["dense"] = "dense"
    units: Annotated[int, Field(ge=1, le=1_000_000)]
    """Number of outputs."""
    activation: ActivationName = "linear"
    """The element-wise f, applied in place."""
    init: Initializer = Field(default_factory=Glorot)
    """How W starts; b starts at zero."""
    each_step: bool = False
    """Time-distributed: each step of a sequence by itself, with the same weights: (steps, features) become (steps,
    units)."""
    max_norm: Annotated[float, Field(gt=0)] | None = None
    """After each update, scale the weights into a unit down to this Euclidean norm if theirs is larger."""

    second_order: ClassVar[frozenset[SecondOrder]] = frozenset(
        {"tangents", "gauss_newton_diagonal", "per_example_gradients"}
    )

    def build(self, in_shape: Shape) -> tuple[Shape, list[Parameter]]:
        if self.each_step and len(in_shape) != 2:
            raise ShapeError(f"each_step is for sequences (steps × features), and its input is {show_shape(in_shape)}")
        self.steps = in_shape[0] if self.each_step else 1
        self.n_in = n_in = prod(in_shape) // self.steps
        fan = FanInOut(n_in, self.units, self.activation)
        self.scratch = Scratch()
        return (self.steps, self.units) if self.each_step else (self.units,), [
            Parameter("W", (n_in, self.units), "weight", self.init, fan),
            Parameter("b", (self.units,), "bias", Zeros(), fan),
        ]

    def bind(self, values: dict[str, Array], grads: dict[str, Array]) -> None:
        self.W, self.b = values["W"], values["b"]
        self.dW, self.db = grads["W"], grads["b"]

    @property
    def is_constrained(self) -> bool:
        return self.max_norm is not None

    def project(self) -> None:
        if self.max_norm is not None:
            square, factor = self.scratch("square", self.W.shape, self.W), self.scratch("factor", self.b.shape, self.b)
            limit_columns(self.W, self.max_norm, square, factor)

    def forward(self, x: Array, train: bool) -> Array:
        self.x_shape = x.shape
        self.x = self._rows(x)  # (n, n_in), or (n·steps, n_in)
        self.y = self.scratch("y", (len(self.x), self.units), x)
        matmul(self.x, self.W, out=self.y)
        f = ACTIVATIONS[self.activation]
        if is_long(self.y):
            along(lambda rows, _: f.after_bias(self.y[rows], self.b, self.y[rows]), self.y)
        else:
            f.after_bias(self.y, self.b, self.y)
        return self._handed_on(self.y)

    def _rows(self, x: Array) -> Array:
        return x.reshape(-1, self.n_in) if self.each_step else as_rows(x)

    def _handed_on(self, y: Array) -> Array:
        return y.reshape(-1, self.steps, self.units) if self.each_step else y

    def backward(self, dy: Array, need_dx: bool = True) -> Array | None:
        dy = dy.reshape(-1, self.units)
        f = ACTIVATIONS[self.activation]
        if is_long(dy):
            along(lambda rows, _: f.backward(dy[rows], self.y[rows]), dy)
        else:
            f.backward(dy, self.y)
        dx = self.scratch.as_laid_out("dx", self.x) if need_dx else None
        is_narrow = isinstance(dy, np.ndarray) and self.units <= _NARROW and len(dy) >= _MANY
        dW_T = self.scratch("dW_T", (self.units, self.n_in), dy) if is_narrow else None
        dense_backward(dy, self.x, self.W, self.dW, self.db, dx, dW_T)
        return None if dx is None else self._as_given(dx)

    def _as_given(self, dx: Array) -> Array:
        return dx.reshape(self.x_shape) if self.each_step else as_examples(dx, self.x_shape[1:])

    @property
    def overwritten(self) -> tuple[Array, ...]:
        return (self.y,)

    def bind_tangents(self, tangents: dict[str, Array]) -> None:
        self.W_dot, self.b_dot = tangents["W"], tangents["b"]

    def jvp(self, x_dot: Array | None) -> Array:
        y_dot, work = (self.scratch(role, self.y.shape, self.y) for role in ("y_dot", "work"))
        dense(self.x, self.W_dot, self.b_dot, y_dot)
        if x_dot is not None:
            matmul(self._rows(x_dot), self.W, out=work)
            y_dot += work
        ACTIVATIONS[self.activation].tangent(y_dot, self.y, work)
        return self._handed_on(y_dot)

    def backward_diagonal(self, hy: Array, need_hx: bool = True) -> Array | None:
        x_squared, W_squared = self.scratch.as_laid_out("x²", self.x), self.scratch("W²", self.W.shape, self.W)
        hy = hy.reshape(-1, self.units)
        xp, activation = array_module(hy), ACTIVATIONS[self.activation]
        xp.multiply(self.x, self.x, out=x_squared)
        xp.multiply(self.W, self.W, out=W_squared)
        activation.tangent(hy, self.y, self.scratch("work", self.y.shape, self.y))
        activation.backward(hy, self.y)
        hx = self.scratch.as_laid_out("dx", self.x) if need_hx else None
        dense_backward(hy, x_squared, W_squared, self.dW, self.db, hx)
        return None if hx is None else self._as_given(hx)

    def backward_per_example(self, dy: Array, gradients: dict[str, Array], need_dx: bool = True) -> Array | None:
        k, xp = len(dy), array_module(dy)
        dy = dy.reshape(k, -1, self.units)
        for dz in dy:
            ACTIVATIONS[self.activation].tangent(dz, self.y, self.scratch("work", self.y.shape, self.y))
        if self.each_step:
            x, by_example = self.x.reshape(-1, self.steps, self.n_in), dy.reshape(k, -1, self.steps, self.units)
            xp.matmul(x.transpose(0, 2, 1)[None], by_example, out=gradients["W"])
            xp.sum(by_example, axis=2, out=gradients["b"])
        else:  # dW[k, i] = xᵢ dz[k, i]ᵀ, an outer product for each function and example
            xp.multiply(self.x[:, :, None], dy[:, :, None, :], out=gradients["W"])
            gradients["b"][...] = dy
        if not need_dx:
            return None
        dx = self.scratch("dx per example", (k, *self.x.shape), dy)
        matmul(dy.reshape(-1, self.units), self.W.T, out=dx.reshape(-1, self.n_in))
        return dx.reshape(k, *self.x_shape)

    @property
    def multiply_adds(self) -> int:
        return self.steps * self.n_in * self.units

    def memory(self, n: int, train: bool, workers: int = 1) -> int:
        limited = 0 if self.max_norm is None else (self.n_in + 1) * self.units
        n *= self.steps
        transposed = self.n_in * self.units if self.units <= _NARROW and n >= _MANY else 0
        return n * (self.units + (self.n_in if train else 0)) + (limited + transposed if train else 0)
