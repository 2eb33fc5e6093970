"""The training loop. There is one, for every model, optimizer, policy and device.

It knows protocols only: what to compute comes from the objective and the optimizer, when to stop from pure functions of
the history, what to keep from the journal.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from mnistnn.backend import Array, array_module
from mnistnn.data.batches import Batches
from mnistnn.errors import DivergedError
from mnistnn.history import Row, best_row
from mnistnn.objective import Objective
from mnistnn.optim.contract import OptimizerContract, Progress
from mnistnn.stopping import Deadline, Policy


class RunningLoss:
    """The mean loss of the epoch under way: a float64 sum, kept where the losses are and read only when asked."""

    def __init__(self, theta: Array, total: float = 0.0, examples: int = 0) -> None:
        xp = array_module(theta)
        self._xp, self.on_host = xp, xp is np
        self._sum = xp.array(total, dtype="float64")
        self.examples = examples

    def add(self, loss: Array, examples: int) -> None:
        """Count a batch's mean loss."""
        self._sum += self._xp.multiply(loss, examples, dtype="float64")
        self.examples += examples

    @property
    def total(self) -> float:
        return float(self._sum)

    @property
    def mean(self) -> float:
        return self.total / self.examples if self.examples else math.nan

    def seen_to_diverge(self) -> bool:
        """Tell whether the sum is not finite, where finding out costs nothing: on a device, that waits for `mean`."""
        return self.on_host and not math.isfinite(self._sum)


@dataclass
class Training:
    """Everything that the loop moves: live objects, counters, the history, the best parameters so far."""

    objective: Objective
    optimizer: OptimizerContract
    batches: Batches
    policies: Sequence[Policy]
    evaluate: Callable[[], dict[str, float]]
    monitor: str
    best_theta: Array
    loss: RunningLoss
    progress: Progress = field(default_factory=Progress)
    history: list[Row] = field(default_factory=list)

    @property
    def best(self) -> Row | None:
        """The row of the best epoch so far."""
        index = best_row(self.history, self.monitor)
        return None if index is None else self.history[index]

    @property
    def evaluation_is_due(self) -> bool:
        """Whether the epoch's last update is done but not its evaluation, which may move a deadline.

        The loop itself never stands here; a run that was saved by its last update is resumed here.
        """
        return self.progress.batch >= self.batches.count(len(self.batches.x))

    def deadline(self) -> Deadline | None:
        """Return the earliest deadline of the policies."""
        deadlines = [d for d in (policy.deadline(self.history) for policy in self.policies) if d is not None]
        return min(deadlines, key=lambda d: d.updates, default=None)

    def reason_to_stop(self) -> str | None:
        """Return the first reason that a policy gives to end the run here."""
        if self.evaluation_is_due:
            return None
        for policy in self.policies:
            if reason := policy.reason(self.history):
                return reason
        deadline = self.deadline()
        if deadline is not None and self.progress.updates >= deadline.updates:
            return deadline.reason
        return None


class Journal(Protocol):
    """Keeps what happens. It may raise to end the loop: a signal, the time budget, a full disk."""

    def after_update(self, training: Training) -> None: ...

    def after_evaluation(self, training: Training) -> None: ...


# Numbers that are no longer finite are looked for and end the run with a message; NumPy's warnings would precede it.
@np.errstate(over="ignore", invalid="ignore")
def train(t: Training, journal: Journal) -> str:
    """Train until a policy ends the run; return its reason. Raises DivergedError when the loss is not finite.

    Goes on from wherever `t` stands, also inside an epoch.
    """
    while (reason := t.reason_to_stop()) is None:
        deadline = t.deadline()
        last_update = math.inf if deadline is None else deadline.updates
        for x, labels in t.batches.of_epoch(t.progress.epoch + 1, start=t.progress.batch):
            if t.progress.updates >= last_update:
                break
            t.objective.set_batch(x, labels)
            loss = t.optimizer.step(t.objective, t.progress)
            t.loss.add(loss, len(x))
            t.progress.batch += 1
            t.progress.updates += 1
            t.progress.examples += len(x)
            if t.loss.seen_to_diverge():
                raise _diverged(t)
            journal.after_update(t)
        else:
            _finish_epoch(t)
            journal.after_evaluation(t)
    return reason


def _finish_epoch(t: Training) -> None:
    """Measure, append a row to the history, and keep the parameters if they are the best so far."""
    theta = t.objective.theta
    row = {
        "epoch": t.progress.epoch + 1,
        "updates": t.progress.updates,
        "examples": t.progress.examples,
        "train.loss": t.loss.mean,
        **t.evaluate(),
        "learning_rate": t.optimizer.rate(t.progress),
        "theta.norm": float(array_module(theta).linalg.norm(theta)),
    }
    if not all(map(math.isfinite, row.values())):
        raise _diverged(t)
    t.history.append(row)
    t.progress.epoch += 1
    t.progress.batch = 0
    t.loss = RunningLoss(theta)
    if best_row(t.history, t.monitor) == len(t.history) - 1:
        t.best_theta[...] = theta


def _diverged(t: Training) -> DivergedError:
    return DivergedError(
        f"the training loss is no longer a finite number (epoch {t.progress.epoch + 1}, "
        f"update {t.progress.updates}); a smaller learning rate is the usual cure"
    )
