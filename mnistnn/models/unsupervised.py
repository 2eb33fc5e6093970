"""The base of unsupervised models, which learn from images alone."""

from math import prod
from typing import ClassVar

import numpy as np

from mnistnn.backend.arrays import array_module, to_host
from mnistnn.backend.memory_order import as_rows
from mnistnn.component import component
from mnistnn.layers import Layer
from mnistnn.models.flat import FlatModel
from mnistnn.types import Array, Shape

_LEAST_MEAN = 0.001  # of a pixel, so that one that is never white does not start at minus infinity


@component
class Unsupervised(FlatModel):
    """Abstract: a model of images, whose pixels are its visible units (n_in,)."""

    layers: ClassVar[dict[str, Layer]] = {}
    """It consists of none."""
    learns_by: ClassVar[str]
    """The loss that belongs to it."""

    def take_shape(self, in_shape: Shape) -> None:
        """Remember the shape of an image."""
        self.in_shape, self.n_in = in_shape, prod(in_shape)

    @property
    def is_gaussian(self) -> bool:
        """Whether visible units are any numbers, and not probabilities."""
        raise NotImplementedError

    @property
    def multiply_adds(self) -> int:
        """Multiplications (each with an addition) of one pass over all connections, for one example."""
        raise NotImplementedError

    def initialize(self, seed: int) -> None:
        """Draw the initial parameters."""
        raise NotImplementedError

    def begin_at(self, means: Array) -> None:
        """Let visible units start as the means (n_in,) of the training images want it, as far as that is asked for."""
        raise NotImplementedError


@component
class EnergyModel(Unsupervised):
    """Abstract: a model that says how probable an image is, but for a factor: P(v) ∝ exp(−F(v)), F the free energy."""

    learns_by: ClassVar[str] = "contrastive_divergence"

    def free_energy(self, v: Array) -> Array:
        """Return the free energy of each example (n,), in a new array; v (n, *in_shape)."""
        raise NotImplementedError

    def log_odds(self, v: Array) -> Array:
        """Return log P(vᵢ = 1 | the other pixels) − log P(vᵢ = 0 | the others) of each pixel of v (n, *in_shape), (n,
        n_in), in a new array: F(v with vᵢ = 0) − F(v with vᵢ = 1). For binary pixels.
        """
        v = as_rows(v)
        xp = array_module(v)
        odds, at = xp.empty_like(v), xp.arange(self.n_in)
        for row, out in zip(v, odds, strict=True):
            off, on = (xp.repeat(row[None], self.n_in, axis=0) for _ in range(2))
            off[at, at], on[at, at] = 0.0, 1.0
            out[...] = self.free_energy(off) - self.free_energy(on)
        return odds

    def pixel_nll(self, v: Array, pixels: np.ndarray) -> Array:
        """Return −log P(vᵢ | the other pixels) of each row of v (n, n_in), rounded, in a new array.

        pixels  (n,) i of each row, on the host
        """
        raise NotImplementedError

    def pixels_nll(self, v: Array) -> Array:
        """Return Σᵢ −log P(vᵢ | the other pixels) of each row of v (n, n_in), rounded, in a new array.

        Minus the pseudo-likelihood. Besag (1975).
        """
        raise NotImplementedError


def biases_of(means: Array, is_gaussian: bool) -> Array:
    """Return the biases of free visible units with these means (n_in,): log p/(1 − p) for binary ones."""
    xp = array_module(means)
    p = xp.clip(means, _LEAST_MEAN, 1.0 - _LEAST_MEAN)
    return means if is_gaussian else xp.log(p) - xp.log(1.0 - p)


def features_of(W: Array, b: Array) -> dict[str, np.ndarray]:
    """Return W (n_in, units) and b (units,) of the features σ(v W + b), float64 and on the host: what the transform
    `features` is restored from.
    """
    return {"W": to_host(W).astype(np.float64), "b": to_host(b).astype(np.float64)}
