"""The base of models that are fitted in one round, into arrays whose shapes are known before."""

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.component import component
from mnistnn.models.contract import Fitted
from mnistnn.types import Array, ShapeError


@component
class ClosedForm(Fitted):
    """Abstract: a concrete model names its arrays in `own`, makes them in `allocate`, fills them in `fit`, and says in
    `_fitted` whether it has.
    """

    def own(self) -> dict[str, Array]:
        """Return the arrays, fitted or not, by name."""
        raise NotImplementedError

    @property
    def rounds(self) -> int:
        return 1

    @property
    def rounds_done(self) -> int:
        return int(self._fitted)

    def arrays(self) -> dict[str, Array]:
        return self.own() if self._fitted else {}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        own = self.own()
        expected, found = (
            {name: (array.shape, str(array.dtype)) for name, array in each.items()} for each in (own, arrays)
        )
        if arrays and found != expected:
            raise ShapeError(f"expected {expected}, got {found}")
        for name, array in arrays.items():
            own[name][...] = array_module(own[name]).asarray(array)
        self._fitted = bool(arrays)

    def keep_rounds(self, rounds: int) -> None:
        self._fitted = self._fitted and rounds > 0
