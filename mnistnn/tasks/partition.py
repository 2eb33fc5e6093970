"""The partition function of a Boltzmann machine by enumeration, and what all estimates of it share.

log Z = log Σ_v exp(−F(v)) is what free energies lack to be log-likelihoods: log P(v) = −F(v) − log Z. All is computed
on the host, in float64.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.backend.arrays import to_host
from mnistnn.kernels import activations
from mnistnn.kernels.boltzmann import free_energy
from mnistnn.models.boltzmann import Boltzmann
from mnistnn.models.rbm import RBM

ENUMERABLE = 20
"""Units up to which all states are gone through: on one side of an RBM, in all of another."""

_AT_ONCE = 12  # of them whose states are in memory at a time

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class RBMParameters:
    """The parameters of a restricted one: W (n_in, units), b_h (units,), b_v (n_in,), and what visible units are."""

    W: Vector
    b_h: Vector
    b_v: Vector
    is_gaussian: bool

    @classmethod
    def of(cls, model: RBM) -> "RBMParameters":
        W, b_h, b_v = (to_host(array).astype(np.float64) for array in (model.W, model.b_h, model.b_v))
        return cls(W, b_h, b_v, model.is_gaussian)

    def free_energy(self, v: Vector) -> Vector:
        """Return F (n,) of each row of v (n, n_in)."""
        out = np.empty(len(v))
        free_energy(v, v @ self.W + self.b_h, self.b_v, self.is_gaussian, np.empty_like(v), out)
        return out

    def log_weight_of_hidden(self, h: Vector) -> Vector:
        """Return log Σ_v exp(−E(v, h)) (n,) of each row of h (n, units); an integral for Gaussian units."""
        a = h @ self.W.T
        if self.is_gaussian:
            of_visible = (0.5 * a * a + a * self.b_v).sum(axis=1) + 0.5 * len(self.b_v) * math.log(2 * math.pi)
        else:
            of_visible = softplus(a + self.b_v).sum(axis=1)
        total: Vector = h @ self.b_h + of_visible
        return total

    def log_weights(self) -> Iterator[Vector] | None:
        """Yield log of the unnormalised probabilities of all states of the smaller side, in blocks; None if both sides
        are too large.
        """
        units, n_in = len(self.b_h), len(self.b_v)
        if units <= ENUMERABLE:
            return (self.log_weight_of_hidden(h) for h in states(units))
        if n_in <= ENUMERABLE and not self.is_gaussian:
            return (-self.free_energy(v) for v in states(n_in))
        return None


@dataclass(frozen=True)
class BoltzmannParameters:
    """The parameters of one whose units are all connected: W (units, units), symmetric with zeros on the diagonal, and
    b (units,); the first n_in units are visible.
    """

    W: Vector
    b: Vector
    n_in: int

    @classmethod
    def of(cls, model: Boltzmann) -> "BoltzmannParameters":
        W, b = (to_host(array).astype(np.float64) for array in model.connections())
        return cls(W, b, model.n_in)

    def log_weights(self) -> Iterator[Vector] | None:
        """Yield −E of all states, in blocks; None if there are too many units."""
        if len(self.b) > ENUMERABLE:
            return None
        return (x @ self.b + 0.5 * ((x @ self.W) * x).sum(axis=1) for x in states(len(self.b)))


def parameters_of(model: RBM | Boltzmann) -> RBMParameters | BoltzmannParameters:
    """Return the parameters of a model, in float64 and on the host."""
    return RBMParameters.of(model) if isinstance(model, RBM) else BoltzmannParameters.of(model)


@dataclass(frozen=True)
class LogZ:
    """log Z, with the interval of three standard errors; both ends are the value where it is exact."""

    method: str
    value: float
    low: float
    high: float


def enumerated(parameters: RBMParameters | BoltzmannParameters) -> LogZ | None:
    """Return log Z by a sum over all states; None if there are too many."""
    blocks = parameters.log_weights()
    if blocks is None:
        return None
    value = logsumexp(np.array([logsumexp(block) for block in blocks]))
    return LogZ("exact", value, value, value)


def states(units: int) -> Iterator[Vector]:
    """Yield all 2^units states of binary units, in blocks (rows, units)."""
    inner = min(units, _AT_ONCE)
    low = _bits(np.arange(1 << inner), inner)
    for number in range(1 << (units - inner)):
        high = _bits(np.array([number]), units - inner)
        yield np.hstack([low, np.broadcast_to(high, (len(low), units - inner))])


def _bits(numbers: NDArray[np.int64], count: int) -> Vector:
    bits: Vector = (numbers[:, None] >> np.arange(count) & 1).astype(np.float64)
    return bits


def softplus(x: NDArray[Any]) -> NDArray[Any]:
    """Return log(1 + eˣ), which overflows for no x, in a new array."""
    y = np.array(x, order="C")
    activations.softplus(y)
    return y


def logsumexp(x: Vector) -> float:
    """Return log Σ eˣ."""
    largest = float(x.max())
    return largest + math.log(float(np.exp(x - largest).sum()))
