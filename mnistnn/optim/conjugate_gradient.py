"""Nonlinear conjugate gradient: each direction bends the last one by the new gradient."""

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.component import component
from mnistnn.kernels.inner import inner
from mnistnn.optim.line_search import StrongWolfe, Trial
from mnistnn.optim.line_search_optimizer import AnyLineSearch, LineSearchOptimizer
from mnistnn.types import Array

_LONGER = 1.01  # than where a parabola with the last decrease would have its minimum


@component
class ConjugateGradient(LineSearchOptimizer):
    """θ ← θ + α d with d ← −g + β d, and α by a line search.

    Begins again with −g where d is no descent, and every `restart_every` steps. The first trial of a search is where a
    parabola that falls as much as the last step did has its minimum, but at most 1. Keeps 3 vectors like theta.
    """

    type: Literal["conjugate_gradient"] = "conjugate_gradient"
    formula: Literal["polak_ribiere", "fletcher_reeves", "hestenes_stiefel"] = "polak_ribiere"
    """With y = g − g_before: polak_ribiere takes β = max(0, g'y / g_before'g_before), which begins again by itself when
    gradients change little (Polak & Ribière 1969, Powell 1984); fletcher_reeves g'g / g_before'g_before (1964);
    hestenes_stiefel max(0, g'y / d'y) (1952). For a quadratic and exact steps all are the same."""
    restart_every: Annotated[int, Field(ge=1)] | None = None
    """Steps after which to begin again with −g; null is as many as there are parameters."""
    line_search: AnyLineSearch = Field(default_factory=lambda: StrongWolfe(curvature=0.4), discriminator="type")
    """How far to go; the default is that of SciPy's fmin_cg."""

    vectors: ClassVar[tuple[str, ...]] = ("direction",)
    kept: ClassVar[tuple[str, ...]] = (*LineSearchOptimizer.kept, "value_before", "beta", "age")
    """The value a step ago; the next β; and the steps since the last beginning, 0 if there is no direction yet."""

    @property
    def has_memory(self) -> bool:
        return self.numbers["age"] > 0

    def reset(self) -> None:
        self.numbers["age"] = 0.0

    def first_step(self, start: Trial) -> float:
        if not self.has_memory:
            return min(1.0, _LONGER / math.sqrt(-start.slope))  # d = −g: a step of about the length 1
        first = 2.0 * _LONGER * (start.value - self.numbers["value_before"]) / start.slope
        return min(1.0, first) if first > 0.0 else 1.0  # rounding may hide the last decrease

    def set_direction(self, g: Array) -> None:
        d = self.direction
        if self.has_memory:
            d *= self.numbers["beta"]
            d -= g
        else:
            array_module(g).negative(g, out=d)

    def update(self, g: Array, g_before: Array, step: float) -> None:
        numbers = self.numbers
        gg, squared = inner(g, g), inner(g_before, g_before)
        gy = gg - inner(g, g_before)
        if self.formula == "polak_ribiere":
            beta = max(0.0, gy / squared)
        elif self.formula == "fletcher_reeves":
            beta = gg / squared
        else:
            dy = inner(self.direction, g) - inner(self.direction, g_before)
            beta = max(0.0, gy / dy) if dy > 0.0 else 0.0
        numbers["beta"], numbers["value_before"] = beta, numbers["value"]
        limit = self.restart_every or g.size
        numbers["age"] = numbers["age"] + 1.0 if numbers["age"] + 1.0 < limit else 0.0
