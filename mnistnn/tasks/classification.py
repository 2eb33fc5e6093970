"""Classification: what an evaluation finds of a model that predicts classes, whatever the model is."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from mnistnn.backend.arrays import to_host
from mnistnn.errors import UsageError
from mnistnn.losses.contract import PerExampleLoss
from mnistnn.losses.each_step import EachStep
from mnistnn.tasks.by_class import (
    BALANCED,
    balanced_error,
    figure_lines,
    figures_of,
    is_unbalanced,
    macro_average,
)
from mnistnn.tasks.claims import BALANCED_ERROR, TEST_ERROR, VALID_ERROR, Claim
from mnistnn.tasks.confusion import confusion_lines, pairs_line
from mnistnn.tasks.contract import Subject, Task, Watch, is_read
from mnistnn.tasks.intervals import wilson_interval
from mnistnn.tasks.mc_dropout import McMean, mean_in
from mnistnn.tasks.result import STRICT, Result, ResultElsewhere, agree
from mnistnn.types import Array, SplitName

_MOST = 1 << 40  # examples that a count may stand for
_ADDED = ("balanced_error", "per_class", "macro")  # by a later version than the rest


class Judged(NamedTuple):
    """What is found of a batch: its summed loss, the classes predicted (n, ...), and scores of each (n, ..., k)."""

    loss: float
    predicted: Array
    scores: Array


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Evaluation(Result):
    """Errors are fractions; `confusion[i][j]` counts examples of class i that were predicted to be of class j.

    `mc_samples` is the number of sampled masks whose predictions were averaged, by the mean `mc_mean`; null stands for
    the scaled weights. Where there are samples and no mean, an earlier version took the arithmetic one.
    `balanced_error` is 1 − the mean recall over the classes that occur; `per_class` has precision, recall, f1 and
    support of each class, `macro` the means over classes. Null stands for what is undefined, and for what results of
    earlier versions lack. `top_k_error` is the share of examples whose class is not among the `top_k` best scores.
    `class_names` has the name of each class; null where an earlier version said nothing of it.
    `examples_per_stage` counts the examples that each stage of a model was given, where stages differ in cost.
    """

    errors: int
    error: float
    error_interval_95: tuple[float, float]
    loss: float
    confusion: list[list[int]]
    error_per_class: list[float | None]
    balanced_error: float | None = None
    per_class: list[dict[str, int | float | None]] | None = None
    macro: dict[str, float | None] | None = None
    top_k: int | None = None
    top_k_error: float | None = None
    most_confused: list[dict[str, int]]
    mc_samples: int | None = None
    mc_mean: McMean | None = None
    examples_per_stage: dict[str, int] | None = None
    class_names: list[str] | None = None

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
        if self.class_names is not None and len(self.class_names) != k:
            return [f"it has {len(self.class_names)} names for {k} classes"]
        return [
            f"its {name} does not follow from its confusion matrix"
            for name, expected in counted(np.array(confusion, dtype=np.int64)).items()
            if not (name in _ADDED and getattr(self, name) is None) and not agree(getattr(self, name), expected)
        ]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class EvaluationElsewhere(ResultElsewhere, Evaluation):
    """An evaluation on another data set than the run's."""

    what: ClassVar[str] = "an evaluation on another data set"


