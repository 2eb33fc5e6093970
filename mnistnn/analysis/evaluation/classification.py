"""Measuring a trained model on one split, with what an error rate alone does not tell."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from mnistnn.analysis.evaluation import results
from mnistnn.analysis.evaluation.mc_dropout import mean_probabilities, refuse_unless_random, summed_nll
from mnistnn.analysis.evaluation.predictions import batches_of
from mnistnn.analysis.statistics import wilson_interval
from mnistnn.backend.arrays import to_host
from mnistnn.errors import DivergedError, UsageError
from mnistnn.experiment.trained import Trained
from mnistnn.losses.mean_squared_error import MeanSquaredError
from mnistnn.run.directory import RunDirectory
from mnistnn.storage.reading import MAX_JSON_BYTES, read_file
from mnistnn.storage.sealed_json import parse_as
from mnistnn.types import SplitName

SCHEMA_VERSION = 1


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
class Evaluation:
    """Figures of one model on one split. Errors are fractions; `confusion[i][j]` counts digits i read as j.

    `mc_samples` is the number of sampled masks whose predictions were averaged; null stands for the scaled weights.
    """

    schema_version: int
    run: str
    split: SplitName
    checkpoint: str
    checkpoint_file: str
    epoch: float
    examples: int
    errors: int
    error: float
    error_interval_95: tuple[float, float]
    loss: float
    confusion: list[list[int]]
    error_per_class: list[float | None]
    most_confused: list[dict[str, int]]
    test_readings: int
    mc_samples: int | None = None


_EVALUATION = TypeAdapter(Evaluation)


def evaluate(
    run: RunDirectory, split: SplitName, which: str, warn: Callable[[str], None], mc_samples: int | None = None
) -> Evaluation:
    """Measure a run's model on a split, keep the result under eval/, and note a reading of the test split.

    With `mc_samples`, the predictions of so many sampled masks are averaged; UsageError if the model has none. `warn`
    is told of checkpoints that were passed over because they do not verify.
    """
    trained = results.begin(run, split, which, warn)
    if mc_samples is not None:
        refuse_unless_random(trained)
    with trained.computing():
        confusion, loss = _measure(trained, split, mc_samples)
    if not math.isfinite(loss):
        raise DivergedError(f"{run.path}: the loss on the {split} split is not a finite number")
    evaluation = Evaluation(
        schema_version=SCHEMA_VERSION,
        loss=loss,
        confusion=confusion.tolist(),
        **counted(confusion),
        mc_samples=mc_samples,
        **results.about(run, trained, split),
    )
    results.keep(run, file_name(evaluation), evaluation)
    return evaluation


def file_name(evaluation: Evaluation) -> str:
    """Return the name of the file, under eval/, in which an evaluation is kept."""
    method = "" if evaluation.mc_samples is None else f"-mc{evaluation.mc_samples}"
    return f"{results.stem(evaluation)}{method}.json"


def _measure(trained: Trained, split: SplitName, mc_samples: int | None) -> tuple[np.ndarray, float]:
    """Return the confusion matrix (k, k) and the mean loss."""
    plan = trained.plan
    model, criterion, k = plan.model, plan.criterion, plan.classes
    if isinstance(criterion, MeanSquaredError):
        raise UsageError(f"{plan.experiment.name}: its model tells numbers, and reads no classes")
    confusion = np.zeros(k * k, dtype=np.int64)
    total = 0.0
    for x, labels in batches_of(trained, split):
        if mc_samples is None:
            z = model.forward(x, train=False)
            total += criterion.score(z, labels).loss
            read = criterion.predict(z)
        else:
            p = mean_probabilities(model, plan.loss, x, mc_samples)
            total += summed_nll(p, labels)
            read = p.argmax(axis=1)
        places = to_host(labels * k + read)[to_host(labels) >= 0]  # steps without a label do not count
        confusion += np.bincount(places, minlength=k * k)
    return confusion.reshape(k, k), total / int(confusion.sum())


def counted(confusion: np.ndarray) -> dict[str, Any]:
    """Return the fields of an evaluation that follow from its confusion matrix (k, k), which has examples."""
    examples = int(confusion.sum())
    errors = examples - int(np.trace(confusion))
    return {
        "examples": examples,
        "errors": errors,
        "error": errors / examples,
        "error_interval_95": wilson_interval(errors, examples),
        "error_per_class": _error_per_class(confusion),
        "most_confused": _most_confused(confusion),
    }


def _error_per_class(confusion: np.ndarray) -> list[float | None]:
    counts = confusion.sum(axis=1)
    return [1.0 - float(confusion[i, i] / counts[i]) if counts[i] else None for i in range(len(confusion))]


def _most_confused(confusion: np.ndarray, most: int = 5) -> list[dict[str, int]]:
    """Return the pairs (true class, class read) with the highest counts off the diagonal."""
    pairs = [
        {"true": i, "read": j, "count": int(confusion[i, j])}
        for i in range(len(confusion))
        for j in range(len(confusion))
        if i != j and confusion[i, j]
    ]
    return sorted(pairs, key=lambda pair: -pair["count"])[:most]


def stored_evaluations(run: RunDirectory) -> list[Evaluation]:
    """Return the evaluations kept in a run; files that are none are left out."""
    return results.stored(run, "*.json", parse_evaluation)


def tested(run: RunDirectory) -> Evaluation | None:
    """Return what `evaluate` found on the test split for the best epoch, if it has been asked."""
    found = [each for each in stored_evaluations(run) if each.split == "test" and each.checkpoint == "best"]
    plain = [each for each in found if each.mc_samples is None]
    return next(iter(plain or found), None)


def read_evaluation(path: Path) -> Evaluation:
    """Read one evaluation. Raises RunError: missing, torn, altered, of another format, or none."""
    return parse_evaluation(read_file(path, MAX_JSON_BYTES), str(path))


def parse_evaluation(text: bytes, place: str) -> Evaluation:
    """Return the evaluation in the text of its file. Raises RunError, naming `place`."""
    return parse_as(_EVALUATION, text, place, "an evaluation", SCHEMA_VERSION)
