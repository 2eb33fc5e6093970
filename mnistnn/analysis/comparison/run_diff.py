"""The differences between two runs: configuration, environment, metrics, weights."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mnistnn.config.diff import Difference, differences
from mnistnn.run.checkpoint import Checkpoint, read_newest
from mnistnn.run.config import load_run_config
from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import read_rows
from mnistnn.run.provenance import read_environment
from mnistnn.types import BEST, VALUES, History

Which = Literal["final", "best"]
_TENSORS: dict[Which, str] = {"final": VALUES, "best": BEST}


@dataclass(frozen=True)
class Divergence:
    """The first metric in which two histories differ; None stands for a column that one of them lacks."""

    row: int
    epoch: float
    column: str
    left: float | None
    right: float | None


@dataclass(frozen=True)
class Metrics:
    """How two histories differ: rows on each side, and where they part, if they do as far as the shorter goes."""

    left_rows: int
    right_rows: int
    divergence: Divergence | None

    @property
    def are_same(self) -> bool:
        return self.divergence is None and self.left_rows == self.right_rows


@dataclass(frozen=True)
class ArrayDifference:
    """An array of the model that differs: by how much at most, or None if it is not on both sides in one shape.

    An infinite or undefined difference is None as well.
    """

    name: str
    largest: float | None


@dataclass(frozen=True)
class Weights:
    """The model's values of two runs: after how many updates, and the arrays whose bits are not the same."""

    which: Which
    left_updates: int
    right_updates: int
    arrays: list[ArrayDifference]


@dataclass(frozen=True)
class RunDifference:
    """All that differs. `passed_over` says what was wrong with checkpoints newer than those compared."""

    config: list[Difference]
    environment: list[Difference]
    metrics: Metrics
    weights: list[Weights]
    passed_over: list[str]

    @property
    def are_same(self) -> bool:
        """Whether both runs came to the same, bit for bit, whatever they were called and computed with."""
        return self.metrics.are_same and not any(each.arrays for each in self.weights)


def difference_of(left: RunDirectory, right: RunDirectory) -> RunDifference:
    """Say in what two runs differ, by their newest checkpoints that verify.

    Raises RunError or ConfigError if one is unreadable.
    """
    configs, environments = (
        [load_run_config(run).resolved for run in (left, right)],
        [read_environment(run) for run in (left, right)],
    )
    metrics = difference_of_metrics(*(read_rows(run.metrics) for run in (left, right)))
    (_, a, refused), (_, b, also_refused) = (read_newest(run.checkpoints) for run in (left, right))
    return RunDifference(
        config=differences(*configs),
        environment=differences(*environments),
        metrics=metrics,
        weights=[_difference_of_weights(which, a, b) for which in _TENSORS],
        passed_over=refused + also_refused,
    )


def difference_of_metrics(left: History, right: History) -> Metrics:
    """Find the first row, and in it the first column, in which two histories differ."""
    for number, (a, b) in enumerate(zip(left, right, strict=False), start=1):
        for column in {**a, **b}:
            if repr(a.get(column)) != repr(b.get(column)):  # -0.0 is not 0.0, and 1 is not 1.0
                where = Divergence(number, a["epoch"], column, a.get(column), b.get(column))
                return Metrics(len(left), len(right), where)
    return Metrics(len(left), len(right), None)


def _difference_of_weights(which: Which, left: Checkpoint, right: Checkpoint) -> Weights:
    a, b = (_arrays(saved, _TENSORS[which]) for saved in (left, right))
    found = [
        ArrayDifference(name, _largest_difference(a.get(name), b.get(name)))
        for name in {**a, **b}
        if not _same_bits(a.get(name), b.get(name))
    ]
    return Weights(which, _updates(left, which), _updates(right, which), found)


def _updates(saved: Checkpoint, which: Which) -> int:
    """Return after how many updates the weights were as they are; 0 for the best of a run without an evaluation."""
    if which == "final":
        return saved.state.progress.updates
    return 0 if saved.state.best is None else int(saved.state.best["updates"])


def _arrays(saved: Checkpoint, tensor: str) -> dict[str, np.ndarray]:
    """Return the model's arrays by name, taken out of one flat vector, or, of a fitted one, as they are."""
    if VALUES not in saved.tensors:
        return dict(saved.tensors)
    flat, start, arrays = saved.tensors[tensor], 0, {}
    for name, shape in saved.state.layout:
        stop = start + int(np.prod(shape))
        arrays[name] = flat[start:stop].reshape(shape)
        start = stop
    return arrays


def _same_bits(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    if a is None or b is None:
        return False
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def _largest_difference(a: np.ndarray | None, b: np.ndarray | None) -> float | None:
    if a is None or b is None or a.shape != b.shape:
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        largest = float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max(initial=0.0))
    return largest if np.isfinite(largest) else None
