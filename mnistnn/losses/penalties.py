"""Penalties on the parameters: terms of the objective that keep weights small.

They are added once, by the objective, to a loss that is a mean over examples. Two conventions exist in the sources:
LISA sums over the weights and leaves biases alone; the slides take the mean over each parameter array, biases included,
and add the means up.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, Protocol

from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.backend.scratch import Scratch
from mnistnn.component import component
from mnistnn.kernels.add_scaled import BLOCK, add_scaled
from mnistnn.kernels.sign import sign
from mnistnn.types import Array


class Slot(Protocol):
    """Where one parameter array lies in the flat vector."""

    @property
    def part(self) -> slice: ...

    @property
    def is_bias(self) -> bool: ...


@component
class _Norm:
    """The base of penalties on a norm of the parameters: a factor, and the slices of theta it acts on."""

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
    """strength · Σ|w|, which pulls every weight towards zero by the same amount.

    Followed by its subgradient (0 at 0), weights hover around zero; followed by its proximal step, they get there.
    """

    proximal: bool = False
    """After each step of size η shrink every weight by η · strength and stop it at 0 (ISTA), instead of following the
    gradient: weights become exactly 0. With an optimizer that scales its steps, η is its plain rate."""

    @property
    def is_proximal(self) -> bool:
        return self.proximal

    @property
    def decay(self) -> list[tuple[slice, float]]:
        return []

    def project(self, theta: Array, rate: float) -> None:
        """Take the proximal step w ← sign(w) · max(|w| − η·factor, 0), which is w − clip(w, −η·factor, η·factor)."""
        xp = array_module(theta)
        for part, factor in self.parts:
            w = theta[part]
            shrinkage = self.scratch("term", w.shape, w)
            xp.clip(w, -rate * factor, rate * factor, out=shrinkage)
            w -= shrinkage

    def value(self, theta: Array) -> float:
        return sum(factor * float(abs(theta[part]).sum()) for part, factor in self.parts)

    def add_gradient(self, theta: Array, grad: Array) -> None:
        """Add the gradient: grad += factor · sign(w)."""
        for part, factor in self.parts:
            w = theta[part]
            term = self.scratch("term", w.shape, w)
            sign(w, term, self.scratch("negative", w.shape, w))
            term *= factor
            grad[part] += term


@component
class L2(_Norm):
    """strength · Σw², which pulls every weight towards zero in proportion to itself (weight decay).

    There is no ½, so the gradient is 2 · strength · w.
    """

    @property
    def is_proximal(self) -> bool:
        return False

    @property
    def decay(self) -> list[tuple[slice, float]]:
        return [(part, 2.0 * factor) for part, factor in self.parts]

    def project(self, theta: Array, rate: float) -> None:
        """Nothing to do: the gradient says it all."""

    def value(self, theta: Array) -> float:
        return sum(factor * float(theta[part] @ theta[part]) for part, factor in self.parts)

    def add_gradient(self, theta: Array, grad: Array) -> None:
        """Add the gradient: grad += 2 · factor · w."""
        for part, factor in self.decay:
            w = theta[part]
            add_scaled(grad[part], factor, w, self.scratch("term", (min(w.size, BLOCK),), w))


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
