"""DropConnect: dropout of weights, the form in which the slides program dropout."""

from math import prod
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.backend.memory_order import as_examples, as_rows
from mnistnn.backend.rng import UpdateStreams
from mnistnn.backend.scratch import Scratch
from mnistnn.component import component
from mnistnn.kernels.dense import dense
from mnistnn.kernels.dropconnect import masked_dense, masked_dense_backward
from mnistnn.kernels.dropout import bernoulli
from mnistnn.layers.activations import ACTIVATIONS, ActivationName
from mnistnn.layers.contract import BaseLayer, Parameter
from mnistnn.layers.initializers import FanInOut, Glorot, Initializer, Zeros
from mnistnn.types import Array, SecondOrder, Shape


@component
class DropConnect(BaseLayer):
    """Fully connected, with masked weights in training: y = f(x (W ∘ M) + b), M ~ Bernoulli(keep); then W · keep.

    One mask for the whole mini-batch, as in the slides (which speak of units but mask weights), or one for each
    example, as in Wan et al. (2013). Biases are never masked. Predictions use the mean weights, W · keep: they stand
    for the normalised geometric mean of the predictions of all masks, exactly if this layer is the last one, linear and
    before a softmax, else as an approximation. `eval --mc-samples N --mc-mean geometric` samples that mean, and
    `--mc-mean arithmetic`, the default, that of the probabilities.
    Keeps y, the masked weights and the mask: 2·n_in·units numbers, or for each example n_in·units of them.
    """

    type: Literal["dropconnect"] = "dropconnect"
    units: Annotated[int, Field(ge=1, le=1_000_000)]
    """Number of outputs."""
    activation: ActivationName = "linear"
    """The element-wise f, applied in place."""
    init: Initializer = Field(default_factory=Glorot)
    """How W starts; b starts at zero."""
    keep: Annotated[float, Field(gt=0, le=1)] = 0.75
    """Probability that a weight stays. The slides call their 0.75 a drop factor, but it is this."""
    per_example: bool = False
    """Draw a mask for each example instead of one for the mini-batch; slow, and meant for small layers."""

    is_random: ClassVar[bool] = True
    second_order: ClassVar[frozenset[SecondOrder]] = frozenset({"tangents"})

    def build(self, in_shape: Shape) -> tuple[Shape, list[Parameter]]:
        self.n_in = n_in = prod(in_shape)
        fan = FanInOut(n_in, self.units, self.activation)
        self.scratch = Scratch()
        return (self.units,), [
            Parameter("W", (n_in, self.units), "weight", self.init, fan),
            Parameter("b", (self.units,), "bias", Zeros(), fan),
        ]

    def bind(self, values: dict[str, Array], grads: dict[str, Array]) -> None:
        self.W, self.b = values["W"], values["b"]
        self.dW, self.db = grads["W"], grads["b"]

    def seed(self, seed: int, part: int) -> None:
        self.streams = UpdateStreams(seed, "dropout", part)

    def begin_update(self, update: int, piece: int = 0) -> None:
        self.update, self.piece = update, piece

    def draw(self, mask: Array) -> None:
        bernoulli(self.streams.at(self.update, self.piece), self.keep, mask)

    def forward(self, x: Array, train: bool) -> Array:
        self.x_shape = x.shape
        self.x = as_rows(x)  # (n, n_in)
        self.y = self.scratch("y", (len(x), self.units), x)
        self.masked = self.scratch("masked", self.W.shape, self.W)
        if train:
            self.mask = self.scratch("masks", (len(x) if self.per_example else 1, *self.W.shape), self.W)
            if self.draws_itself:
                self.draw(self.mask)
            masked_dense(self.x, self.W, self.b, self.mask, self.masked, self.y)
        else:
            array_module(x).multiply(self.W, self.keep, out=self.masked)
            dense(self.x, self.masked, self.b, self.y)
        ACTIVATIONS[self.activation].forward(self.y)
        return self.y

    def backward(self, dy: Array, need_dx: bool = True) -> Array | None:
        ACTIVATIONS[self.activation].backward(dy, self.y)
        dx = self.scratch.as_laid_out("dx", self.x) if need_dx else None
        masked_dense_backward(dy, self.x, self.W, self.mask, self.masked, self.dW, self.db, dx)
        return None if dx is None else as_examples(dx, self.x_shape[1:])

    @property
    def overwritten(self) -> tuple[Array, ...]:
        return (self.y,)

    def bind_tangents(self, tangents: dict[str, Array]) -> None:
        self.W_dot, self.b_dot = tangents["W"], tangents["b"]

    def jvp(self, x_dot: Array | None) -> Array:
        y_dot, work = (self.scratch(role, self.y.shape, self.y) for role in ("y_dot", "work"))
        masked = self.scratch("masked tangent", self.W.shape, self.W)
        masked_dense(self.x, self.W_dot, self.b_dot, self.mask, masked, y_dot)
        if x_dot is not None:
            masked_dense(as_rows(x_dot), self.W, array_module(self.b).full_like(self.b, 0.0), self.mask, masked, work)
            y_dot += work
        ACTIVATIONS[self.activation].tangent(y_dot, self.y, work)
        return y_dot

    @property
    def multiply_adds(self) -> int:
        return self.n_in * self.units

    def memory(self, n: int, train: bool, workers: int = 1) -> int:
        weights = self.n_in * self.units
        masks = (n if self.per_example else 1) * weights
        return n * self.units + weights + (n * self.n_in + masks if train else 0)
