"""The two early-stopping algorithms of the course."""

from math import floor, inf
from typing import Annotated, Literal

from pydantic import Field

from mnistnn.component import component
from mnistnn.stopping.contract import Monitor, Policy
from mnistnn.types import History, shown


@component
class CoursePatience(Policy):
    """The course's early stopping, algorithm 1: after `min_epochs`, stop once `max_patience` evaluations in a row
    brought no improvement.

    Patience only resets, so the run may end at the very evaluation at which `min_epochs` is reached.
    """

    type: Literal["course_patience"] = "course_patience"
    monitor: Monitor = "valid.error"
    """The metric that must improve."""
    min_epochs: Annotated[int, Field(ge=0)] = 50
    """Never stop before this many epochs."""
    max_patience: Annotated[int, Field(ge=1)] = 20
    """Evaluations without improvement after which patience is gone."""

    def metrics(self) -> tuple[str, ...]:
        return (self.monitor,)

    def reason(self, history: History) -> str | None:
        best, patience = inf, 0
        for row in history:
            if row[self.monitor] < best:
                best, patience = row[self.monitor], 0
            else:
                patience += 1
        if history and history[-1]["epoch"] >= self.min_epochs and patience >= self.max_patience:
            return (
                f"course_patience: no better {self.monitor} than {shown(self.monitor, best)} in {patience} evaluations"
            )
        return None


@component
class CoursePoints(Policy):
    """The course's early stopping, algorithm 2: a threshold on the number of data points trained on.

    An evaluation that improves the best value by more than `improvement` (a fraction of it) sets the threshold to
    max(threshold, increase · points seen); training ends when more points were seen. The slides leave the first
    threshold and the improvement open.
    """

    type: Literal["course_points"] = "course_points"
    monitor: Monitor = "valid.error"
    """The metric that must improve."""
    examples: Annotated[int, Field(ge=1)] = 500_000
    """Data points to train on regardless; the default is 10 epochs of 50 000."""
    increase: Annotated[float, Field(ge=1)] = 2
    """How many times the points seen at a good improvement to go on to."""
    improvement: Annotated[float, Field(ge=0, lt=1)] = 0.005
    """An improvement counts above this fraction of the best value."""

    def metrics(self) -> tuple[str, ...]:
        return (self.monitor,)

    def reason(self, history: History) -> str | None:
        best, threshold = inf, float(self.examples)
        for row in history:
            value = row[self.monitor]
            if value < best * (1.0 - self.improvement):
                threshold = max(threshold, self.increase * row["examples"])
            if value < best:
                best = value
        if history and history[-1]["examples"] > threshold:
            at = f"{self.monitor} {shown(self.monitor, best)}"
            return f"course_points: more than {floor(threshold)} data points were seen at {at}"
        return None
