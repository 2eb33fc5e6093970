"""The training loop. There is one, for every model, optimizer, policy and device.

It knows protocols only: what to compute comes from the objective and the optimizer, when to stop from pure functions of
the history, what to keep from `Checkpointing`.
"""

import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from mnistnn.backend import threads
from mnistnn.backend.arrays import array_module
from mnistnn.backend.worker_choice import WorkerChoice
from mnistnn.errors import DivergedError
from mnistnn.kernels import sums_cuda
from mnistnn.models.contract import Tell
from mnistnn.objectives.supervised import BaseObjective
from mnistnn.optim.averaging import WeightAverage
from mnistnn.optim.contract import OptimizerContract, Progress
from mnistnn.stopping.contract import Policy
from mnistnn.stopping.limits import most_epochs
from mnistnn.training.learning import Checkpointing, Layout, Learning, PrunedBecause, is_finite_row
from mnistnn.training.steps import steps_for
from mnistnn.types import BEST, VALUES, Array, Row, best_row

Evaluate = Callable[["Training"], dict[str, float]]
"""Measures the model as it stands: the metrics of an evaluation."""

_AVERAGE, _SLOT, _OBJECTIVE = "average", "optimizer.", "objective."


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
class Training(Learning):
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
    evaluates_epochs: bool = True
    """Whether to evaluate after each epoch. If not, and `evaluate_every` is given, only after the last one."""
    updates_per_objective: int | None = 1
    """Updates of one batch under the same masks, see `Progress`."""
    average: WeightAverage | None = None
    clock: Callable[[], float] = lambda: 0.0
    """Returns the seconds spent training so far, over all sessions."""
    pruned_because: PrunedBecause | None = None
    """Ends the run for what policies, which know nothing but its own history, cannot see: other runs."""

    def __post_init__(self) -> None:
        self.progress.batches_per_epoch = self.batches.per_epoch
        self.progress.examples_per_epoch = self.batches.examples_per_epoch
        self.progress.updates_per_objective = self.updates_per_objective
        self.progress.history = self.history
        self.steps = steps_for(self.objective, self.optimizer)
        self._time_limit_s = super().time_limit_s  # asked after every update
        self._last_epoch = most_epochs(self.policies)

    @property
    def evaluation_is_due(self) -> bool:
        """Whether an evaluation belongs here, after an epoch or inside one, and has not been made yet."""
        if self.is_measured:
            return False
        if self.evaluate_every is not None and self.progress.updates % self.evaluate_every == 0:
            return True
        return self.is_after_epoch and (self.evaluates_epochs or self.evaluate_every is None)

    @property
    def is_after_epoch(self) -> bool:
        """Whether all batches of the epoch under way are done; the next one has not begun."""
        return self.progress.batch == self.progress.batches_per_epoch

    def end_epoch(self) -> None:
        """Count the epoch under way as done."""
        self.progress.epoch += 1
        self.progress.batch = 0

    @property
    def is_cut_off(self) -> bool:
        """Whether a limit ends the run here, after updates that no evaluation has seen yet."""
        if self.is_measured:
            return False
        deadline = self.deadline()
        at_deadline = deadline is not None and deadline.is_fixed and self.progress.updates >= deadline.updates
        at_last_epoch = self._last_epoch is not None and self.progress.epochs >= self._last_epoch
        return at_deadline or at_last_epoch or self.is_out_of_time

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

    @property
    def time_limit_s(self) -> float | None:
        return self._time_limit_s

    def go_on(self, checkpointing: Checkpointing) -> str:
        return train(self, checkpointing)

    def listen(self, tell: Tell) -> None:
        self.objective.tell = tell

    def take_best(self) -> None:
        self.objective.values[...] = self.best_values

    @property
    def layout(self) -> Layout:
        return self.objective.layout

    def arrays(self) -> dict[str, Array]:
        return saved_arrays(
            self.objective.values, self.best_values, self.average, self.optimizer, self.objective.state()
        )

    def restore(self, tensors: Mapping[str, np.ndarray], layout: Layout) -> bool:
        arrays = self.arrays()
        expected = {name: (array.shape, str(array.dtype)) for name, array in arrays.items()}
        found = {name: (tensor.shape, str(tensor.dtype)) for name, tensor in tensors.items()}
        if found != expected or layout != self.layout:
            return False
        for name, array in arrays.items():
            array[...] = array_module(array).asarray(tensors[name])
        return True

    def refuse_what_is_not_finite(self) -> None:
        values = self.objective.values
        if not bool(array_module(values).isfinite(values).all()):
            raise DivergedError(
                f"parameters are no longer finite numbers (update {self.progress.updates}); the last good checkpoint "
                "stays"
            )
        if not self.loss.is_finite:  # on a device nobody has looked yet
            raise diverged(self)

    @property
    def loss_now(self) -> str:
        # A device would have to be waited for.
        return f"loss {self.loss.mean:.4f}, " if self.loss.on_host else ""

    @property
    def running_loss(self) -> tuple[float, int]:
        return self.loss.total, self.loss.examples

    def restore_running_loss(self, total: float, examples: int) -> None:
        self.loss = RunningLoss(self.objective.theta, total, examples)


