"""The training loop. There is one, for every model, optimizer, policy and device.

It knows protocols only: what to compute comes from the objective and the optimizer, when to stop from pure functions of
the history, what to keep from the journal.
"""

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.errors import DivergedError
from mnistnn.kernels import sums_cuda
from mnistnn.objectives.supervised import BaseObjective
from mnistnn.optim.averaging import WeightAverage
from mnistnn.optim.contract import OptimizerContract, Progress
from mnistnn.stopping.contract import Deadline, Policy
from mnistnn.training.steps import steps_for
from mnistnn.types import Array, History, Row, best_row

Evaluate = Callable[["Training"], dict[str, float]]
"""Measures the model as it stands: the figures of an evaluation."""

Hopeless = Callable[[History], str | None]
"""Says why a run is to be given up at its newest evaluation, if it is."""


class RunningLoss:
    """The mean loss of the epoch under way: a float64 sum, kept where the losses are and read only when asked.

    A loss that is not finite leaves a sum that never is again. So the host, which sees the sum after each update, finds
    it at once; a device is asked at the next evaluation or checkpoint, for to ask is to wait until it has done all
    that is queued. What it computes in the meantime is neither measured nor saved.
    """

    def __init__(self, theta: Array, total: float = 0.0, examples: int = 0) -> None:
        xp = array_module(theta)
        self.on_host = xp is np
        self._sum = xp.array(total, dtype="float64")
        self.examples = examples

    def add(self, loss: Array, examples: int) -> None:
        """Count a batch's mean loss."""
        if self.on_host:
            self._sum += np.multiply(loss, examples, dtype="float64")
        else:
            sums_cuda.add_times.launch(1, loss, self._sum, loss, examples)
        self.examples += examples

    @property
    def total(self) -> float:
        return float(self._sum)

    @property
    def mean(self) -> float:
        return self.total / self.examples if self.examples else math.nan

    @property
    def is_finite(self) -> bool:
        """Whether all losses were finite numbers; waits for a device."""
        return math.isfinite(self.total)

    def seen_to_diverge(self) -> bool:
        """Tell whether the sum is not finite, where finding out costs nothing: not on a device."""
        return self.on_host and not math.isfinite(self._sum)


class BatchSource(Protocol):
    """Cuts the training set into batches, in the same way whenever the same epoch is asked for."""

    @property
    def per_epoch(self) -> int: ...

    @property
    def examples_per_epoch(self) -> int: ...

    def of_epoch(self, epoch: int, start: int = 0) -> Generator[tuple[Array, Array], None, None]: ...


@dataclass
class Training:
    """Everything that the loop moves: live objects, counters, the history, the best parameters so far."""

    objective: BaseObjective
    optimizer: OptimizerContract
    batches: BatchSource
    policies: Sequence[Policy]
    evaluate: Evaluate
    monitor: str
    best_values: Array
    loss: RunningLoss
    progress: Progress = field(default_factory=Progress)
    history: list[Row] = field(default_factory=list)
    evaluate_every: int | None = None
    """Updates after which to evaluate inside an epoch too."""
    updates_per_objective: int | None = 1
    """Updates of one batch under the same masks, see `Progress`."""
    average: WeightAverage | None = None
    clock: Callable[[], float] = lambda: 0.0
    """Returns the seconds spent training so far, over all sittings."""
    hopeless: Hopeless | None = None
    """Ends the run for what policies, which know nothing but its own history, cannot see: other runs."""

    def __post_init__(self) -> None:
        self.progress.batches_per_epoch = self.batches.per_epoch
        self.progress.examples_per_epoch = self.batches.examples_per_epoch
        self.progress.updates_per_objective = self.updates_per_objective
        self.progress.history = self.history
        self.steps = steps_for(self.objective, self.optimizer)
        limits = [limit for policy in self.policies if (limit := policy.time_limit_s()) is not None]
        self.time_limit_s = min(limits, default=None)

    @property
    def best(self) -> Row | None:
        """The row of the best epoch so far."""
        index = best_row(self.history, self.monitor)
        return None if index is None else self.history[index]

    @property
    def evaluation_is_due(self) -> bool:
        """Whether an evaluation belongs here, after an epoch or inside one, and has not been made yet."""
        progress = self.progress
        if self.is_measured:
            return False
        if progress.batch == progress.batches_per_epoch:
            return True
        return self.evaluate_every is not None and progress.updates % self.evaluate_every == 0

    @property
    def is_measured(self) -> bool:
        """Whether the last evaluation saw the last update, or there was no update yet."""
        return self.progress.updates == (self.history[-1]["updates"] if self.history else 0)

    @property
    def is_cut_off(self) -> bool:
        """Whether a limit ends the run here, after updates that no evaluation has seen yet."""
        if self.is_measured:
            return False
        deadline = self.deadline()
        at_deadline = deadline is not None and deadline.is_fixed and self.progress.updates >= deadline.updates
        return at_deadline or self.is_out_of_time

    def begin_here(self) -> None:
        """Take the values that the model has been given since for those of the beginning."""
        self.best_values[...] = self.objective.values
        if self.average is not None:
            self.average.allocate(self.objective.theta)

    @contextmanager
    def measured_theta(self) -> Iterator[None]:
        """Let theta be, for a while, the parameters that are measured and kept: their average, if there is one."""
        if self.average is None:
            yield
            return
        theta = self.objective.theta
        trained = theta.copy()
        theta[...] = self.average.theta
        try:
            yield
        finally:
            theta[...] = trained

    def deadline(self) -> Deadline | None:
        """Return the earliest deadline of the policies."""
        deadlines = [d for d in (policy.deadline(self.history) for policy in self.policies) if d is not None]
        return min(deadlines, key=lambda d: (d.updates, not d.is_fixed), default=None)

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
        return self.hopeless(self.history) if self.hopeless is not None and self.is_measured else None

    @property
    def is_out_of_time(self) -> bool:
        return self.time_limit_s is not None and self.clock() >= self.time_limit_s


