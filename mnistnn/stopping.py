"""When to stop: pure functions of the history of evaluations.

A policy keeps no counter. It reads the rows of metrics.jsonl from the first to the last and says whether the run ends
there, so a resumed run cannot forget its patience. A NaN is never an improvement: every comparison is a plain `<`.
"""

from dataclasses import dataclass
from math import ceil, inf
from typing import Annotated, Literal, Protocol

from pydantic import Field

from mnistnn.component import component
from mnistnn.history import History

Monitor = Literal["valid.error", "valid.loss"]


@dataclass(frozen=True)
class Deadline:
    """The update after which the run ends, unless an evaluation before it moves the deadline."""

    updates: int
    reason: str


class Policy(Protocol):
    """Says whether the run ends at its newest evaluation, and at which update it would end without another one."""

    def reason(self, history: History) -> str | None: ...

    def deadline(self, history: History) -> Deadline | None: ...


@component
class MaxEpochs:
    """Stop after a number of epochs."""

    type: Literal["max_epochs"] = "max_epochs"
    epochs: Annotated[int, Field(ge=1)]
    """Passes over the training set."""

    def reason(self, history: History) -> str | None:
        if history and history[-1]["epoch"] >= self.epochs:
            return f"max_epochs: {self.epochs} epochs are done"
        return None

    def deadline(self, history: History) -> Deadline | None:
        return None


@component
class CoursePatience:
    """The course's early stopping, algorithm 1: after `min_epochs`, stop once `max_patience` evaluations in a row
    brought no improvement.

    Patience only resets, so the run may end at the very evaluation at which `min_epochs` is reached.
    """

    type: Literal["course_patience"] = "course_patience"
    monitor: Monitor = "valid.error"
    """The figure that must improve."""
    min_epochs: Annotated[int, Field(ge=0)] = 50
    """Never stop before this many epochs."""
    max_patience: Annotated[int, Field(ge=1)] = 20
    """Evaluations without improvement after which patience is gone."""

    def reason(self, history: History) -> str | None:
        best, patience = inf, 0
        for row in history:
            if row[self.monitor] < best:
                best, patience = row[self.monitor], 0
            else:
                patience += 1
        if history and history[-1]["epoch"] >= self.min_epochs and patience >= self.max_patience:
            return f"course_patience: no better {self.monitor} than {best:.6g} in {patience} evaluations"
        return None

    def deadline(self, history: History) -> Deadline | None:
        return None


@component
class LisaPatience:
    """LISA's early stopping: patience, counted in updates, grows geometrically when the improvement is significant.

    As in the published programs, with iteration i = updates − 1: at an evaluation that lowers the best value below
    threshold · best, patience becomes max(patience, i · increase); training ends after the first update with
    patience ≤ i, which may be inside an epoch. (Their comment says examples; the code counts mini-batches.)
    """

    type: Literal["lisa_patience"] = "lisa_patience"
    monitor: Monitor = "valid.error"
    """The figure that must improve."""
    updates: Annotated[int, Field(ge=1)] = 5000
    """Updates to make regardless."""
    increase: Annotated[float, Field(ge=1)] = 2
    """How many times longer to go on after a significant improvement."""
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.995
    """An improvement counts as significant below this fraction of the best value."""

    def reason(self, history: History) -> str | None:
        return None

    def deadline(self, history: History) -> Deadline | None:
        best, patience = inf, self.updates
        for row in history:
            value, i = row[self.monitor], int(row["updates"]) - 1
            if value < best:
                if value < best * self.threshold:
                    patience = max(patience, ceil(i * self.increase))  # the first i not below it
                best = value
        return Deadline(
            patience + 1,
            f"lisa_patience: {patience} updates of patience are used up at {self.monitor} {best:.6g}",
        )


# The registry: every policy that an experiment can name by its `type`.
Stopping = Annotated[MaxEpochs | CoursePatience | LisaPatience, Field(discriminator="type")]
