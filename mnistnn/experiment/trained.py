"""A run's model with the parameters of one of its checkpoints, ready to be asked."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistnn.backend import jit, threads
from mnistnn.backend.arrays import sha256_of
from mnistnn.backend.scratch import Scratch
from mnistnn.backend.workers import Workers
from mnistnn.data.examples import Examples
from mnistnn.data.source import DataSource
from mnistnn.data.spec import Data
from mnistnn.errors import RunError, UsageError
from mnistnn.experiment.inputs import Inputs
from mnistnn.experiment.members import member_run
from mnistnn.experiment.plan import Plan
from mnistnn.run import checkpoint as checkpoints
from mnistnn.run.checkpoint import Checkpoint
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import RunRecord
from mnistnn.run.view import open_run
from mnistnn.tasks.contract import Task
from mnistnn.types import Array, Row, SplitName


@dataclass(frozen=True)
class Trained:
    """A plan whose model holds trained parameters.

    label        best, last or a file name
    epoch        the last one completed with these parameters
    record       of the run, as it was read
    passed_over  what was wrong with newer checkpoints than the one used
    """

    plan: Plan
    label: str
    file: str
    epoch: float
    record: RunRecord
    passed_over: list[str]

    @property
    def task(self) -> Task:
        return self.plan.task

    @property
    def elsewhere(self) -> str | None:
        """The data set whose examples are at hand, if it is not that of the run."""
        return None

    def count(self, split: SplitName) -> int:
        """Return how many examples a split has: at most, until it is read."""
        return self.plan.examples[split]

    @contextmanager
    def computing(self) -> Iterator[Workers]:
        """Allow the threads of the plan, and the loops that the model needs, to whatever asks the model."""
        loops = jit.Compiled(wanted=True).in_use() if self.task.scores_need_loops else nullcontext()
        with threads.allowed(self.plan.threads) as workers, loops:
            yield workers

    def batches(self, split: SplitName, count: int | None = None) -> Iterator[tuple[Array, Array]]:
        """Yield inputs x (n, ...) and labels (n, ...) of a split, or of its first `count` examples, as evaluations take
        them: `evaluation.batch_size` at once. Both are lent until the next are asked for.

        Raises UsageError for a split without examples, DataError if the data are not there.
        """
        examples, batch_size = self.placed(split), self.plan.experiment.evaluation.batch_size
        n = len(examples.x) if count is None else min(count, len(examples.x))
        for start in range(0, n, batch_size):
            part = slice(start, min(start + batch_size, n))
            yield examples.x[part], examples.labels[part]

    def inputs_of(self, images: NDArray[np.uint8]) -> Iterator[Array]:
        """Yield inputs x (n, ...) made of images (n, h, w) of the data set's size, as many at once as evaluations take.
        They are lent until the next are asked for.
        """
        inputs, batch_size = self.plan.inputs, self.plan.experiment.evaluation.batch_size
        prepare, memory = inputs.maker(inputs.device), Scratch()
        for start in range(0, len(images), batch_size):
            yield prepare(images[start : start + batch_size], memory)

    def first(self, split: SplitName, count: int) -> tuple[Array, Array]:
        """Return inputs x (n, ...) and labels (n, ...) of the first `count` examples of a split, or of all if it has
        fewer. Raises as `batches`.
        """
        examples = self.placed(split)
        return examples.x[: min(count, len(examples.x))], examples.labels[:count]

    def placed(self, split: SplitName) -> Examples:
        """Return a split as the model is given it. Raises as `batches`."""
        plan = self.plan
        if not plan.examples[split]:
            others = ", ".join(f"{name} ({examples:,})" for name, examples in plan.examples.items() if examples)
            raise UsageError(
                f"there are no {split} examples: the run was trained without that split; there are {others}"
            )
        return plan.place(split)


@dataclass(frozen=True)
class TrainedElsewhere(Trained):
    """A trained model with the examples of another data set than its run's at hand.

    data    what is read, in place of the experiment's
    source  reads it
    """

    data: Data
    source: DataSource

    @property
    def elsewhere(self) -> str | None:
        return self.data.dataset

    def count(self, split: SplitName) -> int:
        return self.source.examples[split]

    def placed(self, split: SplitName) -> Examples:
        if not self.count(split):
            raise UsageError(f"{self.data.dataset} has no {split} examples")
        plan = self.plan
        return Inputs(self.source, self.data.scale, plan.experiment.backend, plan.preprocessing).place(split)


def load_trained(run: RunDirectory, which: str = "best", overrides: Sequence[str] = ()) -> Trained:
    """Load a run's model from its best or last parameters, or from a checkpoint file given by its path.

    Best and last are taken from the newest checkpoint that verifies; a path must verify itself. Overrides may change
    what the model does not depend on, such as the device. Raises RunError.
    """
    opened = open_run(run, overrides)
    plan = Plan(opened.loaded, run)
    passed_over: list[str] = []
    if which in ("best", "last"):
        path, saved, passed_over = checkpoints.read_newest(run.checkpoints)
    else:
        path = Path(which)
        if not path.exists():
            raise RunError(f"'{which}' is neither best, last nor the path of a checkpoint file")
        saved = checkpoints.read(path, follow=True)
    best = saved.state.best
    if which == "best" and best is None:
        raise RunError(f"{run.path}: no evaluation yet, so no best epoch; --checkpoint last takes what is there")
    if plan.members:
        plan.task.find_members_by(partial(load_member, run, device=plan.experiment.backend.device))
    plan.task.find_references_by(lambda: plan.place("train"))
    plan.allocate()
    take_values(plan, saved, path, best if which == "best" else None)
    if not any(array.size for array in plan.task.arrays().values()):
        raise RunError(f"{path}: nothing is fitted yet")
    label = which if which in ("best", "last") else path.name
    epoch = saved.state.progress.epoch if which != "best" or best is None else best["epoch"]
    return Trained(plan, label, path.name, epoch, opened.record, passed_over)


def take_values(plan: Plan, saved: Checkpoint, path: Path, best: Row | None = None) -> None:
    """Give a plan's model, which is allocated, what a checkpoint, read from `path`, has of it: the last values, or
    those that belong to its `best` evaluation.

    Raises RunError if they are those of another model.
    """
    if not plan.task.restore(saved.tensors, saved.state.layout, best):
        raise RunError(f"{path}: its parameters are not those of this run's model")


@dataclass(frozen=True)
class LoadedMember:
    """A member of a committee, ready to be asked about raw images."""

    trained: Trained
    digest: bytes

    def named_arrays(self) -> dict[str, Array]:
        return {**self.trained.task.named_arrays(), **self.trained.plan.preprocessing.named_tensors()}

    def probabilities(self, x: Array) -> Array:
        plan = self.trained.plan
        with self.trained.computing():
            inputs = plan.preprocessing.apply(x.copy())  # which is given away
            return plan.task.loss.probabilities(plan.task.scores(inputs))


def load_member(run: RunDirectory, number: int, device: str | None = None) -> LoadedMember:
    """Load a member of a committee, whose run is `run`, with the parameters of its best epoch. Raises RunError.

    device  where to, if not to where the member was trained
    """
    trained = load_trained(member_run(run, number), overrides=[f"backend.device={device}"] if device else ())
    return LoadedMember(trained, sha256_of(trained.plan.task.arrays()))
