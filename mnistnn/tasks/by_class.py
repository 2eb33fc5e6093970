"""Figures of each class: how much of it is found, and how much of what is taken for it is right."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.backend.arrays import to_host
from mnistnn.types import Array

_UNBALANCED = 1.5
"""How many times as many examples the largest class must have as the smallest for a split to count as unbalanced."""

BALANCED = "valid.balanced_error"
"""The column of metrics.jsonl, which is there where something reads it."""

FIGURES = ("precision", "recall", "f1")


def class_counts(labels: NDArray[Any], classes: int) -> NDArray[np.int64]:
    """Return how many labels there are of each class (classes,); negative ones stand for none."""
    return np.bincount(labels[labels >= 0], minlength=classes)


def balanced_error(right: NDArray[np.int64], counts: NDArray[np.int64]) -> float:
    """Return 1 − the mean recall over the classes that occur, of how many examples of each class are classified
    correctly and how many there are, (k,) both.
    """
    occurs = counts > 0
    return 1.0 - float((right[occurs] / counts[occurs]).mean())


class BalancedError:
    """The balanced error of a split that is measured again and again: its classes are counted once.

    labels  (n, ...), integers; negative ones stand for none
    """

    def __init__(self, labels: Array, classes: int) -> None:
        self._labels, self._classes = to_host(labels), classes
        self._counts = class_counts(self._labels, classes)

    def of(self, right: Array) -> float:
        """Return it of whether each label is predicted, (n, ...)."""
        return balanced_error(class_counts(self._labels[to_host(right)], self._classes), self._counts)


def is_unbalanced(confusion: Sequence[Sequence[int]]) -> bool:
    """Tell whether the largest class that occurs has more than 1.5 times as many examples as the smallest."""
    counts = [count for count in map(sum, confusion) if count]
    return max(counts) > _UNBALANCED * min(counts)


def figures_of(confusion: NDArray[np.int64]) -> list[dict[str, int | float | None]]:
    """Return precision, recall and F1 of each class, and its support, of a confusion matrix (k, k).

    precision  of what is predicted to be of the class, the share that is; None if nothing is
    recall     of the class's examples, the share that is found; None without any
    f1         2 · found / (predicted + support); None where both are 0
    support    how many examples the class has
    """
    found, supports, predicted = np.diag(confusion).tolist(), confusion.sum(axis=1).tolist(), confusion.sum(axis=0)
    return [
        {
            "precision": _share(right, taken),
            "recall": _share(right, support),
            "f1": _share(2 * right, taken + support),
            "support": support,
        }
        for right, taken, support in zip(found, predicted.tolist(), supports, strict=True)
    ]


def macro_average(figures: Sequence[dict[str, int | float | None]]) -> dict[str, float | None]:
    """Return the mean of each figure over the classes for which it is defined."""
    defined = {name: [value for each in figures if (value := each[name]) is not None] for name in FIGURES}
    return {name: sum(values) / len(values) if values else None for name, values in defined.items()}


def figure_lines(
    figures: Sequence[dict[str, int | float | None]], macro: dict[str, float | None], names: Sequence[str]
) -> list[str]:
    """Return the figures as a table, a line for each class and one for the means; `–` stands for what is undefined."""
    margin = max(len("macro mean"), *map(len, names))
    lines = [f"{'class':>{margin}}  precision    recall        F1    support"]
    rows = [*zip(names, figures, strict=True), ("macro mean", macro)]
    for name, row in rows:
        cells = "  ".join(f"{_shown(row[figure]):>8}" for figure in FIGURES)
        support = f"{row['support']:>9,}" if "support" in row else ""
        lines.append(f"{name:>{margin}}   {cells}  {support}".rstrip())
    return lines


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f} %"
