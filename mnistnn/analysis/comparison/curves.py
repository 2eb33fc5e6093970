"""Metrics along training as curves: of single runs, and as mean and band over runs that differ in their seed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mnistnn.analysis.comparison.run_groups import Group
from mnistnn.errors import UsageError, did_you_mean
from mnistnn.run.metrics import COLUMNS
from mnistnn.run.view import RunView

Axis = Literal["epochs", "passes", "updates", "examples", "seconds"]
AXES: tuple[Axis, ...] = get_args(Axis)
"""passes are those of examples through the model, as a multiple of the training set."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One metric of one run: y over x, both (n,), n at least 1."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Band:
    """One metric of a group: mean and standard deviation of y over the runs that got as far as x, and how many did.

    All are (n,). Where fewer than two runs are left, the deviation is 0.
    """

    x: NDArray[np.float64]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    runs: NDArray[np.int64]


def metrics_of(views: Iterable[RunView]) -> list[str]:
    """Return the names of all metrics that some of the runs have, in the order in which they are kept."""
    return list(dict.fromkeys(name for each in views for name in each.columns.metrics))


def check_metrics(names: Iterable[str], known: Sequence[str]) -> None:
    """Raise UsageError for a metric that is not known."""
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known, before=", ")
            if name == "train.error":
                hint = ", which is measured where an experiment says `evaluation.train_error=true`"
            raise UsageError(f"no run has the metric '{name}'{hint}; there are {', '.join(known)}")


def curve(view: RunView, metric: str, axis: Axis) -> Curve | None:
    """Return a metric along an axis; None where a run does not have it (one without a validation split, say).

    Raises UsageError for seconds if the run has not kept them.
    """
    along = places(view, axis)
    y = view.columns[metric]
    there = ~np.isnan(y)
    if there.all():
        return Curve(along, y) if len(y) else None
    return Curve(along[there], y[there]) if there.any() else None


def places(view: RunView, axis: Axis) -> NDArray[np.float64]:
    """Return where along an axis each row of a run is. Raises UsageError for seconds if the run has not kept them."""
    if axis == "seconds":
        return np.array(_seconds(view), dtype=np.float64)
    if axis == "passes":
        # A rule makes one for each update of a batch; a method that makes more has counted them.
        passes, updates = view.columns["passes"], view.config.get("batches", {}).get("updates", 1)
        return np.where(np.isnan(passes), view.columns["epoch"] * updates, passes)
    return view.columns[COLUMNS[axis]]


def band(group: Group, metric: str, axis: Axis) -> Band | None:
    """Return the mean of a group's curves with its band; None if no run has the metric.

    It has a point wherever a run has one. A run that was not measured there counts as the straight line between its
    neighbouring points says, and not at all beyond its ends. Along seconds, too, runs are averaged epoch by epoch, as
    nobody measured anything between the points of different runs; a point lies at the mean of the times that they took
    to get there.
    """
    if axis == "seconds":
        by_epoch = band(group, metric, "epochs")
        return None if by_epoch is None else replace(by_epoch, x=_mean_seconds(group, by_epoch.x))
    curves = [found for each in group.runs if (found := curve(each, metric, axis)) is not None]
    return band_of(curves) if curves else None


def band_of(curves: Sequence[Curve]) -> Band:
    """Return the mean of curves, at least one, with its band, as `band` does of a group's."""
    if len(curves) == 1 and (np.diff(curves[0].x) > 0).all():
        (one,) = curves
        return Band(one.x, one.y, np.zeros_like(one.y), np.ones(len(one.y), np.int64))
    x = np.unique(np.concatenate([each.x for each in curves]))
    y = np.array([np.interp(x, each.x, each.y, left=np.nan, right=np.nan) for each in curves])
    runs = (~np.isnan(y)).sum(axis=0)
    x, y, runs = x[runs > 0], y[:, runs > 0], runs[runs > 0]
    mean = np.nansum(y, axis=0) / runs
    square = np.nansum((y - mean) ** 2, axis=0)
    deviation = np.sqrt(square / np.maximum(runs - 1, 1))
    return Band(x, mean, deviation, runs)


def _seconds(view: RunView) -> Sequence[float]:
    if view.seconds is None:
        raise UsageError(f"{view.run.path}: timing.jsonl does not have the seconds of all evaluations")
    return view.seconds


def _mean_seconds(group: Group, epochs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean time to each of the epochs (n,), from one to the next over the runs that got so far.

    So time does not run backwards where a slow run has ended.
    """
    at = [
        np.interp(epochs, [0.0, *(row["epoch"] for row in each.rows)], [0.0, *_seconds(each)], right=np.nan)
        for each in group.runs
    ]
    steps = np.diff(np.array(at), axis=1, prepend=0.0)
    result: NDArray[np.float64] = np.nanmean(steps, axis=0).cumsum()
    return result
