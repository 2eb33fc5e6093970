"""A model of my own that is fitted, and not trained by steps.

Is it right?  mnistnn inspect component skeleton.py
Use it, in an experiment without optimizer, loss and stopping:

    name: mine
    model: {type: skeleton}
"""

from collections.abc import Iterator
from math import prod
from typing import Any, Literal

import numpy as np

from mnistnn.plugins import (
    Array,
    ClosedForm,
    NonNegative,
    Shape,
    SquaredError,
    Tell,
    array_module,
    as_rows,
    fitted_model,
    to_host,
)


@fitted_model
class Skeleton(ClosedForm):
    """The class whose mean image is nearest."""

    # What an experiment calls it: model: {type: skeleton}.
    type: Literal["skeleton"] = "skeleton"
    shrink: NonNegative = 0.0
    """How much means are drawn towards zero."""

    def build(self, in_shape: Shape, classes: int) -> None:
        """Remember what inputs are like. Raise ShapeError for other ones."""
        self.n_in, self.classes = prod(in_shape), classes
        self.shapes: dict[str, Shape] = {"distances": (classes,)}  # what tables call the scores
        self._criterion = SquaredError()
        self._criterion.build((classes,), classes)

    @property
    def criterion(self) -> Any:
        """What judges the scores."""
        return self._criterion

    @property
    def size(self) -> int:
        """How many numbers the model consists of."""
        return self.n_in * self.classes

    @property
    def multiply_adds(self) -> int:
        """How many products an example's scores take."""
        return self.n_in * self.classes

    def allocate(self, xp: Any, dtype: str) -> None:
        """Begin anew, unfitted, with arrays of xp: NumPy, or CuPy on a GPU."""
        self.means = xp.zeros((self.classes, self.n_in), dtype=dtype)
        self._fitted = False

    def own(self) -> dict[str, Array]:
        """Return the arrays that the model consists of, by name: a run keeps these, and nothing else."""
        return {"means": self.means}

    def fit(self, x: Array, labels: Array, tell: Tell) -> Iterator[int]:
        """Fit the model to x (n, *in_shape) and labels (n,), which are only read; yield 1 when the round is done."""
        if self._fitted:
            return
        rows, of = to_host(as_rows(x)).astype(np.float64), to_host(labels)
        for each in range(self.classes):
            self.means[each] = array_module(self.means).asarray(_mean(rows[of == each]))
        self.means /= 1 + self.shrink
        self._fitted = True
        yield 1

    def scores(self, x: Array) -> Array:
        """Return a score of each class (n, classes): the larger the nearer."""
        return 2 * as_rows(x) @ self.means.T - (self.means**2).sum(axis=1)


def _mean(rows: Array) -> Array:
    """Return the mean of rows (n, n_in); zeros if there are none."""
    return rows.sum(axis=0) / max(len(rows), 1)
