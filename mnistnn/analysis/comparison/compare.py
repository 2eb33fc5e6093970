"""Comparison of experiments: what differs, how good each is on the validation digits, and whether the difference is
real.

Runs of one experiment that differ in their seed are one group. The test split is never read here: of the experiment
that validation chooses, and of no other, it is said what `eval` has found and kept. Who sees all test errors chooses by
them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from mnistnn.analysis.comparison.config_differences import differing_keys
from mnistnn.analysis.comparison.curves import Band, band, check_metrics, metrics_of
from mnistnn.analysis.comparison.paired_tests import Pair, Side, pairs_of, validation_of
from mnistnn.analysis.comparison.run_groups import Group, grouped
from mnistnn.analysis.evaluation.results import tested
from mnistnn.analysis.statistics import mean_and_deviation, student_interval
from mnistnn.errors import MnistnnError, UsageError
from mnistnn.experiment.plan import Plan
from mnistnn.run.view import RunView
from mnistnn.types import LAST

_VALIDATION = "valid."  # begins the names of the metrics that may choose
_METRIC = "valid.error"  # if the runs monitor nothing
_MOST_POINTS = 16  # of a small curve


@dataclass(frozen=True)
class Compared:
    """One experiment. Its metrics are those of its counted runs, one for each seed; none may have the metric.

    letter       what it is called for short
    values       the metric of each run at its best epoch
    deviation    over seeds; None, as the interval of the mean at 95 %, for fewer than two
    seconds      of training, of each run
    parameters   None if the model cannot be built here
    curve        the mean of the metric along epochs, at points that are the same for all; None beyond the ends
    """

    letter: str
    label: str
    runs: list[str]
    seeds: list[int]
    values: list[float]
    mean: float | None
    deviation: float | None
    interval_95: tuple[float, float] | None
    best_epochs: list[float]
    seconds: list[float]
    parameters: int | None
    curve: list[float | None]


@dataclass(frozen=True)
class StoredTest:
    """The test error as `eval` has kept it: of how many of the runs, mean, deviation, interval at 95 %.

    The interval of a single run is Wilson's, over examples; that of several is Student's, over seeds.
    """

    runs: int
    of_runs: int
    mean: float
    deviation: float | None
    interval_95: tuple[float, float] | None


@dataclass(frozen=True)
class Comparison:
    """All of it.

    differing  keys, and the value in each experiment
    chosen     the letter of the experiment that validation chooses, if it can choose
    test       of the chosen one, if `eval` has read its test split
    notes      what to be careful about
    """

    metric: str
    differing: list[tuple[str, list[Any]]]
    experiments: list[Compared]
    pairs: list[Pair]
    chosen: str | None
    test: StoredTest | None
    notes: list[str]


def compare(
    views: Sequence[RunView], metric: str | None = None, all_pairs: bool = False, tests: bool = True
) -> Comparison:
    """Compare the experiments of runs, at least one, by a metric: without a `metric`, by what the runs monitor.

    Each is paired with the first, or with `all_pairs` each with each; with none unless there shall be `tests`, which
    may have models classify the validation examples. Raises UsageError for a metric that no run has.
    """
    notes: list[str] = []
    metric = metric or _monitored(views, notes)
    check_metrics([metric], metrics_of(views))
    groups = grouped(views)
    counted = [_counted(group, metric, notes) for group in groups]
    sides = [
        Side(letter(place), runs, [_figure(one, metric) for one in runs]) for place, runs in enumerate(counted) if runs
    ]
    if not sides:
        raise UsageError(f"no run has {metric} at a best epoch")
    chosen = _chosen(sides, metric, notes)
    pairs = [*combinations(sides, 2)] if all_pairs else [(sides[0], each) for each in sides[1:]]
    names = differing_keys([group.runs[0].config_and_code for group in groups])
    return Comparison(
        metric=metric,
        differing=[each for each in names if each[0] != "name"],  # labels say that
        experiments=_experiments(groups, counted, metric),
        pairs=pairs_of(pairs) if tests else [],
        chosen=None if chosen is None else chosen.letter,
        test=None if chosen is None else _tested(chosen),
        notes=notes,
    )


def letter(place: int) -> str:
    """Return A to Z for the first places, then AA, AB, and so on."""
    return (letter(place // 26 - 1) if place >= 26 else "") + chr(ord("A") + place % 26)


def _monitored(views: Sequence[RunView], notes: list[str]) -> str:
    """Return the metric that the runs monitor; that of the first, with a note, if they do not agree."""
    monitors = list(dict.fromkeys(one.record.monitor for one in views if one.record.monitor != LAST))
    if len(monitors) > 1:
        others = " and ".join(monitors[1:])
        notes.append(
            f"the runs monitor different metrics: compared is {monitors[0]}, others chose their best epoch by {others}"
        )
    if not monitors and _METRIC not in metrics_of(views):
        known = ", ".join(metrics_of(views))
        raise UsageError(f"the runs monitor nothing, so --metric must say what is compared; there are {known}")
    return monitors[0] if monitors else _METRIC


def _counted(group: Group, metric: str, notes: list[str]) -> list[RunView]:
    """Return the runs of a group that have the metric, one for each seed; finished ones before others."""
    by_seed: dict[int, RunView] = {}
    for one in sorted(group.runs, key=lambda one: one.record.status != "finished"):
        if one.best is None or metric not in one.best:
            notes.append(f"left out: {one.run.path}: has no {metric} at a best epoch")
        elif (seed := one.config["seed"]) in by_seed:
            notes.append(f"left out: {one.run.path}: repeats the seed {seed} of {by_seed[seed].run.path}")
        else:
            by_seed[seed] = one
    for one in by_seed.values():
        if one.status != "finished":
            notes.append(f"not at its end: {one.run.path} is {one.status}")
    return [one for one in group.runs if any(one is each for each in by_seed.values())]


def _figure(one: RunView, metric: str) -> float:
    assert one.best is not None
    return one.best[metric]


def _experiments(groups: Sequence[Group], counted: Sequence[list[RunView]], metric: str) -> list[Compared]:
    bands = [band(Group(group.label, runs), metric, "epochs") for group, runs in zip(groups, counted, strict=True)]
    epochs = np.unique(np.concatenate([each.x for each in bands if each is not None]))
    points = np.linspace(epochs[0], epochs[-1], min(len(epochs), _MOST_POINTS))
    return [
        _compared(letter(place), group.label, runs, metric, _at(points, bands[place]))
        for place, (group, runs) in enumerate(zip(groups, counted, strict=True))
    ]


def _compared(short: str, label: str, runs: list[RunView], metric: str, curve: list[float | None]) -> Compared:
    values = [_figure(one, metric) for one in runs]
    mean, deviation = mean_and_deviation(values) if values else (None, None)
    return Compared(
        letter=short,
        label=label,
        runs=[str(one.run.path) for one in runs],
        seeds=[one.config["seed"] for one in runs],
        values=values,
        mean=mean,
        deviation=deviation,
        interval_95=student_interval(values),
        best_epochs=[_figure(one, "epoch") for one in runs],
        seconds=[one.record.seconds for one in runs],
        parameters=parameters_of(runs[0]) if runs else None,
        curve=curve,
    )


def _at(points: np.ndarray, curve: Band | None) -> list[float | None]:
    if curve is None:
        return [None] * len(points)
    y = np.interp(points, curve.x, curve.mean, left=np.nan, right=np.nan)
    return [None if np.isnan(value) else float(value) for value in y]


def parameters_of(one: RunView) -> int | None:
    """Return how many parameters a run's model has; None if it cannot be built here."""

    def count() -> int | None:
        try:
            return Plan(one.loaded, one.run).parameters
        except MnistnnError:
            return None

    return one.of_configuration("parameters", count)


def _chosen(sides: Sequence[Side], metric: str, notes: list[str]) -> Side | None:
    """Return the experiment with the lowest mean, if the metric is of validation, and of the same examples for all."""
    if not metric.startswith(_VALIDATION):
        notes.append(f"{metric} is not measured on validation examples, so it chooses no experiment")
        return None
    if any(validation_of(one) != validation_of(sides[0].runs[0]) for side in sides for one in side.runs):
        notes.append("the experiments were validated on different examples, so validation chooses none of them")
        return None
    return min(sides, key=lambda side: mean_and_deviation(side.values)[0])


def _tested(chosen: Side) -> StoredTest | None:
    """Return what is kept of the test split, read for the epoch that is the best now."""
    kept = [found for one in chosen.runs if (found := tested(one)) is not None]
    if not kept:
        return None
    mean, deviation = mean_and_deviation([each.error for each in kept])
    interval = kept[0].error_interval_95 if len(kept) == 1 else student_interval([each.error for each in kept])
    return StoredTest(len(kept), len(chosen.runs), mean, deviation, interval)
