"""Arrays that get a row more with each round of a model."""

from collections.abc import Mapping

import numpy as np

from mnistnn.types import Shape, ShapeError

_FIRST = 64  # rows that there is room for at the beginning


class GrowingArrays:
    """Arrays of one length, of which each round adds a row. To add one takes the same time however many there are.

    kinds  of each array by its name: the shape of a row, and the dtype
    """

    def __init__(self, kinds: Mapping[str, tuple[Shape, str]]) -> None:
        self._kinds, self._length = dict(kinds), 0
        self._room = {name: np.empty((_FIRST, *shape), dtype) for name, (shape, dtype) in self._kinds.items()}

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, name: str) -> np.ndarray:
        """Return an array as it is now: a view, which later rounds leave alone unless rows are cut off before."""
        view: np.ndarray = self._room[name][: self._length]
        return view

    def views(self) -> dict[str, np.ndarray]:
        """Return all arrays as they are now, by name."""
        return {name: self[name] for name in self._room}

    def append(self, rows: Mapping[str, object]) -> None:
        """Add a row to each."""
        if self._length == len(self._room[next(iter(self._room))]):
            self._room = {name: np.concatenate([array, np.empty_like(array)]) for name, array in self._room.items()}
        for name, array in self._room.items():
            array[self._length] = rows[name]
        self._length += 1

    def cut(self, length: int) -> None:
        """Forget all rows after so many."""
        self._length = min(self._length, length)

    def check(self, arrays: Mapping[str, np.ndarray]) -> int:
        """Return the length of arrays that may replace these. Raises ShapeError if they may not."""
        missing = self._kinds.keys() - arrays.keys()
        if missing:
            raise ShapeError(f"there is no array {', '.join(sorted(missing))}")
        lengths = {len(arrays[name]) if arrays[name].ndim else 0 for name in self._kinds}
        for name, (shape, dtype) in self._kinds.items():
            array = arrays[name]
            if array.ndim == 0 or array.shape[1:] != shape or str(array.dtype) != dtype or len(lengths) > 1:
                expected = f"{dtype} ({', '.join(['rounds', *map(str, shape)])})"
                raise ShapeError(f"{name} is {array.dtype} {array.shape}, expected {expected}, as long as the others")
        return lengths.pop()

    def replace(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take copies of arrays that `check` has accepted."""
        self._length = self.check(arrays)
        self._room = {
            name: np.concatenate([arrays[name], np.empty((_FIRST, *shape), dtype)])
            for name, (shape, dtype) in self._kinds.items()
        }
