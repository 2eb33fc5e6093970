"""The confusion matrix for people: as lines of text, and as shares of what its rows or columns count.

A matrix is (k, k): row i counts the examples of class i, column j those predicted as j.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

_CORNER, _ERROR = "true\\pred", "   error  "

Whole = Literal["true", "read"]
"""The denominator: all examples of a true class (a row), or all that were predicted as one class (a column)."""


def shares(confusion: NDArray[np.int64], whole: Whole) -> NDArray[np.float64]:
    """Return a matrix whose rows (`true`) or columns (`read`) add up to 1; those without examples stay 0."""
    totals = confusion.sum(axis=1 if whole == "true" else 0, keepdims=True)
    result: NDArray[np.float64] = confusion / np.maximum(totals, 1)
    return result


def confusion_lines(
    confusion: Sequence[Sequence[int]],
    error_per_class: Sequence[float | None],
    names: Sequence[str],
    whole: Whole | None = None,
    columns: int | None = None,
) -> list[str]:
    """Return the matrix as lines: a row per true class, a column per predicted class, and the error of the row.

    With `whole` there are percentages instead of counts. In a terminal of so many `columns`, a matrix that is wider is
    cut into parts, one below the other; if names are what makes it so wide, columns are numbered, and rows have both.
    """
    cells = [[str(count) if count else "." for count in row] for row in confusion]
    if whole is not None:
        parts = shares(np.array(confusion, np.int64), whole)
        cells = [[f"{100 * part:.1f}" if part else "." for part in row] for row in parts]
    headings, numbers = list(names), [str(number) for number in range(len(names))]
    width, narrower = _width_of(cells, headings), _width_of(cells, numbers)
    if columns is not None and narrower < width and columns < _margin_of(names) + len(names) * width + len(_ERROR):
        headings, width = numbers, narrower
        names = [f"{number} {name}" for number, name in enumerate(names)]
    margin = _margin_of(names)
    errors = ["" if error is None else f"{100 * error:6.2f} %" for error in error_per_class]
    together = len(names) if columns is None else max(1, (columns - margin - len(_ERROR)) // width)
    lines: list[str] = []
    for start in range(0, len(names), together):
        part, is_last = slice(start, start + together), start + together >= len(names)
        if lines:
            lines.append("")
        heading = "".join(f"{name:>{width}}" for name in headings[part])
        lines.append(f"{_CORNER:<{margin}}{heading}{_ERROR[:-2] if is_last else ''}")
        for name, row, error in zip(names, cells, errors, strict=True):
            of_part = "".join(f"{cell:>{width}}" for cell in row[part])
            lines.append(f"{name:>{margin}}{of_part}" + (f"  {error}" if is_last else ""))
    return lines


def _width_of(cells: list[list[str]], headings: Sequence[str]) -> int:
    """Return how many characters a column has, with a space before each."""
    return max(4, *(len(text) + 1 for row in [*cells, headings] for text in row))


def _margin_of(names: Sequence[str]) -> int:
    return max(len(_CORNER), *map(len, names))


def pairs_line(most_confused: Sequence[dict[str, int]], names: Sequence[str]) -> str:
    """Return the most confused pairs in one line; an empty one if nothing was misclassified."""
    pairs = ", ".join(f"{names[pair['true']]} as {names[pair['read']]} ({pair['count']})" for pair in most_confused)
    return f"most confused: {pairs}" if pairs else ""
