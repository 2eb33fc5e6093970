"""Compiled version of what `nearest.Nearest` does for each query after the product, which so needs no Python and no
lock: the same operations on each number that decides, and so the same references and distances.
"""

from typing import Any

import numpy as np

from mnistnn.backend import jit
from mnistnn.kernels.sum_loops import CALLS, summed

MOST = 64  # nearest references that the loop looks for; it keeps them in order as it goes
_GROUP = 64  # references that are looked at together
_SAMPLE = 16  # one of so many references gives a first bound


def _smallest(v: Any, step: int, best: Any) -> None:
    """Write the smallest of every step-th number of v (n,) into best (c,), in order."""
    last = best.size - 1
    best[:] = np.inf
    for t in range(0, v.size, step):
        value = v[t]
        if value < best[last]:
            at = last
            while at > 0 and best[at - 1] > value:
                best[at] = best[at - 1]
                at -= 1
            best[at] = value


def _below(v: Any, limit: float, near: Any, of_near: Any) -> int:
    """Write where v (n,) is not above a limit into near, in order, and v there into of_near; return how many there are.

    Groups are looked through at once: few have any.
    """
    n, found = v.size, 0
    rounded = np.nextafter(v.dtype.type(limit), v.dtype.type(np.inf))
    for start in range(0, n, _GROUP):
        stop, count = min(start + _GROUP, n), np.int32(0)
        for t in range(start, stop):
            count += np.int32(v[t] <= rounded)
        if count > 0:
            for t in range(start, stop):
                if np.float64(v[t]) <= limit:
                    near[found], of_near[found] = t, v[t]
                    found += 1
    return found


def _find(
    v: Any, Q: Any, R: Any, squares: Any, doubts: Any, rows: Any, in_order: int, indices: Any, distances: Any
) -> None:
    """Write the nearest references of some queries, and their distances, into indices and distances (m, size).

    v (b, n), Q (b, d), R (n, d), squares (b,) and doubts (b,) are those of a block; rows (m,) its queries.
    """
    size, n = indices.shape[1], v.shape[1]
    best, near, of_near = np.empty(size), np.empty(n, np.int64), np.empty(n)
    difference = np.empty(Q.shape[1])
    for at, row in enumerate(rows):
        of_row, doubt = v[row], doubts[row]
        # That of some references is at least that of all.
        _smallest(of_row, _SAMPLE if size * _SAMPLE <= n else 1, best)
        found = _below(of_row, np.float64(best[size - 1]) + doubt, near, of_near)
        _smallest(of_near[:found], 1, best)
        last = best[size - 1]
        exact_to = best[in_order - 1] + doubt if in_order else -np.inf
        within = 0
        for i in range(found):
            value = of_near[i]
            if value > last + doubt:
                continue
            near[within] = near[i]
            if value >= last - doubt or value <= exact_to:
                r = R[near[i]]
                for k in range(difference.size):
                    d = np.float64(r[k]) - np.float64(Q[row, k])
                    difference[k] = d * d
                of_near[within] = summed(difference)
            else:
                of_near[within] = value + squares[row]
            within += 1
        for rank in range(size):
            first = rank
            for i in range(rank + 1, within):  # of equally distant ones the first stands first
                is_nearer = of_near[i] < of_near[first]
                if is_nearer or (of_near[i] == of_near[first] and near[i] < near[first]):
                    first = i
            near[rank], near[first] = near[first], near[rank]
            of_near[rank], of_near[first] = of_near[first], of_near[rank]
            indices[at, rank], distances[at, rank] = near[rank], of_near[rank]


find = jit.CompiledFunction(_find, calls=(*CALLS, _smallest, _below))
