"""The columns of a run's rows as arrays, each made when it is first asked for."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mnistnn.run.metrics import metrics_in
from mnistnn.types import History


class Columns:
    """Columns of rows.

    earlier  those of the same rows when there were fewer: what was made of them is gone on with
    """

    def __init__(self, rows: History, earlier: "Columns | None" = None) -> None:
        self._rows = rows
        self._made: dict[str, NDArray[np.float64]] = {}
        self._before: Mapping[str, NDArray[np.float64]] = {} if earlier is None else earlier._made
        seen = 0 if earlier is None else len(earlier._rows)
        self.metrics: list[str] = list(dict.fromkeys([*(earlier.metrics if earlier else ()), *metrics_in(rows[seen:])]))
        """The names of all metrics, in the order in which they are kept."""

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """Return a column (rows,); NaN, which no row has, where a row lacks it."""
        if name not in self._made:
            before = self._before.get(name, np.empty(0))
            new = [row.get(name, np.nan) for row in self._rows[len(before) :]]
            self._made[name] = np.concatenate([before, np.array(new, dtype=np.float64)])
        return self._made[name]
