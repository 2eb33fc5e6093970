"""The choice among the points of a sweep: by the mean validation metric over seeds; only then the test split is read,
for the chosen point alone, and once.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass as strict_dataclass

from mnistnn.analysis.evaluation.results import evaluate, stored_evaluations
from mnistnn.errors import RunError
from mnistnn.run.directory import RunDirectory
from mnistnn.storage.reading import MAX_JSON_BYTES, read_own_file
from mnistnn.storage.sealed_json import parse_as, seal_json
from mnistnn.storage.writing import write_atomically
from mnistnn.sweep.description import Trial
from mnistnn.sweep.study import DONE, Standing, Study, standing
from mnistnn.tasks.classification import Evaluation

SCHEMA_VERSION = 1
_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True)
class TrialResult:
    """A trial, and how it stands."""

    trial: Trial
    standing: Standing


@dataclass(frozen=True)
class PointResult:
    """A point with its trials, one for each seed. `mean` and `std` are of the monitored metric over finished trials."""

    point: int
    values: dict[str, str]
    trials: list[TrialResult]
    mean: float | None
    std: float | None

    @property
    def is_complete(self) -> bool:
        return all(each.standing.state == "finished" for each in self.trials)


@strict_dataclass(frozen=True, config=_STRICT)
class Chosen:
    """The fields of chosen.json: the point, its validation metric over seeds, and the test error of each trial."""

    schema_version: int
    point: int
    values: dict[str, str]
    monitor: str
    mean: float
    std: float | None
    test_errors: dict[str, float]
    test_examples: int


_CHOSEN = TypeAdapter(Chosen)


def results_of(study: Study) -> list[PointResult]:
    """Return every point as it stands: the complete ones first, best first, then the others in their order."""
    points: dict[int, list[Trial]] = {}
    for trial in study.trials:
        points.setdefault(trial.point, []).append(trial)
    found = [result_of(study, trials) for trials in points.values()]
    return sorted(found, key=lambda each: (not each.is_complete, each.mean if each.is_complete else 0.0, each.point))


def result_of(study: Study, trials: Sequence[Trial]) -> PointResult:
    """Return how a point stands that has these trials."""
    results = [TrialResult(trial, standing(study, trial)) for trial in trials]
    bests = [each.standing.best for each in results]
    values = [best[study.description.monitor] for best in bests if best is not None]
    mean = statistics.fmean(values) if values else None
    std = statistics.stdev(values) if len(values) > 1 else None
    return PointResult(trials[0].point, trials[0].values, results, mean, std)


def choose(study: Study, so_far: bool = False) -> PointResult:
    """Return the point with the lowest mean; of equal ones the first.

    Points of which a trial has failed or was pruned are no candidates. Raises RunError if trials are yet to be done,
    unless `so_far` asks for the best of the others, or if there is no candidate.
    """
    results = results_of(study)
    known = [each for result in results for each in result.trials]
    undone = [each.trial.id for each in known if each.standing.state not in DONE]
    left = len(undone) + study.expected_trials - len(known)
    if left and not so_far:
        named = f" ({', '.join(undone[:3])}, …)" if undone else ""
        raise RunError(
            f"{study.path}: {left} of {study.expected_trials} trials are not done{named}; "
            "go on with `mnistnn sweep resume`, or choose among what there is with --so-far"
        )
    if not results or not results[0].is_complete:
        raise RunError(f"{study.path}: no point of which all trials are finished")
    return results[0]


def read_test_of_chosen(study: Study, so_far: bool, warn: Callable[[str], None]) -> Chosen:
    """Choose, read the test split for the trials of the chosen point, and keep that; again, only say what is kept.

    Raises RunError, also where the test split was read for another point before: validation would choose otherwise now.
    """
    result = choose(study, so_far)
    kept = read_chosen(study)
    if kept is not None:
        if kept.point != result.point:
            raise RunError(
                f"{study.chosen}: the test split was read for point {kept.point}, and validation now chooses point "
                f"{result.point}; another reading would be a choice by the test split"
            )
        return kept
    assert result.mean is not None
    evaluations = {each.trial.id: _evaluation(study.run(each.trial), warn) for each in result.trials}
    chosen = Chosen(
        schema_version=SCHEMA_VERSION,
        point=result.point,
        values=result.values,
        monitor=study.description.monitor,
        mean=result.mean,
        std=result.std,
        test_errors={name: evaluation.error for name, evaluation in evaluations.items()},
        test_examples=next(iter(evaluations.values())).examples,
    )
    write_atomically(study.chosen, seal_json(asdict(chosen)))
    return chosen


def read_chosen(study: Study) -> Chosen | None:
    """Return what was chosen before. Raises RunError if that is torn or altered."""
    if not study.chosen.exists():
        return None
    text = read_own_file(study.chosen, MAX_JSON_BYTES)
    return parse_as(_CHOSEN, text, str(study.chosen), "a choice", SCHEMA_VERSION)


def _evaluation(run: RunDirectory, warn: Callable[[str], None]) -> Evaluation:
    """Return what is known of a run on the test split, reading that if nothing is."""
    for each in stored_evaluations(run):
        if (each.split, each.checkpoint, each.mc_samples) == ("test", "best", None):
            return each
    found: Evaluation = evaluate(run, "test", "best", warn)
    return found
