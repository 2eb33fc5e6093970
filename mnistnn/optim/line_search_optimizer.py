"""The base of conjugate gradient and L-BFGS: a direction from previous steps, then a line search along it.

Value and gradient where a search ends are those that the next step begins with, so they are kept with the state; a step
costs as many passes over the batch as its search makes trials, often one.
"""

import math
from typing import ClassVar

from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.component import component
from mnistnn.kernels.inner import inner
from mnistnn.optim.contract import ObjectiveContract, Progress, Requirements
from mnistnn.optim.full_batch import FullBatchOptimizer
from mnistnn.optim.line_search import Backtracking, StrongWolfe, Trial
from mnistnn.types import Array

AnyLineSearch = StrongWolfe | Backtracking


@component
class LineSearchOptimizer(FullBatchOptimizer):
    """Abstract: θ ← θ + α d, with d from the gradient and what is remembered, and α by a line search.

    Where no search along d lowers the objective, the memory is reset and −g is tried. If that fails too,
    rounding hides all descent: theta stays, the step counts as 0, until the objective is another one.
    """

    requirements: ClassVar[Requirements] = Requirements(one_objective=True, values=True)
    kept: ClassVar[tuple[str, ...]] = ("value", "is_done")
    """The objective's value at theta, and whether there is no way down."""

    line_search: AnyLineSearch = Field(default_factory=StrongWolfe, discriminator="type")
    """How far to go."""

    def vectors_kept(self) -> int:
        return super().vectors_kept() + 1

    def allocate(self, theta: Array, grad: Array) -> None:
        super().allocate(theta, grad)
        self._grad_before = array_module(theta).empty_like(theta)
        self._state["gradient"] = grad

    def move(self, objective: ObjectiveContract, progress: Progress) -> float:
        numbers = self.numbers
        if progress.update_of_objective == 0:  # not told by the arrays, which are reused
            self.reset()
            numbers["is_done"] = 0.0
            numbers["value"] = self.evaluate(objective)
        loss = numbers["loss"]
        if numbers["is_done"]:
            return loss
        self.before[...] = objective.theta
        self._grad_before[...] = objective.grad
        found = self._search(objective)
        if found is None and self.has_memory:
            self.reset()
            found = self._search(objective)
        if found is None:
            objective.theta[...] = self.before
            objective.grad[...] = self._grad_before
            numbers["step"], numbers["is_done"] = 0.0, 1.0
        else:
            numbers["step"] = found.step
            self.update(objective.grad, self._grad_before, found.step)
            numbers["value"] = found.value
            self.remember(objective)
        return loss

    def _search(self, objective: ObjectiveContract) -> Trial | None:
        """Search along the direction that is known, or where the objective does not fall there, along −g."""
        g, d = self._grad_before, self.direction
        self.set_direction(g)
        slope = inner(d, g)
        if not slope < 0.0:
            self.reset()
            self.set_direction(g)
            slope = inner(d, g)
        if not (slope < 0.0 and math.isfinite(slope)):
            return None
        trials = 0

        def line(step: float) -> Trial:
            nonlocal trials
            trials += 1
            objective.tell("line search", trials, self.line_search.evaluations)
            self.step_to(objective, step)
            value = objective.value_and_grad()
            return Trial(step, value, inner(objective.grad, d))

        start = Trial(0.0, self.numbers["value"], slope)
        return self.line_search.search(line, start, self.first_step(start))

    @property
    def has_memory(self) -> bool:
        """Whether the direction would be other than −g."""
        raise NotImplementedError

    def reset(self) -> None:
        """Clear the memory: the next direction is −g."""
        raise NotImplementedError

    def set_direction(self, g: Array) -> None:
        """Write into `direction` where to go from where the gradient is g."""
        raise NotImplementedError

    def first_step(self, start: Trial) -> float:
        """Return how far to go first, as a multiple of `direction`."""
        raise NotImplementedError

    def update(self, g: Array, g_before: Array, step: float) -> None:
        """Update the memory by the step just made along `direction`, and the gradients at its ends."""
        raise NotImplementedError
