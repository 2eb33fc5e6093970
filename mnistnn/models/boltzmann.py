"""The Boltzmann machine: every unit is connected to every other."""

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.backend.memory_order import as_rows
from mnistnn.backend.rng import stream
from mnistnn.backend.scratch import Scratch
from mnistnn.component import component
from mnistnn.kernels.activations import softplus
from mnistnn.layers.contract import Parameter
from mnistnn.layers.initializers import FanInOut, Initializer, Normal, Zeros
from mnistnn.models.unsupervised import EnergyModel, biases_of
from mnistnn.types import Array, Shape

MOST_HIDDEN = 12
"""Hidden units whose states are summed over, wherever it is asked how probable an image is."""

_AT_ONCE = 1 << 20  # numbers


@component
class Boltzmann(EnergyModel):
    """P(x) ∝ exp(−E), E(x) = −b'x − Σ_{i<j} wᵢⱼ xᵢ xⱼ, over binary units x = (v, h), all connected with all.

    P(xᵢ = 1 | the others) = σ(bᵢ + Σⱼ wᵢⱼ xⱼ). Without hidden units it knows of pairs of pixels and no more. Learning
    needs two sets of chains, one of which holds the pixels where they are; neither needs the other side's units to be
    independent, and so each unit takes its turn: for small models, and to see what the restricted one is good for.
    The slides write x'Wx, which counts each pair twice, and the energy with the other sign. visible.W (pairs of pixels,
    row by row), visible.b (n_in,); with hidden units hidden.W (n_in, hidden), hidden.pairs, hidden.b. Ackley, Hinton &
    Sejnowski (1985).
    """

    type: Literal["boltzmann"] = "boltzmann"
    hidden: Annotated[int, Field(ge=0, le=MOST_HIDDEN)] = 0
    """Number of hidden units; 0 makes a fully visible Boltzmann machine."""
    init: Initializer = Field(default_factory=lambda: Normal(std=0.01))
    """How weights start; biases of hidden units start at zero."""
    visible_bias: Literal["zeros", "data"] = "zeros"
    """How biases of visible units start: at zero, or where free units have the means of the training images."""

    def build(self, in_shape: Shape) -> Shape:
        """Lay out the values and return the shape of all units."""
        self.take_shape(in_shape)
        n_in, hidden = self.n_in, self.hidden
        self.units = n_in + hidden
        self.shapes: dict[str, Shape] = {"visible": in_shape, **({"hidden": (hidden,)} if hidden else {})}
        # A parameter for each pair, and no symmetric matrix: so each number can be moved alone, rules and penalties
        # count a pair once, and finite differences check the gradient.
        fan, declared = FanInOut(self.units, self.units, "sigmoid"), list[tuple[str, Parameter]]()
        if hidden:
            declared += [
                ("hidden.W", Parameter("W", (n_in, hidden), "weight", self.init, fan)),
                ("hidden.pairs", Parameter("pairs", (_pairs(hidden),), "weight", self.init, fan)),
                ("hidden.b", Parameter("b", (hidden,), "bias", Zeros(), fan)),
            ]
        declared += [
            ("visible.W", Parameter("W", (_pairs(n_in),), "weight", self.init, fan)),
            ("visible.b", Parameter("b", (n_in,), "bias", Zeros(), fan)),
        ]
        self.lay_out(declared)
        self.scratch = Scratch()
        return (self.units,)

    def allocate(self, xp: Any, dtype: str) -> None:
        super().allocate(xp, dtype)
        self._of_visible, self._of_hidden = (
            xp.asarray(self._places(first, count)) for first, count in ((0, self.n_in), (self.n_in, self.hidden))
        )
        self._states = xp.asarray(_states(self.hidden).astype(dtype))

    def bind(self, values: dict[str, Array], grads: dict[str, Array]) -> None:
        self._values, self._grads = values, grads

    def initialize(self, seed: int) -> None:
        self.draw(stream(seed, "init"))

    def begin_at(self, means: Array) -> None:
        if self.visible_bias == "data":
            self._values["visible.b"][...] = biases_of(means, is_gaussian=False)

    @property
    def is_gaussian(self) -> bool:
        return False

    @property
    def multiply_adds(self) -> int:
        return self.units * self.units

    def connections(self) -> tuple[Array, Array]:
        """Return W (units, units), symmetric with zeros on the diagonal, and b (units,), as theta has them now: pixels
        first, hidden units behind. Both are lent until the next call.
        """
        W, b = self.scratch("W", (self.units,) * 2, self.theta), self.scratch("b", (self.units,), self.theta)
        n_in, values = self.n_in, self._values
        W[...] = 0.0
        W.reshape(-1)[self._of_visible] = values["visible.W"]
        b[:n_in] = values["visible.b"]
        if self.hidden:
            W[:n_in, n_in:] = values["hidden.W"]
            W.reshape(-1)[self._of_hidden] = values["hidden.pairs"]
            b[n_in:] = values["hidden.b"]
        W += W.T.copy()
        return W, b

    def write_gradient(self, dW: Array, db: Array) -> None:
        """Write derivatives by wᵢⱼ, i < j, dW (units, units), and by b, db (units,), into grad."""
        n_in, grads = self.n_in, self._grads
        grads["visible.W"][...] = dW.reshape(-1)[self._of_visible]
        grads["visible.b"][...] = db[:n_in]
        if self.hidden:
            grads["hidden.W"][...] = dW[:n_in, n_in:]
            grads["hidden.pairs"][...] = dW.reshape(-1)[self._of_hidden]
            grads["hidden.b"][...] = db[n_in:]

    def weights_into(self, name: str) -> Array:
        """Return the weights into hidden units, or between pixels (n_in, n_in)."""
        return self.connections()[0][: self.n_in, : self.n_in] if name == "visible" else super().weights_into(name)

    def free_energy(self, v: Array) -> Array:
        """Sum over the states of all hidden units, a block of images at a time."""
        v, (W, b) = as_rows(v), self.connections()
        n_in, xp = self.n_in, array_module(v)
        out = -(v @ b[:n_in]) - 0.5 * ((v @ W[:n_in, :n_in]) * v).sum(axis=1)
        if not self.hidden:
            return out
        among = 0.5 * ((self._states @ W[n_in:, n_in:]) * self._states).sum(axis=1) + self._states @ b[n_in:]
        step = max(1, _AT_ONCE // len(self._states))
        for start in range(0, len(v), step):
            rows = slice(start, start + step)
            log_p = (v[rows] @ W[:n_in, n_in:]) @ self._states.T + among
            largest = log_p.max(axis=1)
            out[rows] -= largest + xp.log(xp.exp(log_p - largest[:, None]).sum(axis=1))
        return out

    def pixel_nll(self, v: Array, pixels: np.ndarray) -> Array:
        """−log P = softplus(F(v) − F(v with i flipped))"""
        xp, rounded = array_module(v), self.scratch("rounded", v.shape, v)
        xp.greater(v, 0.5, out=rounded)
        change = self.free_energy(rounded)
        at, flat = xp.asarray(np.arange(len(v)) * self.n_in + pixels), rounded.reshape(-1)
        flat[at] = 1.0 - flat[at]
        change -= self.free_energy(rounded)
        softplus(change)
        return change

    def pixels_nll(self, v: Array) -> Array:
        """Each pixel is flipped in turn."""
        total = array_module(v).zeros(len(v), dtype=v.dtype)
        for i in range(self.n_in):
            total += self.pixel_nll(v, np.full(len(v), i))
        return total

    def _places(self, first: int, count: int) -> np.ndarray:
        """Return where pairs of `count` units, from `first` on, stand in the flattened W, row by row."""
        i, j = np.triu_indices(count, 1)
        return (first + i) * self.units + first + j


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


def _states(units: int) -> np.ndarray:
    """Return all states (2^units, units) of binary units."""
    return np.arange(1 << units)[:, None] >> np.arange(units) & 1
