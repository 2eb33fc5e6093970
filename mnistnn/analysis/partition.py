"""The partition function of a restricted Boltzmann machine by enumeration, and what belongs to any way of finding it.

log Z = log Σ_v exp(−F(v)) is what free energies lack to be log-likelihoods: log P(v) = −F(v) − log Z. All is computed
on the host, in float64.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.backend import to_host
from mnistnn.models.rbm import RBM

ENUMERABLE = 20
"""Units on one side up to which all states of that side are gone through."""

_AT_ONCE = 12  # of them whose states are in memory at a time

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Machine:
    """The parameters of a machine: W (n_in, units), b_h (units,), b_v (n_in,), and what its visible units are."""

    W: Vector
    b_h: Vector
    b_v: Vector
    is_gaussian: bool

    @classmethod
    def of(cls, model: RBM) -> "Machine":
        W, b_h, b_v = (to_host(array).astype(np.float64) for array in (model.W, model.b_h, model.b_v))
        return cls(W, b_h, b_v, model.is_gaussian)

    def free_energy(self, v: Vector) -> Vector:
        """Return F (n,) of each row of v (n, n_in)."""
        hidden = softplus(v @ self.W + self.b_h).sum(axis=1)
        own = -0.5 * ((v - self.b_v) ** 2).sum(axis=1) if self.is_gaussian else v @ self.b_v
        negative: Vector = -(own + hidden)
        return negative

    def log_weight_of_hidden(self, h: Vector) -> Vector:
        """Return log Σ_v exp(−E(v, h)) (n,) of each row of h (n, units); an integral for Gaussian units."""
        a = h @ self.W.T
        if self.is_gaussian:
            of_visible = (0.5 * a * a + a * self.b_v).sum(axis=1) + 0.5 * len(self.b_v) * math.log(2 * math.pi)
        else:
            of_visible = softplus(a + self.b_v).sum(axis=1)
        total: Vector = h @ self.b_h + of_visible
        return total


@dataclass(frozen=True)
class LogZ:
    """log Z, with the interval of three standard errors; both ends are the value where it is exact."""

    method: str
    value: float
    low: float
    high: float


def enumerated(machine: Machine) -> LogZ | None:
    """Return log Z by a sum over all states of the smaller side; None if both sides are too large."""
    units, n_in = len(machine.b_h), len(machine.b_v)
    if units <= ENUMERABLE:
        parts = [logsumexp(machine.log_weight_of_hidden(h)) for h in states(units)]
    elif n_in <= ENUMERABLE and not machine.is_gaussian:
        parts = [logsumexp(-machine.free_energy(v)) for v in states(n_in)]
    else:
        return None
    value = logsumexp(np.array(parts))
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
    """Return log(1 + eˣ), which overflows for no x."""
    result: NDArray[Any] = np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))
    return result


def logsumexp(x: Vector) -> float:
    """Return log Σ eˣ."""
    largest = float(x.max())
    return largest + math.log(float(np.exp(x - largest).sum()))
