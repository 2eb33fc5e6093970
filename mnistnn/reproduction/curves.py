"""What a record keeps of a run's metrics along training: enough for a figure, little enough for a diff.

The curves of a run are a column of epochs, `epoch`, and a column for each metric; a metric that was not measured at an
epoch is None there. Every metric of `metrics.jsonl` is kept, but a learning rate that never changes. Of more than 60
rows those are kept that are spread evenly over all, the first and the last one among them, and the best one.
"""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import AfterValidator

from mnistnn.analysis.comparison.curves import Curve
from mnistnn.run.metrics import metrics_in
from mnistnn.types import Row

EPOCH = "epoch"
MOST_POINTS = 60
_DIGITS, _DIGITS_OF_EPOCHS = 4, 6  # significant ones
_LARGEST_WHOLE = 1e15  # number that a float holds exactly


def _of_one_length(columns: dict[str, list[int | float | None]]) -> dict[str, list[int | float | None]]:
    epochs = columns.get(EPOCH)
    if not epochs or None in epochs:
        raise ValueError(f"curves need a column '{EPOCH}' of numbers")
    other = [name for name, values in columns.items() if len(values) != len(epochs)]
    if other:
        raise ValueError(f"the column '{other[0]}' is not as long as that of epochs")
    return columns


Curves = Annotated[dict[str, list[int | float | None]], AfterValidator(_of_one_length)]


def curves_of(rows: Sequence[Row], best: Row) -> Curves:
    """Return the curves of a run from its rows, at least one, of which `best` is the row of the best epoch."""
    kept = _thinned(rows, best)
    curves: Curves = {EPOCH: [_rounded(row[EPOCH], _DIGITS_OF_EPOCHS) for row in kept]}
    for name in metrics_in(rows):
        if name != "learning_rate" or len({row[name] for row in rows if name in row}) > 1:
            curves[name] = [_rounded(row[name], _DIGITS) if name in row else None for row in kept]
    return curves


def curve_in(curves: Curves, metric: str, along: str = EPOCH) -> Curve | None:
    """Return a metric along epochs, or along another column; None without a single value of it."""
    pairs = zip(curves.get(along, ()), curves.get(metric, ()), strict=False)
    points = [(x, y) for x, y in pairs if x is not None and y is not None]
    if not points:
        return None
    x, y = np.array(points, dtype=np.float64).T
    return Curve(x, y)


def _thinned(rows: Sequence[Row], best: Row) -> list[Row]:
    if len(rows) <= MOST_POINTS:
        return list(rows)
    even = np.linspace(0, len(rows) - 1, MOST_POINTS - 1).round().astype(int)
    place = next((number for number, row in enumerate(rows) if row[EPOCH] == best[EPOCH]), 0)
    return [rows[number] for number in sorted({*even.tolist(), place})]


def _rounded(value: float, digits: int) -> int | float:
    """Return a number with so many significant digits; a whole one as an int, which is shorter in JSON."""
    near = float(f"{value:.{digits}g}")
    return int(near) if near.is_integer() and abs(near) < _LARGEST_WHOLE else near
