"""The rows of a Gram matrix that a working set needs, of examples that are its members at the moment.

`WholeRows` keeps them whole: all that is ever needed of a member is computed once. `RowsOfMembers` keeps only what
members have to do with each other, so that there is room for more of them; what others need of a change is computed
when there is one. Both are given memory for so many numbers and no more.
"""

from collections.abc import Callable
from math import isqrt

import numpy as np

from mnistnn.backend import pieces, threads

Gram = Callable[[np.ndarray, np.ndarray, np.ndarray], None]
"""Writes the kernel of each row of u (n, d) with each of v (m, d) into out (n, m)."""

# Rows that are computed in one product: 0.1 s for the pairs of MNIST.
_BLOCK = 512
# Columns of rows that are added up at once: numbers that stay in a core's cache, and two calls of NumPy for each row.
_COLUMNS = 4096


class WholeRows:
    """Rows k(xₘ, x) of the members, whole.

    members   (m,)  indices of examples; `most` at most, 2 or more
    computed  how many rows were computed so far
    """

    def __init__(self, x: np.ndarray, gram: Gram, numbers: int) -> None:
        n = len(x)
        self.most = max(2, min(n, (isqrt(n * n + 4 * numbers) - n) // 2))  # m·n + m², of `among_members`, are numbers
        self.members = np.empty(0, dtype=np.int64)
        self.computed = 0
        self._x, self._gram, self._numbers = x, gram, numbers
        self._rows = np.empty((self.most, n), dtype=x.dtype)  # takes up memory only as far as it is written to

    def change_to(self, wanted: np.ndarray, before_each: Callable[[], None]) -> None:
        """Let other examples be members, and compute the rows of new ones; call `before_each` block of them."""
        staying, joining = _staying(self.members, wanted)
        for to, at in enumerate(staying):
            if to != at:
                self._rows[to] = self._rows[at]
        self.members, kept = np.concatenate([self.members[staying], joining]), len(staying)
        for part in pieces.cut(len(joining), _BLOCK):
            before_each()
            self._gram(self._x[joining[part]], self._x, self._rows[kept:][part])
        self.computed += len(joining)

    def among_members(self) -> np.ndarray:
        """Return a matrix of which the first m rows and columns are k(xₘ, xₘ) of the members."""
        return self._rows[: len(self.members)].take(self.members, axis=1)

    def subtract_from(self, residual: np.ndarray, change: np.ndarray, before_each: Callable[[], None]) -> None:
        """Subtract K change from the residual of all examples (n,), for the change of members' coefficients (m,)."""
        changed = np.flatnonzero(change)

        def subtract(part: slice, _: int) -> None:
            r = residual[part]
            for at in changed:
                r -= np.multiply(self._rows[at, part], change[at], dtype=np.float64)

        before_each()
        threads.spread(subtract, pieces.cut(len(residual), _COLUMNS), residual)

    def with_more_room(self) -> "RowsOfMembers":
        """Return the same members in less memory, so that others can join them."""
        return RowsOfMembers(self._x, self._gram, self._numbers, self)


class RowsOfMembers:
    """Of the members' rows the columns of members: k(xₘ, xₘ)."""

    def __init__(self, x: np.ndarray, gram: Gram, numbers: int, before: WholeRows) -> None:
        self.most = max(2, min(len(x), isqrt(numbers)))
        self.members, self.computed = before.members, before.computed
        self._x, self._gram = x, gram
        self._among = np.empty((self.most, self.most), dtype=x.dtype)
        m = len(self.members)
        self._among[:m, :m] = before.among_members()

    def change_to(self, wanted: np.ndarray, before_each: Callable[[], None]) -> None:
        staying, joining = _staying(self.members, wanted)
        kept, K = len(staying), self._among
        if kept < len(self.members):
            for to, at in enumerate(staying):
                K[to, :kept] = K[at, staying]
        self.members = np.concatenate([self.members[staying], joining])
        m = len(self.members)
        x = self._x[self.members]
        for part in pieces.cut(len(joining), _BLOCK):
            before_each()
            rows = K[kept:m][part]
            self._gram(self._x[joining[part]], x, rows[:, :m])
            K[:kept, kept:m][:, part] = rows[:, :kept].T
        self.computed += len(joining)

    def among_members(self) -> np.ndarray:
        return self._among

    def subtract_from(self, residual: np.ndarray, change: np.ndarray, before_each: Callable[[], None]) -> None:
        """Subtract K change from the residual of all but the members, for whom whoever changed them knows it."""
        changed = np.flatnonzero(change)
        others = np.setdiff1d(np.arange(len(residual)), self.members)
        x, delta = self._x[self.members[changed]], change[changed]
        gram = np.empty((_BLOCK, len(changed)), dtype=x.dtype)
        for part in pieces.cut(len(others), _BLOCK):
            before_each()
            of_block = others[part]
            self._gram(self._x[of_block], x, gram[: len(of_block)])
            residual[of_block] -= np.einsum("ij,j->i", gram[: len(of_block)], delta)

    def with_more_room(self) -> "RowsOfMembers":
        """There is none."""
        return self


def _staying(members: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where those of the members stand that are wanted, and those wanted that are none."""
    return np.flatnonzero(np.isin(members, wanted)), wanted[~np.isin(wanted, members)]
