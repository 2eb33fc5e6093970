"""The restricted Boltzmann machine: visible and hidden units, connected with each other but not among themselves."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.backend.memory_order import as_rows
from mnistnn.backend.rng import stream
from mnistnn.backend.scratch import Scratch
from mnistnn.backend.threads import matmul
from mnistnn.component import component
from mnistnn.kernels import boltzmann
from mnistnn.kernels.activations import sigmoid, softplus
from mnistnn.layers.contract import Parameter
from mnistnn.layers.initializers import Constant, FanInOut, Glorot, Initializer, Zeros
from mnistnn.models.unsupervised import EnergyModel, biases_of, features_of
from mnistnn.types import Array, Shape


@component
class RBM(EnergyModel):
    """P(v, h) ∝ exp(−E), E(v, h) = −b_v'v − b_h'h − v'W h, with binary hidden units h.

    Given one side, the units of the other are independent: P(hⱼ = 1 | v) = σ(b_h + vW)ⱼ and P(vᵢ = 1 | h) = σ(b_v +
    hWᵀ)ᵢ. Gaussian visible units have ½|v − b_v|² in place of −b_v'v, and v | h is N(b_v + hWᵀ, I). The slides write
    exp(−v'Wh − …), the energy with the other sign, but the gradient ⟨vh⟩_data − ⟨vh⟩_model of this one: under theirs it
    makes images less probable. With −W, −b_v, −b_h for W, b_v, b_h both are the same model of binary units: samples and
    reconstructions are the same, pictures of the weights are negatives. hidden.W (n_in, units), hidden.b (units,),
    visible.b (n_in,). Smolensky (1986); Hinton (2002).
    """

    type: Literal["rbm"] = "rbm"
    hidden: Annotated[int, Field(ge=1, le=100_000)]
    """Number of hidden units."""
    visible: Literal["binary", "gaussian"] = "binary"
    """binary units take pixels in [0, 1] as their probabilities; gaussian ones any numbers, best of variance 1
    (`standardize`)."""
    init: Initializer = Field(default_factory=Glorot)
    """How W starts; biases of hidden units start at zero. The default is that of sigmoid units, U(±4 √(6/(n_in +
    units)))."""
    visible_bias: Literal["zeros", "data"] = "zeros"
    """How b_v starts: at zero, or where the units have the means of the training images, log p/(1 − p) for binary ones.
    Hinton (2012), section 8."""
    centred: bool = False
    """Follow the gradient of an RBM whose units are centred at their means over the data, which are followed as they
    go by: the same models, learned faster and alike from dark and from bright pictures. Montavon & Müller (2012);
    Melchior, Fischer & Wiskott (2016)."""

    def build(self, in_shape: Shape) -> Shape:
        """Lay out the values and return the shape of the hidden units."""
        self.take_shape(in_shape)
        self.shapes: dict[str, Shape] = {"visible": in_shape, "hidden": (self.hidden,)}
        fan = FanInOut(self.n_in, self.hidden, "sigmoid")
        declared = [
            ("hidden.W", Parameter("W", (self.n_in, self.hidden), "weight", self.init, fan)),
            ("hidden.b", Parameter("b", (self.hidden,), "bias", Zeros(), fan)),
            ("visible.b", Parameter("b", (self.n_in,), "bias", Zeros(), fan)),
        ]
        # Centring changes the gradient only: the parameters, and all that reads them, are those of any model.
        if self.centred:
            half = Constant(value=0.5)
            declared += [
                ("visible.mean", Parameter("mean", (self.n_in,), "statistic", half, fan)),
                ("hidden.mean", Parameter("mean", (self.hidden,), "statistic", half, fan)),
            ]
        self.lay_out(declared)
        self.scratch = Scratch()
        return (self.hidden,)

    def bind(self, values: dict[str, Array], grads: dict[str, Array]) -> None:
        self.W, self.b_h, self.b_v = (values[name] for name in ("hidden.W", "hidden.b", "visible.b"))
        self.dW, self.db_h, self.db_v = (grads[name] for name in ("hidden.W", "hidden.b", "visible.b"))
        if self.centred:
            self.v_mean, self.h_mean = values["visible.mean"], values["hidden.mean"]

    def initialize(self, seed: int) -> None:
        self.draw(stream(seed, "init"))

    def begin_at(self, means: Array) -> None:
        """Let visible units start as the means (n_in,) of the training images want it, as far as that is asked for.

        A centred RBM starts with centres at these means, and with biases that make up for the centring.
        """
        if self.visible_bias == "data":
            self.b_v[...] = biases_of(means, self.is_gaussian)
        if self.centred:
            self.v_mean[...] = means
            self.b_v -= self.W @ self.h_mean
            self.b_h -= self.v_mean @ self.W

    @property
    def is_gaussian(self) -> bool:
        return self.visible == "gaussian"

    @property
    def multiply_adds(self) -> int:
        """Multiplications (each with an addition) from one side to the other, for one example."""
        return self.n_in * self.hidden

    def into_hidden(self, v: Array, out: Array) -> None:
        """Write v W + b_h into out; v (n, n_in), out (n, units)."""
        matmul(v, self.W, out=out)
        out += self.b_h

    def into_visible(self, h: Array, out: Array) -> None:
        """Write h Wᵀ + b_v into out; h (n, units), out (n, n_in)."""
        matmul(h, self.W.T, out=out)
        out += self.b_v

    def hidden_probabilities(self, v: Array) -> Array:
        """Return P(h = 1 | v) (n, units), lent until the next call; v (n, *in_shape)."""
        p = self.scratch("p_h", (len(v), self.hidden), v)
        self.into_hidden(as_rows(v), p)
        sigmoid(p)
        return p

    def features(self) -> dict[str, np.ndarray]:
        """Return W and b of P(h = 1 | v) = σ(v W + b), as `features_of` does."""
        return features_of(self.W, self.b_h)

    def decoder(self) -> dict[str, np.ndarray]:
        """Return Wᵀ and b_v of the means of v given h, as `features_of` does."""
        return features_of(self.W.T, self.b_v)

    def visible_means(self, h: Array) -> Array:
        """Return the mean of v given h (n, n_in), lent until the next call; h (n, units), or probabilities of it."""
        mean = self.scratch("p_v", (len(h), self.n_in), h)
        self.into_visible(h, mean)
        if not self.is_gaussian:
            sigmoid(mean)
        return mean

    def reconstruct(self, x: Array) -> Array:
        """Return the means of v given P(h = 1 | x) (n, n_in), x (n, *in_shape); lent until the next call."""
        return self.visible_means(self.hidden_probabilities(x))

    def free_energy(self, v: Array) -> Array:
        v = as_rows(v)
        a, work = self.scratch("a", (len(v), self.hidden), v), self.scratch("work", v.shape, v)
        self.into_hidden(v, a)
        out = array_module(v).empty(len(v), dtype=v.dtype)
        boltzmann.free_energy(v, a, self.b_v, self.is_gaussian, work, out)
        return out

    def reconstruction_nll(self, v: Array) -> Array:
        """Return −log P(v | P(h | v)) of each example (n,), in a new array: how well its features give it back.

        Cross-entropy for binary units, as in LISA's program; squared error, and a constant, for Gaussian ones.
        """
        v = as_rows(v)
        a, out = self.scratch("p_v", v.shape, v), array_module(v).empty(len(v), dtype=v.dtype)
        self.into_visible(self.hidden_probabilities(v), a)
        boltzmann.visible_nll(v, a, self.is_gaussian, self.scratch("work", v.shape, v), out)
        return out

    def pixel_nll(self, v: Array, pixels: np.ndarray, known: Array | None = None) -> Array:
        """Flipping pixel i adds ±W[i] to what goes into the hidden units, so that −log P = softplus(F(v) − F(v with i
        flipped)) costs little: less if v is 0 or 1 throughout and v W + b_h (n, units) is known.
        """
        xp, n = array_module(v), len(v)
        a, flipped, work = (self.scratch(role, (n, self.hidden), v) for role in ("a", "flipped", "sums"))
        rounded, i = self.scratch("work", (n, self.n_in), v), xp.asarray(pixels)
        before, difference = (xp.empty(n, dtype=v.dtype) for _ in range(2))
        xp.greater(v, 0.5, out=rounded)
        if known is None:
            self.into_hidden(rounded, a)
        else:
            a[...] = known
        change = 1.0 - 2.0 * rounded[xp.arange(n), i]
        if xp is np:
            np.take(self.W, i, axis=0, out=flipped, mode="clip")  # unlike "raise", without an array in between
        else:
            flipped[...] = self.W[i]
        flipped *= change[:, None]
        flipped += a
        boltzmann.softplus_sums(flipped, work, difference)
        boltzmann.softplus_sums(a, work, before)
        difference -= before
        difference += change * self.b_v[i]
        softplus(difference)
        return difference

    def pixels_nll(self, v: Array) -> Array:
        """Each pixel is flipped in turn, which costs n·n_in·units in all."""
        xp, n = array_module(v), len(v)
        a, flipped, work = (self.scratch(role, (n, self.hidden), v) for role in ("a", "flipped", "sums"))
        rounded, total = self.scratch("work", (n, self.n_in), v), xp.zeros(n, dtype=v.dtype)
        before, difference = (xp.empty(n, dtype=v.dtype) for _ in range(2))
        xp.greater(v, 0.5, out=rounded)
        self.into_hidden(rounded, a)
        changes = 1.0 - 2.0 * rounded
        flipped[...] = a
        boltzmann.softplus_sums(flipped, work, before)
        for i in range(self.n_in):
            change = changes[:, i]
            xp.multiply(change[:, None], self.W[i], out=flipped)
            flipped += a
            boltzmann.softplus_sums(flipped, work, difference)
            difference -= before
            difference += change * self.b_v[i]
            softplus(difference)
            total += difference
        return total
