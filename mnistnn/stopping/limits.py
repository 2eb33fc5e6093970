"""Limits: so much and no further, or good enough."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from mnistnn.component import component
from mnistnn.stopping.contract import Deadline, Monitor, Policy
from mnistnn.types import History, shown


@component
class MaxEpochs(Policy):
    """Stop after a number of epochs."""

    type: Literal["max_epochs"] = "max_epochs"
    epochs: Annotated[int, Field(ge=1)]
    """Passes over the training set."""

    def reason(self, history: History) -> str | None:
        if history and history[-1]["epoch"] >= self.epochs:
            return f"max_epochs: {self.epochs} epochs are done" if self.epochs > 1 else "max_epochs: 1 epoch is done"
        return None

    def needs_epochs(self) -> bool:
        return False  # the last one is always evaluated


def most_epochs(policies: Iterable[Policy]) -> int | None:
    """Return after how many epochs the first of these policies ends a run whatever happens; None if none does."""
    return min((policy.epochs for policy in policies if isinstance(policy, MaxEpochs)), default=None)


def shortest_interval(policies: Iterable[Policy]) -> int | None:
    """Return after how many updates one of these policies needs an evaluation, at the latest; None if none does."""
    return min((n for policy in policies if (n := policy.evaluation_interval()) is not None), default=None)


@component
class MaxUpdates(Policy):
    """Stop after a number of updates, also inside an epoch; the run is evaluated where it ends."""

    type: Literal["max_updates"] = "max_updates"
    updates: Annotated[int, Field(ge=1)]
    """Updates of the parameters."""

    def deadline(self, history: History) -> Deadline | None:
        return Deadline(self.updates, f"max_updates: {self.updates} updates are done", is_fixed=True)

    def needs_epochs(self) -> bool:
        return False


@component
class MaxPasses(Policy):
    """Stop after so many passes over the training set: what methods that make several for an update are compared by.

    The evaluation at which the run ends is the first with as many; rules that make one pass an epoch have max_epochs.
    """

    type: Literal["max_passes"] = "max_passes"
    passes: Annotated[float, Field(gt=0)]
    """Examples that went through the model, as a multiple of the training set."""

    def metrics(self) -> tuple[str, ...]:
        return ("passes",)

    def reason(self, history: History) -> str | None:
        if history and history[-1]["passes"] >= self.passes:
            return f"max_passes: {history[-1]['passes']:g} passes are made"
        return None


@component
class MaxTime(Policy):
    """Stop after a time spent training, and evaluate there. Where that is depends on the machine.

    For a run that should be continued later there is `mnistnn train --time-budget`.
    """

    type: Literal["max_time"] = "max_time"
    seconds: Annotated[float, Field(gt=0)]
    """Time over all sessions of the run."""

    def time_limit_s(self) -> float | None:
        return self.seconds

    def needs_epochs(self) -> bool:
        return False


@component
class Converged(Policy):
    """Stop where the objective has no slope left or no step can be made: for methods that give `gradient.max`.

    In single precision rounding hides the last of the descent; steps then end before the slope is as small as wanted.
    """

    type: Literal["converged"] = "converged"
    gradient: Annotated[float, Field(ge=0)] = 1e-5
    """The largest derivative at or below which the slope counts as none."""
    failures: Annotated[int, Field(ge=1)] = 3
    """Evaluations in a row, with no step before them, after which no step is expected any more."""

    def metrics(self) -> tuple[str, ...]:
        return ("gradient.max",)

    def reason(self, history: History) -> str | None:
        if history and history[-1]["gradient.max"] <= self.gradient:
            return f"converged: the largest derivative is {history[-1]['gradient.max']:.3g}"
        last = history[-self.failures :]
        if len(last) == self.failures and all(row["learning_rate"] == 0.0 for row in last):
            return f"converged: no step was made before the last {self.failures} evaluations"
        return None


@component
class Target(Policy):
    """Stop as soon as a metric is good enough."""

    type: Literal["target"] = "target"
    monitor: Monitor | Literal["train.loss"] = "valid.error"
    """The metric."""
    value: Annotated[float, Field(ge=0)]
    """It is good enough at or below this."""

    def metrics(self) -> tuple[str, ...]:
        return (self.monitor,)

    def reason(self, history: History) -> str | None:
        if history and history[-1][self.monitor] <= self.value:
            reached, wanted = (shown(self.monitor, each) for each in (history[-1][self.monitor], self.value))
            return f"target: {self.monitor} {reached} is not above {wanted}"
        return None