class Journal(Protocol):
    """Keeps what happens. It may raise to end the loop: a signal, the time budget, a full disk."""

    def after_update(self, training: Training) -> None: ...

    def after_evaluation(self, training: Training) -> None: ...


# Numbers that are no longer finite are looked for and end the run with a message; NumPy's warnings would precede it.
@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def train(t: Training, journal: Journal) -> str:
    """Train until a policy ends the run; return its reason. Raises DivergedError when the loss is not finite.

    Goes on from wherever `t` stands, also inside an epoch.
    """
    while True:
        if t.evaluation_is_due or t.is_cut_off:
            _evaluate(t)
            journal.after_evaluation(t)
        if reason := t.reason_to_stop():
            return reason
        deadline = t.deadline()
        last_update = math.inf if deadline is None else deadline.updates
        for x, labels in t.batches.of_epoch(t.progress.epoch + 1, start=t.progress.batch):
            if t.progress.updates >= last_update:
                break
            t.loss.add(t.steps.take(x, labels, t.progress), len(x))
            t.progress.batch += 1
            t.progress.updates += 1
            t.progress.examples += len(x)
            if t.average is not None:
                t.average.follow(t.objective.theta, t.progress.updates)
            if t.loss.seen_to_diverge():
                raise diverged(t)
            journal.after_update(t)
            if t.evaluation_is_due or t.is_out_of_time:
                break


def _evaluate(t: Training) -> None:
    """Measure, append a row to the history, and keep the parameters if they are the best so far.

    The row's learning rate is that of the last update, like its training loss.
    """
    last_update = replace(t.progress, batch=t.progress.batch - 1, updates=t.progress.updates - 1)
    rate = t.optimizer.rate(last_update)
    if t.progress.batch == t.progress.batches_per_epoch:
        t.progress.epoch += 1
        t.progress.batch = 0
    theta = t.objective.theta
    with t.measured_theta():
        row = {
            "epoch": t.progress.epochs if t.progress.batch else t.progress.epoch,
            "updates": t.progress.updates,
            "examples": t.progress.examples,
            "train.loss": t.loss.mean,
            **t.evaluate(t),
            **t.optimizer.figures(t.progress),
            "learning_rate": rate,
            "theta.norm": float(array_module(theta).linalg.norm(theta)),
        }
        if not all(map(math.isfinite, row.values())):
            raise diverged(t)
        t.history.append(row)
        t.loss = RunningLoss(theta)
        if best_row(t.history, t.monitor) == len(t.history) - 1:
            t.best_values[...] = t.objective.values


def diverged(t: Training) -> DivergedError:
    """Return the error that ends a training whose loss is no longer finite."""
    epoch = math.ceil(t.progress.updates / t.progress.batches_per_epoch)
    return DivergedError(
        f"the training loss is no longer a finite number (epoch {epoch}, update {t.progress.updates}); "
        f"a smaller learning rate is the usual cure"
    )
