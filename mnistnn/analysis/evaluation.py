"""Measuring a trained model on one split, with what an error rate alone does not tell."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from mnistnn import threads
from mnistnn.analysis.sampling import mean_probabilities, refuse_unless_random, summed_nll
from mnistnn.analysis.statistics import wilson_interval
from mnistnn.analysis.trained import Trained, load_trained
from mnistnn.backend import to_host
from mnistnn.data.splits import SplitName
from mnistnn.errors import RunError, UsageError
from mnistnn.files import resource_error, write_atomically
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import read_record

SCHEMA_VERSION = 1
_LEDGER = "test-readings.jsonl"


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
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
    record = read_record(run)
    trained = load_trained(run, which)
    for problem in trained.passed_over:
        warn(f"warning: passed over {problem}")
    if not trained.plan.examples[split]:
        raise UsageError(f"{run.path}: was trained without a {split} split, so there is nothing to measure on")
    if mc_samples is not None:
        refuse_unless_random(trained)
    with threads.allowed(record.threads, trained.plan.by_blas):
        confusion, loss = _measure(trained, split, mc_samples)
    readings = _count_reading(run, trained) if split == "test" else _readings(run)
    examples = int(confusion.sum())
    errors = examples - int(np.trace(confusion))
    evaluation = Evaluation(
        schema_version=SCHEMA_VERSION,
        run=record.id,
        split=split,
        checkpoint=trained.label,
        checkpoint_file=trained.file,
        epoch=trained.epoch,
        examples=examples,
        errors=errors,
        error=errors / examples,
        error_interval_95=wilson_interval(errors, examples),
        loss=loss,
        confusion=confusion.tolist(),
        error_per_class=_error_per_class(confusion),
        most_confused=_most_confused(confusion),
        test_readings=readings,
        mc_samples=mc_samples,
    )
    content = json.dumps(asdict(evaluation), indent=2) + "\n"
    label = "best" if which == "best" else trained.file.removesuffix(".safetensors")
    method = "" if mc_samples is None else f"-mc{mc_samples}"
    write_atomically(run.evaluations / f"{split}-{label}{method}.json", content.encode())
    return evaluation


def _measure(trained: Trained, split: SplitName, mc_samples: int | None) -> tuple[np.ndarray, float]:
    """Return the confusion matrix (k, k) and the mean loss."""
    plan = trained.plan
    model, loss, k = plan.experiment.model, plan.experiment.loss, plan.classes
    batch_size = plan.experiment.evaluation.batch_size
    examples = plan.place(split)
    confusion = np.zeros(k * k, dtype=np.int64)
    total = 0.0
    for start in range(0, len(examples.x), batch_size):
        x, labels = examples.x[start : start + batch_size], examples.labels[start : start + batch_size]
        if mc_samples is None:
            z = model.forward(x, train=False)
            total += loss.score(z, labels).loss
            read = loss.predict(z)
        else:
            p = mean_probabilities(model, loss, x, mc_samples)
            total += summed_nll(p, labels)
            read = p.argmax(axis=1)
        confusion += np.bincount(to_host(labels * k + read), minlength=k * k)
    return confusion.reshape(k, k), total / len(examples.x)


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


def _count_reading(run: RunDirectory, trained: Trained) -> int:
    """Append to the ledger of test readings; return how many there are now.

    Each reading of the test split makes its figure a little less honest as a measure of generalisation; the count is
    shown with it.
    """
    ledger = run.evaluations / _LEDGER
    entry = {
        "time": datetime.now().astimezone().isoformat(timespec="seconds"),
        "checkpoint": trained.label,
        "file": trained.file,
        "epoch": trained.epoch,
    }
    try:
        with ledger.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise resource_error(ledger, error) from error
    return _readings(run)


def _readings(run: RunDirectory) -> int:
    try:
        return len((run.evaluations / _LEDGER).read_bytes().splitlines())
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise RunError(f"{run.evaluations / _LEDGER}: {error.strerror}") from error


def stored_evaluations(run: RunDirectory) -> list[Evaluation]:
    """Return the evaluations kept in a run; files that are none are left out."""
    found = []
    for path in sorted(run.evaluations.glob("*.json")):
        with suppress(OSError, ValidationError):
            found.append(_EVALUATION.validate_json(path.read_bytes()))
    return found
