"""The base of both ways to learn, by steps and by rounds: a history, what ends it, and what is kept."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from mnistnn.models.contract import Tell
from mnistnn.optim.contract import Progress
from mnistnn.stopping.contract import Deadline, Policy
from mnistnn.types import History, Row, best_row

PrunedBecause = Callable[[History], str | None]
"""Returns why a run is pruned at its newest evaluation, or None."""

Layout = list[tuple[str, list[int]]]
"""Name and shape of each array that a model consists of, in order."""


class Checkpointing(Protocol):
    """Keeps what happens. It may raise to end learning: a signal, the time budget, a full disk."""

    def after_update(self, learning: Any) -> None: ...

    def after_evaluation(self, learning: Any) -> None: ...

    def after_epoch(self, learning: Any) -> None: ...  # one after which nothing was evaluated


class RoundsCheckpointing(Checkpointing, Protocol):
    """Keeps what happens in rounds too, of which some are long, and not all are evaluated."""

    def inside_update(self, learning: Any) -> None: ...

    def inside_evaluation(self, learning: Any) -> None: ...

    def after_round(self, learning: Any) -> None: ...


class Learning(ABC):
    """Abstract: something that learns, as it stands.

    monitor         the metric whose lowest value marks the best evaluation
    clock           returns the seconds spent so far, over all sessions of the run
    pruned_because  ends the run because of other runs, of which policies, which see its own history only, know nothing
    """

    policies: Sequence[Policy]
    monitor: str
    progress: Progress
    history: list[Row]
    clock: Callable[[], float]
    pruned_because: PrunedBecause | None

    @property
    def best(self) -> Row | None:
        """The row of the best evaluation so far."""
        index = best_row(self.history, self.monitor)
        return None if index is None else self.history[index]

    @property
    def is_measured(self) -> bool:
        """Whether the last evaluation saw the last update, or there was no update yet."""
        return self.progress.updates == (self.history[-1]["updates"] if self.history else 0)

    def deadline(self) -> Deadline | None:
        """Return the earliest deadline of the policies."""
        deadlines = [d for d in (policy.deadline(self.history) for policy in self.policies) if d is not None]
        return min(deadlines, key=lambda d: (d.updates, not d.is_fixed), default=None)

    @property
    def time_limit_s(self) -> float | None:
        """The least time limit of the policies."""
        return min((s for policy in self.policies if (s := policy.time_limit_s()) is not None), default=None)

    @property
    def is_out_of_time(self) -> bool:
        limit_s = self.time_limit_s
        return limit_s is not None and self.clock() >= limit_s

    def reason_to_stop(self) -> str | None:
        """Return the first reason to end the run here: a policy's, or else one from outside."""
        for policy in self.policies:
            if reason := policy.reason(self.history):
                return reason
        deadline = self.deadline()
        if deadline is not None and self.progress.updates >= deadline.updates:
            return deadline.reason
        if self.is_out_of_time:
            return f"max_time: {self.time_limit_s:g} seconds are spent"
        return self.pruned_because(self.history) if self.pruned_because is not None and self.is_measured else None

    @abstractmethod
    def go_on(self, checkpointing: RoundsCheckpointing) -> str:
        """Learn from wherever this stands until something ends it; return the reason."""

    def listen(self, tell: Tell) -> None:  # noqa: B027 # not all have anything to tell
        """Report the progress of long computations to `tell`."""

    def begin_here(self) -> None:  # noqa: B027 # only parameters can be given from outside
        """Take the present parameters of the model as its initial ones."""

    @abstractmethod
    def take_best(self) -> None:
        """Restore the best parameters that were measured, where there are any."""

    # What is kept.

    @property
    @abstractmethod
    def layout(self) -> Layout:
        """Name and shape of each array that the model consists of."""

    @abstractmethod
    def arrays(self) -> dict[str, Any]:
        """Return every array that a checkpoint holds, by its name there."""

    @abstractmethod
    def restore(self, tensors: Mapping[str, np.ndarray], layout: Layout) -> bool:
        """Take the arrays of a checkpoint; False, and nothing is taken, if they are not of this experiment."""

    @abstractmethod
    def refuse_what_is_not_finite(self) -> None:
        """Raise DivergedError if what would be saved is not all finite numbers."""

    @property
    def loss_now(self) -> str:
        """The training loss of the epoch under way, to be followed by more, where it costs nothing to know."""
        return ""

    @property
    def running_loss(self) -> tuple[float, int]:
        """The training loss of the epoch under way, summed over so many examples."""
        return 0.0, 0

    def restore_running_loss(self, total: float, examples: int) -> None:  # noqa: B027 # most have none
        """Go on with a sum that `running_loss` returned."""


def is_finite_row(row: Row) -> bool:
    """Tell whether all metrics of an evaluation are finite numbers."""
    return all(map(math.isfinite, row.values()))
