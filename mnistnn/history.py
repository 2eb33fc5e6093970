"""The history of a run: one row of figures per evaluation, and which of them is the best."""

from collections.abc import Mapping, Sequence
from math import inf

Row = Mapping[str, float]
History = Sequence[Row]


# Stands for a figure where none chooses: the last evaluation counts as the best.
LAST = "last"


def best_row(history: History, monitor: str) -> int | None:
    """Return the index of the first row with the lowest value of `monitor`; None if no row has a number there.

    Only `<` decides, so a NaN is never the best.
    """
    if monitor == LAST:
        return len(history) - 1 if history else None
    best, index = inf, None
    for i, row in enumerate(history):
        if row[monitor] < best:
            best, index = row[monitor], i
    return index
