"""Classification: what an evaluation finds of a model that predicts classes, whatever the model is."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from mnistnn.backend.arrays import to_host
from mnistnn.tasks.claims import TEST_ERROR, VALID_ERROR, Claim
from mnistnn.tasks.confusion import confusion_lines, pairs_line
from mnistnn.tasks.contract import Subject, Task, Watch
from mnistnn.tasks.intervals import wilson_interval
from mnistnn.tasks.mc_dropout import McMean, mean_in
from mnistnn.tasks.result import STRICT, Result, ResultElsewhere, agree
from mnistnn.types import Array, SplitName

_MOST = 1 << 40  # examples that a count may stand for


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Evaluation(Result):
    """Errors are fractions; `confusion[i][j]` counts examples of class i that were predicted to be of class j.

    `mc_samples` is the number of sampled masks whose predictions were averaged, by the mean `mc_mean`; null stands for
    the scaled weights. Where there are samples and no mean, an earlier version took the arithmetic one.
    `examples_per_stage` counts the examples that each stage of a model was given, where stages differ in cost.
    """

    errors: int
    error: float
    error_interval_95: tuple[float, float]
    loss: float
    confusion: list[list[int]]
    error_per_class: list[float | None]
    most_confused: list[dict[str, int]]
    mc_samples: int | None = None
    mc_mean: McMean | None = None
    examples_per_stage: dict[str, int] | None = None

    what: ClassVar[str] = "an evaluation"
    plural: ClassVar[str] = "evaluations"
    mark: ClassVar[str] = "confusion"

    @property
    def headline(self) -> str:
        return f"error {100 * self.error:.2f} %"

    @property
    def file_suffix(self) -> str:
        mean = "-geometric" if self.mc_mean == "geometric" else ""
        return "" if self.mc_samples is None else f"-mc{self.mc_samples}{mean}"

    def problems(self) -> list[str]:
        confusion = self.confusion
        k = len(confusion)
        counts = [count for row in confusion for count in row]
        if any(len(row) != k for row in confusion) or not any(counts) or not 0 <= min(counts) <= max(counts) < _MOST:
            return ["its confusion matrix is none"]
        return [
            f"its {name} does not follow from its confusion matrix"
            for name, expected in counted(np.array(confusion, dtype=np.int64)).items()
            if not agree(getattr(self, name), expected)
        ]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class EvaluationElsewhere(ResultElsewhere, Evaluation):
    """An evaluation on another data set than the run's."""

    what: ClassVar[str] = "an evaluation on another data set"


class Classifier(Task):
    """Abstract: a model whose scores are judged as classes."""

    result: ClassVar[type[Result]] = Evaluation
    result_elsewhere: ClassVar[type[ResultElsewhere] | None] = EvaluationElsewhere
    claims: ClassVar[tuple[Claim, ...]] = (TEST_ERROR, VALID_ERROR)

    def measure(self, subject: Subject, split: SplitName, options: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
        k = self.source.classes
        confusion = np.zeros(k * k, dtype=np.int64)
        total = 0.0
        for x, labels in subject.batches(split):
            loss, predicted = self._judge(x, labels, options)
            total += loss
            places = to_host(labels * k + predicted)[to_host(labels) >= 0]  # steps without a label do not count
            confusion += np.bincount(places, minlength=k * k)
        found = {"loss": total / int(confusion.sum()), "confusion": confusion.reshape(k, k).tolist()}
        samples = options.get("--mc-samples")
        sampled = {"mc_samples": samples, "mc_mean": mean_in(samples, options.get("--mc-mean"))}
        return {**found, **counted(confusion.reshape(k, k)), **sampled}

    def _judge(self, x: Array, labels: Array, options: Mapping[str, Any]) -> tuple[float, Array]:
        """Return the summed loss of a batch, and what is predicted for it."""
        z = self.scores(x)
        return self.criterion.score(z, labels).loss, self.criterion.predict(z)

    def lines(self, result: Any, claim: str | None, columns: int | None = None) -> list[str]:
        low, high = result.error_interval_95
        mean = f"{result.mc_mean or 'arithmetic'} mean of"
        sampled = "" if result.mc_samples is None else f", {mean} {result.mc_samples:,} sampled masks"
        names = self.source.class_names
        pairs = pairs_line(result.most_confused, names)
        given = [f"{part} {count:,}" for part, count in (result.examples_per_stage or {}).items()]
        return [
            f"{result.about}{sampled}",
            f"error {100 * result.error:.2f} %  ({result.errors:,} of {result.examples:,}; "
            f"95 % interval {100 * low:.2f} to {100 * high:.2f} %)",
            f"accuracy {100 * (1 - result.error):.2f} %, loss {result.loss:.5f}",
            *([f"examples given to {', to '.join(given)}"] if given else []),
            *([] if claim is None else [f"claim {claim}"]),
            "",
            *confusion_lines(result.confusion, result.error_per_class, names, columns=columns),
            *([pairs] if pairs else []),
        ]


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
    """Return the pairs (true class, predicted class) with the highest counts off the diagonal."""
    pairs = [
        {"true": i, "read": j, "count": int(confusion[i, j])}
        for i in range(len(confusion))
        for j in range(len(confusion))
        if i != j and confusion[i, j]
    ]
    return sorted(pairs, key=lambda pair: -pair["count"])[:most]