def saved_arrays(
    values: Array,
    best_values: Array,
    average: WeightAverage | None,
    optimizer: OptimizerContract,
    objective: dict[str, Array],
) -> dict[str, Any]:
    """Return every array that a checkpoint holds, by its name there; `objective` is what that remembers."""
    arrays = {VALUES: values, BEST: best_values}
    if average is not None:
        arrays[_AVERAGE] = average.theta
    arrays |= {_SLOT + name: array for name, array in optimizer.state().items()}
    return arrays | {_OBJECTIVE + name: array for name, array in objective.items()}


# Numbers that are no longer finite are looked for and end the run with a message; NumPy's warnings would precede it.
@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def train(t: Training, checkpointing: Checkpointing) -> str:
    """Train until a policy ends the run; return its reason. Raises DivergedError when the loss is not finite.

    Goes on from wherever `t` stands, also inside an epoch.
    """
    choice = WorkerChoice(threads.in_use())
    while True:
        if t.evaluation_is_due or t.is_cut_off:
            _evaluate(t)
            checkpointing.after_evaluation(t)
        elif t.is_after_epoch:
            t.end_epoch()
            checkpointing.after_epoch(t)
        if reason := t.reason_to_stop():
            return reason
        deadline = t.deadline()
        last_update = math.inf if deadline is None else deadline.updates
        for x, labels in t.batches.of_epoch(t.progress.epoch + 1, start=t.progress.batch):
            if t.progress.updates >= last_update:
                break
            choice.begin()
            t.loss.add(t.steps.take(x, labels, t.progress), len(x))
            choice.end(len(x))
            t.progress.batch += 1
            t.progress.updates += 1
            t.progress.examples += len(x)
            if t.average is not None:
                t.average.follow(t.objective.theta, t.progress.updates)
            if t.loss.seen_to_diverge():
                raise diverged(t)
            checkpointing.after_update(t)
            if t.evaluation_is_due or t.is_out_of_time:
                break


def _evaluate(t: Training) -> None:
    """Measure, append a row to the history, and keep the parameters if they are the best so far.

    The row's learning rate is that of the last update, like its training loss.
    """
    last_update = replace(t.progress, batch=t.progress.batch - 1, updates=t.progress.updates - 1)
    rate = t.optimizer.rate(last_update)
    if t.is_after_epoch:
        t.end_epoch()
    theta = t.objective.theta
    with t.measured_theta():
        row = {
            "epoch": t.progress.epochs if t.progress.batch else t.progress.epoch,
            "updates": t.progress.updates,
            "examples": t.progress.examples,
            "train.loss": t.loss.mean,
            **t.evaluate(t),
            **t.optimizer.metrics(t.progress),
            "learning_rate": rate,
            "theta.norm": float(array_module(theta).linalg.norm(theta)),
        }
        if not is_finite_row(row):
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