class Classifier(Task):
    """Abstract: a model whose scores are judged as classes."""

    result: ClassVar[type[Result]] = Evaluation
    result_elsewhere: ClassVar[type[ResultElsewhere] | None] = EvaluationElsewhere
    claims: ClassVar[tuple[Claim, ...]] = (TEST_ERROR, VALID_ERROR, BALANCED_ERROR)
    options: ClassVar[frozenset[str]] = frozenset({"--per-class", "--top-k"})

    def measure(self, subject: Subject, split: SplitName, options: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
        k, top = self.source.classes, options.get("--top-k")
        if top is not None and not 1 <= top < k:
            raise UsageError(f"--top-k: of {k} classes, 1 to {k - 1} can be the best; got {top}")
        beyond = 0
        confusion = np.zeros(k * k, dtype=np.int64)
        total = 0.0
        for x, labels in subject.batches(split):
            loss, predicted, scores = self._judge(x, labels, options)
            total += loss
            if top is not None:
                beyond += int((ranks(to_host(scores), to_host(labels)) >= top).sum())
            places = to_host(labels * k + predicted)[to_host(labels) >= 0]  # steps without a label do not count
            confusion += np.bincount(places, minlength=k * k)
        found = {"loss": total / int(confusion.sum()), "confusion": confusion.reshape(k, k).tolist()}
        samples = options.get("--mc-samples")
        ranked = {} if top is None else {"top_k": top, "top_k_error": beyond / int(confusion.sum())}
        sampled = {"mc_samples": samples, "mc_mean": mean_in(samples, options.get("--mc-mean"))}
        named = {"class_names": self.source.class_names}
        return {**found, **counted(confusion.reshape(k, k)), **sampled, **ranked, **named}

    def _judge(self, x: Array, labels: Array, options: Mapping[str, Any]) -> Judged:
        """Return what is found of a batch."""
        return self.judged(self.scores(x), labels)

    def judged(self, z: Array, labels: Array) -> Judged:
        """Return what is found of a batch with the outputs z."""
        criterion = self.criterion
        assert isinstance(criterion, PerExampleLoss | EachStep)
        return Judged(criterion.score(z, labels).loss, criterion.predict(z), criterion.class_scores(z))

    def lines(self, result: Any, claim: str | None, columns: int | None = None) -> list[str]:
        low, high = result.error_interval_95
        mean = f"{result.mc_mean or 'arithmetic'} mean of"
        sampled = "" if result.mc_samples is None else f", {mean} {result.mc_samples:,} sampled masks"
        names = self.source.class_names
        pairs = pairs_line(result.most_confused, names)
        balanced = self._says_balanced(result)
        given = [f"{part} {count:,}" for part, count in (result.examples_per_stage or {}).items()]
        return [
            f"{result.about}{sampled}",
            f"error {100 * result.error:.2f} %  ({result.errors:,} of {result.examples:,}; "
            f"95 % interval {100 * low:.2f} to {100 * high:.2f} %)",
            f"accuracy {100 * (1 - result.error):.2f} %, loss {result.loss:.5f}",
            *([f"balanced error {100 * result.balanced_error:.2f} %, the mean over classes"] if balanced else []),
            *(
                []
                if result.top_k is None
                else [f"top-{result.top_k} error {100 * result.top_k_error:.2f} %: not among the {result.top_k} best"]
            ),
            *([f"examples given to {', to '.join(given)}"] if given else []),
            *([] if claim is None else [f"claim {claim}"]),
            "",
            *confusion_lines(result.confusion, result.error_per_class, names, columns=columns),
            *([pairs] if pairs else []),
        ]

    def lines_per_class(self, result: Any) -> list[str]:
        return figure_lines(result.per_class, result.macro, self.source.class_names)

    def _says_balanced(self, result: Evaluation) -> bool:
        """Tell whether the balanced error says more than the error, or something is decided by it."""
        is_asked = is_read(BALANCED, self.experiment) or BALANCED_ERROR.band(self.experiment.expect) is not None
        return result.balanced_error is not None and (is_asked or is_unbalanced(result.confusion))


def ranks(scores: NDArray[np.floating[Any]], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many classes are ahead of each label, of scores (..., k) and labels (...); those below 0 are
    none, and left out.

    Of equal scores, that of the lower class is ahead, as where the largest one is looked for.
    """
    scores, labels = scores.reshape(-1, scores.shape[-1]), labels.reshape(-1)
    scores, labels = scores[labels >= 0], labels[labels >= 0]
    own = np.take_along_axis(scores, labels[:, None], axis=1)
    ties_before = (scores == own) & (np.arange(scores.shape[1]) < labels[:, None])
    found: NDArray[np.int64] = ((scores > own) | ties_before).sum(axis=1)
    return found


def counted(confusion: np.ndarray) -> dict[str, Any]:
    """Return the fields of an evaluation that follow from its confusion matrix (k, k), which has examples."""
    examples = int(confusion.sum())
    errors, figures = examples - int(np.trace(confusion)), figures_of(confusion)
    return {
        "examples": examples,
        "errors": errors,
        "error": errors / examples,
        "error_interval_95": wilson_interval(errors, examples),
        "error_per_class": _error_per_class(confusion),
        "most_confused": _most_confused(confusion),
        "balanced_error": balanced_error(np.diag(confusion), confusion.sum(axis=1)),
        "per_class": figures,
        "macro": macro_average(figures),
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
