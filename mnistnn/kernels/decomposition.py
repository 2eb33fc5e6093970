"""The quadratic program of a support vector machine, with as many rows of the Gram matrix in memory as there is room.

Decomposition: the coefficients of a working set are optimized (`smo.py`) while the others stay; then the examples that
violate the conditions of the optimum most join the working set, until none does. Only rows of the Gram matrix that
belong to the working set are needed, also to know all examples' gradients: a coefficient outside of it does not change.
So each row is computed once, in large matrix products, as long as there is memory for the rows of all that ever join.
Else less is kept of each (`gram_rows.py`), and at last members leave, and are computed again when they return.

Osuna, Freund & Girosi (1997); Joachims (1999). It converges, since the pair that violates most always takes part: Lin
(2001).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mnistnn.errors import DivergedError
from mnistnn.kernels.gram_rows import Gram, RowsOfMembers, WholeRows
from mnistnn.kernels.smo import optimize

# Examples that join a working set at once, half of them from each side: so many, or this part of the members. Of 4 and
# 9 in MNIST (9,847 examples, degree 9), 128 at once take 0.48 s and 1,341 rows, 256 as long, 512 0.74 s and 2,242 rows;
# with copies shifted by 1 px, half of the members takes as long as a quarter, and as many as there are a third longer.
_JOINING, _GROWTH = 128, 0.25
# Pairs that are moved before progress is told again, and these times members: half a second of array code at most.
_AT_ONCE, _NUMBERS_AT_ONCE = 20_000, 50_000_000
# Moved pairs after which nothing more is to be expected; MNIST's pairs of digits need 10,000, with shifts 150,000.
_MOST_MOVES = 10_000_000
# The part of the largest coefficient, or of C if that is less, below which one, or what it lacks to C, is rounding and
# not a result.
_ROUNDING = 1e-12
_ALL = slice(None)


@dataclass(frozen=True)
class Machine:
    """What separates two classes: f(x) = Σ βᵢ k(xᵢ, x) + bias.

    beta   (n,)  α·y of each example, float64; 0 for all but the support vectors
    moves, rows  pairs of coefficients that were moved and rows of the Gram matrix that were computed on the way
    """

    beta: np.ndarray
    bias: float
    moves: int
    rows: int


def some_of_both(y: np.ndarray) -> np.ndarray:
    """Return where a first working set stands whose members nothing distinguishes: the first of both classes."""
    return np.concatenate([np.flatnonzero(y > 0)[:_JOINING], np.flatnonzero(y < 0)[:_JOINING]])


def solve(
    x: np.ndarray,
    y: np.ndarray,
    gram: Gram,
    C: float,
    tolerance: float,
    first: np.ndarray,
    numbers: int,
    tell: Callable[[int], None],
) -> Machine:
    """Maximise Σαᵢ − ½ Σᵢⱼ αᵢαⱼ yᵢyⱼ k(xᵢ, xⱼ) subject to 0 ≤ α ≤ C and Σαᵢyᵢ = 0, from α = 0.

    x        (n, d)  examples, float32
    y        (n,)    1 or −1
    first    (m,)    indices of examples to begin with: those that are likely to be support vectors
    numbers  of the Gram matrix that may be in memory at once
    tell     is told the number of support vectors several times a second; what it raises ends this

    Ends when, with r = y − Kβ, max { rₜ: βₜ may rise } − min { rₜ: βₜ may fall } ≤ tolerance over all examples; each
    working set is solved to the same. The bias is the mean of r over 0 < α < C, or where there is none the middle
    between those two. Raises DivergedError if that takes hopelessly long.
    """
    p = _Problem(y, C)
    rows: WholeRows | RowsOfMembers = WholeRows(x, gram, numbers)
    wanted = first
    while True:
        if max(len(first), p.supports + _JOINING) > rows.most:
            rows = rows.with_more_room()
        rows.change_to(wanted[: rows.most], lambda: tell(p.supports))
        p.optimize_members(rows, tolerance, tell)
        if not p.violation > tolerance:
            return p.machine(rows.computed)
        wanted = p.next_members(rows.members, min(rows.most // 2, max(_JOINING, int(_GROWTH * len(rows.members)))))


class _Problem:
    """All coefficients β (n,), and their gradient r = y − Kβ (n,), both float64."""

    def __init__(self, y: np.ndarray, C: float) -> None:
        self.residual = y.astype(np.float64)
        self.beta = np.zeros(len(y))
        self.low, self.high = np.minimum(C * self.residual, 0.0), np.maximum(C * self.residual, 0.0)
        self.moves = 0
        self._C = C

    @property
    def supports(self) -> int:
        return int(np.count_nonzero(self.beta))

    def bounds_of_bias(self, of: np.ndarray | slice) -> tuple[float, float]:
        """Return, of some examples, the largest gradient of those that may rise, and the smallest of those that may
        fall. Where the first is not above the second, β is optimal, with any bias between them.
        """
        r, beta = self.residual[of], self.beta[of]
        top = r[beta < self.high[of]].max(initial=-np.inf)
        return float(top), float(r[beta > self.low[of]].min(initial=np.inf))

    @property
    def violation(self) -> float:
        """By how much the pair that violates the conditions of the optimum most does so; below zero if none does."""
        top, bottom = self.bounds_of_bias(_ALL)
        return top - bottom

    def optimize_members(self, rows: WholeRows | RowsOfMembers, tolerance: float, tell: Callable[[int], None]) -> None:
        """Optimize the coefficients of a working set, and let the gradients of all examples follow."""
        members = rows.members
        low, high = self.low[members], self.high[members]
        beta, residual, K = self.beta[members], self.residual[members], rows.among_members()
        at_once = min(_AT_ONCE, max(1, _NUMBERS_AT_ONCE // max(1, len(members))))
        moved = at_once
        while moved == at_once:
            if self.moves >= _MOST_MOVES:
                raise DivergedError(
                    f"svm: a pair of classes does not reach its tolerance, {tolerance:g}, within {self.moves:,} steps; "
                    "a smaller C or a larger tolerance may help"
                )
            moved = optimize(K, low, high, tolerance, at_once, beta, residual)
            self.moves += moved
            tell(int(np.count_nonzero(beta)))
        rows.subtract_from(self.residual, beta - self.beta[members], lambda: tell(int(np.count_nonzero(beta))))
        self.beta[members], self.residual[members] = beta, residual

    def next_members(self, members: np.ndarray, joining: int) -> np.ndarray:
        """Return who is wanted in the next working set, most wanted first: the pair that violates most, other examples
        that do, and present members: free ones (0 < α < C), those at C, and those at zero.
        """
        r, may_rise, may_fall = self.residual, self.beta < self.high, self.beta > self.low
        pair = [np.where(may_rise, r, -np.inf).argmax(), np.where(may_fall, r, np.inf).argmin()]
        bounds = [bound for bound in self.bounds_of_bias(members) if np.isfinite(bound)]
        bias = sum(bounds) / max(1, len(bounds))
        outside = np.ones(len(r), dtype=bool)
        outside[members] = False
        above, below = np.flatnonzero(outside & may_rise & (r > bias)), np.flatnonzero(outside & may_fall & (r < bias))
        above = above[np.argsort(-r[above], kind="stable")][: joining // 2]
        below = below[np.argsort(r[below], kind="stable")][: joining // 2]
        rank = np.where(may_rise & may_fall, 0, np.where(self.beta != 0, 1, 2))[members]
        wanted = np.concatenate([pair, above, below, members[np.argsort(rank, kind="stable")]])
        _, at = np.unique(wanted, return_index=True)  # each once, where it comes first
        found: np.ndarray = wanted[np.sort(at)]
        return found

    def machine(self, rows_computed: int) -> Machine:
        """Return the result, in which coefficients that rounding alone keeps from their bounds are there."""
        beta = self.beta.copy()
        negligible = _ROUNDING * min(self._C, float(np.abs(beta).max(initial=0.0)))
        at_high, at_low = self.high - beta <= negligible, beta - self.low <= negligible
        beta[at_high], beta[at_low] = self.high[at_high], self.low[at_low]
        free = ~at_high & ~at_low
        bias = self.residual[free].mean() if free.any() else np.mean(self.bounds_of_bias(_ALL))
        return Machine(beta, float(bias), self.moves, rows_computed)
