"""The autoencoder: hidden units that keep of an image what is needed to reconstruct it."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.backend.memory_order import as_rows
from mnistnn.backend.rng import stream
from mnistnn.backend.scratch import Scratch
from mnistnn.backend.threads import matmul
from mnistnn.component import component
from mnistnn.kernels import boltzmann
from mnistnn.kernels.activations import sigmoid
from mnistnn.layers.contract import Parameter
from mnistnn.layers.initializers import FanInOut, Glorot, Initializer, Zeros
from mnistnn.models.unsupervised import Unsupervised, biases_of, features_of
from mnistnn.types import Array, Shape


@component
class Autoencoder(Unsupervised):
    """y = σ(x W + b_h), and from it a = y W' + b_v, with W' = Wᵀ: of binary pixels σ(a) are the probabilities, of
    gaussian ones a the means.

    hidden.W (n_in, units), hidden.b (units,), visible.b (n_in,), and visible.W (units, n_in) if weights are not tied.
    Vincent, Larochelle, Bengio & Manzagol (2008).
    """

    type: Literal["autoencoder"] = "autoencoder"
    hidden: Annotated[int, Field(ge=1, le=100_000)]
    """Number of hidden units."""
    visible: Literal["binary", "gaussian"] = "binary"
    """binary pixels are probabilities in [0, 1], reconstructed by cross-entropy; gaussian ones any numbers,
    reconstructed by squared error."""
    tied: bool = True
    """Whether W' is the transpose of W, or has weights of its own."""
    init: Initializer = Field(default_factory=Glorot)
    """How W and W' start; biases of hidden units start at zero. The default is that of sigmoid units, U(±4 √(6/(n_in +
    units)))."""
    visible_bias: Literal["zeros", "data"] = "zeros"
    """How b_v starts: at zero, or where an image reconstructed without looking has the means of the training images."""

    learns_by: ClassVar[str] = "reconstruction"

    def build(self, in_shape: Shape) -> Shape:
        """Lay out the values and return the shape of the hidden units."""
        self.take_shape(in_shape)
        self.shapes: dict[str, Shape] = {"hidden": (self.hidden,), "visible": in_shape}
        fan, back = FanInOut(self.n_in, self.hidden, "sigmoid"), FanInOut(self.hidden, self.n_in, "sigmoid")
        declared = [
            ("hidden.W", Parameter("W", (self.n_in, self.hidden), "weight", self.init, fan)),
            ("hidden.b", Parameter("b", (self.hidden,), "bias", Zeros(), fan)),
            ("visible.b", Parameter("b", (self.n_in,), "bias", Zeros(), back)),
        ]
        if not self.tied:
            declared.append(("visible.W", Parameter("W", (self.hidden, self.n_in), "weight", self.init, back)))
        self.lay_out(declared)
        self.scratch = Scratch()
        return (self.hidden,)

    def bind(self, values: dict[str, Array], grads: dict[str, Array]) -> None:
        self.W, self.b_h, self.b_v = (values[name] for name in ("hidden.W", "hidden.b", "visible.b"))
        self.dW, self.db_h, self.db_v = (grads[name] for name in ("hidden.W", "hidden.b", "visible.b"))
        self.W_back = self.W.T if self.tied else values["visible.W"]
        self.dW_back = None if self.tied else grads["visible.W"]

    def initialize(self, seed: int) -> None:
        self.draw(stream(seed, "init"))

    def begin_at(self, means: Array) -> None:
        if self.visible_bias == "data":
            self.b_v[...] = biases_of(means, self.is_gaussian)

    @property
    def is_gaussian(self) -> bool:
        return self.visible == "gaussian"

    @property
    def multiply_adds(self) -> int:
        return 2 * self.n_in * self.hidden

    def encode(self, x: Array, out: Array) -> None:
        """Write y = σ(x W + b_h) into out; x (n, n_in), out (n, units)."""
        matmul(x, self.W, out=out)
        out += self.b_h
        sigmoid(out)

    def decode(self, y: Array, out: Array) -> None:
        """Write a = y W' + b_v into out; y (n, units), out (n, n_in)."""
        matmul(y, self.W_back, out=out)
        out += self.b_v

    def reconstruct(self, x: Array) -> Array:
        """Return the reconstruction of x (n, *in_shape): σ(a), or a (n, n_in); lent until the next call."""
        a = self._decoded(x)
        if not self.is_gaussian:
            sigmoid(a)
        return a

    def reconstruction_nll(self, x: Array, seen: Array | None = None) -> Array:
        """Return −log P(x | y) of each example (n,), in a new array, with y of what is `seen` of it, or of x itself."""
        x, a = as_rows(x), self._decoded(x if seen is None else seen)
        out = array_module(x).empty(len(x), dtype=x.dtype)
        boltzmann.visible_nll(x, a, self.is_gaussian, self.scratch("work", x.shape, x), out)
        return out

    def features(self) -> dict[str, np.ndarray]:
        """Return W and b of y = σ(x W + b), as `features_of` does."""
        return features_of(self.W, self.b_h)

    def decoder(self) -> dict[str, np.ndarray]:
        """Return W' and b_v of a = y W' + b_v, as `features_of` does."""
        return features_of(self.W_back, self.b_v)

    def _decoded(self, x: Array) -> Array:
        y, a = self.scratch("y", (len(x), self.hidden), x), self.scratch("a", (len(x), self.n_in), x)
        self.encode(as_rows(x), y)
        self.decode(y, a)
        return a
