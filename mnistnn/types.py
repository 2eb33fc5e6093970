"""The small vocabulary that everything shares: arrays, shapes, splits, and the history of a run."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, Literal

# NumPy's and CuPy's array types have no common base; shapes and dtypes are stated in docstrings instead.
Array = Any

Shape = tuple[int, ...]
"""The shape of a single example."""

SplitName = Literal["train", "valid", "test"]

Row = Mapping[str, float]
"""The metrics of one evaluation, by name."""

History = Sequence[Row]
"""One row for each evaluation of a run."""

SecondOrder = Literal["tangents", "gauss_newton_diagonal", "per_example_gradients"]
"""The computations that second-order methods require of layers.

tangents               how the output changes with the parameters and the input (`jvp`), for Gauss–Newton products
gauss_newton_diagonal  a backward pass with squared factors, which estimates the diagonal of the Gauss–Newton matrix
per_example_gradients  the gradient of each example, for the matrix itself
"""

VALUES, BEST = "theta", "best"
"""The tensors of a checkpoint that a trained model consists of: the last values, and those of the best evaluation."""

# Stands for a metric where none chooses: the last evaluation counts as the best.
LAST = "last"


class ShapeError(ValueError):
    """A part cannot take the shape that it is given. Says both shapes; whoever knows the part's name adds it."""


def show_shape(shape: Shape) -> str:
    """Return a shape as people write it: 28×28."""
    return "×".join(map(str, shape))


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


def is_percent(metric: str) -> bool:
    """Tell whether people are shown a metric in percent: an error, which is kept as a fraction."""
    return metric.rpartition(".")[2] in ("error", "balanced_error")


def shown(metric: str, value: float) -> str:
    """Write a value of a metric for people: `2.13 %` for an error, else four decimals."""
    return f"{100 * value:.2f} %" if is_percent(metric) else f"{value:.4f}"


def shown_mean(metric: str, mean: float | None, deviation: float | None) -> str:
    """Write a mean of a metric and, of several values, their standard deviation; nothing if there is none."""
    if mean is None:
        return ""
    if deviation is None:
        return shown(metric, mean)
    return f"{100 * mean:.2f} ± {100 * deviation:.2f} %" if is_percent(metric) else f"{mean:.4f} ± {deviation:.4f}"
