"""Penalties on the parameters: terms of the objective that keep weights small.

They are added once, by the objective, to a loss that is a mean over examples. Two conventions exist in the sources:
LISA sums over the weights and leaves biases alone; the slides take the mean over each parameter array, biases included,
and add the means up.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, Protocol

from pydantic import Field

from mnistnn.backend import Array, array_module
from mnistnn.component import component
from mnistnn.scratch import Scratch


class Slot(Protocol):
    """Where one parameter array lies in the flat vector."""

    @property
    def part(self) -> slice: ...

    @property
    def is_bias(self) -> bool: ...


@component
class _Norm:
    """What every penalty on a norm of the parameters has: a factor, and the slices of theta it acts on."""

    strength: Annotated[float, Field(ge=0)]
    """Factor of the term."""
    reduce: Literal["sum", "mean"] = "sum"
    """sum over all weights (LISA), or the sum of each parameter array's mean (the slides)."""
    biases: bool = False
    """Whether biases are penalised too, as the slides do."""

    def build(self, slots: Sequence[Slot]) -> None:
        """Find the slices to act on, each with its factor."""
        self.parts: list[tuple[slice, float]] = []
        for slot in slots:
            if self.biases or not slot.is_bias:
                size = slot.part.stop - slot.part.start
                self.parts.append((slot.part, self.strength / size if self.reduce == "mean" else self.strength))
        self.scratch = Scratch()


@component
class L1(_Norm):
    """strength · Σ|w|, which pulls every weight towards zero by the same amount. The gradient at 0 is 0."""

    def value(self, theta: Array) -> float:
        return sum(factor * float(abs(theta[part]).sum()) for part, factor in self.parts)

    def add_gradient(self, theta: Array, grad: Array) -> None:
        """Add the gradient: grad += factor · sign(w)."""
        xp = array_module(theta)
        for part, factor in self.parts:
            w = theta[part]
            term = self.scratch("term", w.shape, w)
            xp.sign(w, out=term)
            term *= factor
            grad[part] += term


@component
class L2(_Norm):
    """strength · Σw², which pulls every weight towards zero in proportion to itself (weight decay).

    There is no ½, so the gradient is 2 · strength · w.
    """

    def value(self, theta: Array) -> float:
        return sum(factor * float(theta[part] @ theta[part]) for part, factor in self.parts)

    def add_gradient(self, theta: Array, grad: Array) -> None:
        """Add the gradient: grad += 2 · factor · w."""
        xp = array_module(theta)
        for part, factor in self.parts:
            w = theta[part]
            term = self.scratch("term", w.shape, w)
            xp.multiply(w, 2.0 * factor, out=term)
            grad[part] += term


@component
class Penalties:
    """The penalties of an experiment; an absent one costs nothing."""

    l1: L1 | None = None
    """Sum of magnitudes."""
    l2: L2 | None = None
    """Sum of squares."""

    def active(self) -> list[L1 | L2]:
        """Return the penalties that are given and not zero."""
        return [penalty for penalty in (self.l1, self.l2) if penalty is not None and penalty.strength > 0]
