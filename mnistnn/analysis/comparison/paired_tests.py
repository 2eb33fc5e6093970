"""Paired tests of two experiments: by the seeds that they share or, of single runs, by the validation examples.

Pairs take away what a seed, or an example, does to both. No test is done where nothing is shared.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.analysis.evaluation.predictions import predictions_of
from mnistnn.analysis.statistics import (
    McNemar,
    SignFlip,
    holm_adjusted,
    mcnemar_test,
    mean_and_deviation,
    sign_flip_test,
    student_interval,
)
from mnistnn.errors import MnistnnError
from mnistnn.experiment.trained import load_trained
from mnistnn.run.view import RunView


@dataclass(frozen=True)
class Side:
    """One experiment of a pair: what it is called, its runs, one for each seed, and the metric of each."""

    letter: str
    runs: list[RunView]
    values: list[float]

    @property
    def by_seed(self) -> dict[int, float]:
        return {one.config["seed"]: value for one, value in zip(self.runs, self.values, strict=True)}


@dataclass(frozen=True)
class Pair:
    """Two experiments, and the differences second − first.

    seeds        those that both have, by which they are paired
    left_out     those that only one has
    differences  for each shared seed; of two single runs the one between them, whatever their seeds
    test         None if there is none, for which `problem` is the reason
    holm_p       p adjusted for the number of tests; None if this is the only one
    """

    first: str
    second: str
    seeds: list[int]
    left_out: list[int]
    differences: list[float]
    mean: float | None
    interval_95: tuple[float, float] | None
    test: SignFlip | McNemar | None
    problem: str | None
    holm_p: float | None = None


def pairs_of(sides: Sequence[tuple[Side, Side]]) -> list[Pair]:
    """Return what can be said of each pair: a sign-flip test over shared seeds, McNemar's test for two single runs.

    p is adjusted by Holm's rule for all of them. Checkpoints or digits that McNemar's test needs and that are not there
    leave the reason in its place.
    """
    right = _CorrectPredictions()
    pairs = [_single_runs(a, b, right) if len(a.runs) == len(b.runs) == 1 else _by_seeds(a, b) for a, b in sides]
    tests = [each.test for each in pairs if each.test is not None]
    if len(tests) < 2:
        return pairs
    adjusted = iter(holm_adjusted([test.p for test in tests]))
    return [each if each.test is None else replace(each, holm_p=next(adjusted)) for each in pairs]


def validation_of(one: RunView) -> Any:
    """Return what a run was validated on; runs in which this is equal were validated on the same examples."""
    data = one.config["data"]
    return [data["dataset"], data["validation_examples"], data["limits"]["valid"], data["labels"]]


def _by_seeds(first: Side, second: Side) -> Pair:
    a, b = first.by_seed, second.by_seed
    seeds = sorted(a.keys() & b.keys())
    differences = [b[seed] - a[seed] for seed in seeds]
    problem = None
    if not seeds:
        problem = "no seed in common"
    elif len(seeds) == 1:
        problem = f"only the seed {seeds[0]} in common"
    return Pair(
        first=first.letter,
        second=second.letter,
        seeds=seeds,
        left_out=sorted(a.keys() ^ b.keys()),
        differences=differences,
        mean=mean_and_deviation(differences)[0] if differences else None,
        interval_95=student_interval(differences),
        test=None if problem else sign_flip_test(differences),
        problem=problem,
    )


def _single_runs(first: Side, second: Side, right: "_CorrectPredictions") -> Pair:
    difference = second.values[0] - first.values[0]
    (a,), (b,) = first.by_seed, second.by_seed
    test, problem = None, None
    if validation_of(first.runs[0]) != validation_of(second.runs[0]):
        problem = "they were validated on different examples"
    else:
        try:
            test = _mcnemar(right.of(first.runs[0]), right.of(second.runs[0]))
        except MnistnnError as error:
            problem = str(error)
    seeds, left_out = ([a], []) if a == b else ([], sorted([a, b]))
    return Pair(first.letter, second.letter, seeds, left_out, [difference], difference, None, test, problem)


def _mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> McNemar:
    return mcnemar_test(int(np.count_nonzero(first & ~second)), int(np.count_nonzero(second & ~first)))


class _CorrectPredictions:
    """Which validation examples, (n,), the model of a run's best epoch reads rightly. Each run is asked once."""

    def __init__(self) -> None:
        self._known: dict[Path, NDArray[np.bool_]] = {}

    def of(self, one: RunView) -> NDArray[np.bool_]:
        """Raises RunError, UsageError or DataError: no checkpoint, no validation split, no digits."""
        place = one.run.path
        if place not in self._known:
            predictions = predictions_of(load_trained(one.run), "valid")
            self._known[place] = predictions.labels == predictions.predicted
        return self._known[place]
