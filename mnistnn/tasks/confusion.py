"""The confusion matrix for people: as lines of text, and as shares of what its rows or columns count.

A matrix is (k, k): row i counts the examples of class i, column j those predicted as j.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Whole = Literal["true", "read"]
"""The denominator: all examples of a true class (a row), or all that were predicted as one class (a column)."""


def shares(confusion: NDArray[np.int64], whole: Whole) -> NDArray[np.float64]:
    """Return a matrix whose rows (`true`) or columns (`read`) add up to 1; those without examples stay 0."""
    totals = confusion.sum(axis=1 if whole == "true" else 0, keepdims=True)
    result: NDArray[np.float64] = confusion / np.maximum(totals, 1)
    return result


def confusion_lines(
    confusion: Sequence[Sequence[int]], error_per_class: Sequence[float | None], whole: Whole | None = None
) -> list[str]:
    """Return the matrix as lines: a row per true class, a column per predicted class, and the error of the row.

    With `whole` there are percentages instead of counts.
    """
    cells = [[str(count) if count else "." for count in row] for row in confusion]
    if whole is not None:
        parts = shares(np.array(confusion, np.int64), whole)
        cells = [[f"{100 * part:.1f}" if part else "." for part in row] for row in parts]
    width = max(4, *(len(cell) + 1 for row in cells for cell in row))
    lines = ["true\\pred" + "".join(f"{j:>{width}}" for j in range(len(cells))) + "   error"]
    for i, row in enumerate(cells):
        error = error_per_class[i]
        shown = "" if error is None else f"{100 * error:6.2f} %"
        lines.append(f"{i:>9}" + "".join(f"{cell:>{width}}" for cell in row) + f"  {shown}")
    return lines


def pairs_line(most_confused: Sequence[dict[str, int]]) -> str:
    """Return the most confused pairs in one line; an empty one if nothing was misclassified."""
    pairs = ", ".join(f"{pair['true']} as {pair['read']} ({pair['count']})" for pair in most_confused)
    return f"most confused: {pairs}" if pairs else ""
