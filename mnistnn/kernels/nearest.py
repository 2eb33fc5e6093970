"""The nearest of many references by Euclidean distance: one matrix product for all, and exact distances of those few
that the rounding of the product leaves in doubt.
"""

import numpy as np

from mnistnn.backend import jit, pieces, threads
from mnistnn.backend.arrays import array_module, to_host
from mnistnn.backend.scratch import Scratch
from mnistnn.kernels import nearest_loops
from mnistnn.types import Array

# Products that are kept at a time: 64 MB in float32, 335 queries of 50,000 references. Half as many take a seventh more
# time.
_AT_ONCE = 1 << 24
_LEAST, _MOST = 16, 512  # queries at a time; more make no product faster
_PIECE = 8  # queries that a worker looks through before it takes others
_EXACT_AT_ONCE = 1024  # references that are copied in float64: 6 MB of MNIST
_SAMPLE = 16  # one of so many references gives a first bound


def queries_at_once(references: int) -> int:
    """Return for how many queries the products with all references are kept at a time."""
    count = max(_LEAST, min(_MOST, _AT_ONCE // max(references, 1)))
    return count - count % _LEAST


def squared_norms(R: Array) -> Array:
    """Return ‖r‖² (n,) float64 of the rows of R (n, d)."""
    norms = array_module(R).empty(len(R), dtype="float64")
    for part in pieces.cut(len(R), 4096):
        norms[part] = (R[part].astype("float64") ** 2).sum(axis=1)
    return norms


def squared_distances(q: Array, R: Array, rows: Array) -> Array:
    """Return ‖q − r‖² (m,) float64 for a query q (d,) and some rows (m,) of R (n, d), always added up in one order."""
    q, distances = q.astype("float64"), array_module(q).empty(len(rows), dtype="float64")
    for part in pieces.cut(len(rows), _EXACT_AT_ONCE):
        differences = R[rows[part]].astype("float64", order="C")
        differences -= q
        differences *= differences
        distances[part] = differences.sum(axis=1)
    return distances


class Nearest:
    """The nearest references of a block of queries, exactly: what BLAS rounds decides nothing.

    Q      (b, d)  queries
    R      (n, d)  references, of the same dtype
    norms  (n,)    float64, ‖r‖² of the references
    What is in scratch serves one block at a time.

    With v = ‖r‖² − 2 q·r as computed, |v − (‖q − r‖² − ‖q‖²)| ≤ ε. So with the c-th smallest v, v₍c₎, whatever has
    v < v₍c₎ − 2ε is among the c nearest, and whatever has v > v₍c₎ + 2ε is not; the distances of those between are
    computed in float64 from differences. Equal ones are ordered by their index.
    Higham (2002), section 3.1: a product of d terms, in any order, is wrong by γ ‖q‖ ‖r‖ at most, γ = d u / (1 − d u).
    Cost: a product of b·n·d multiply-adds, and some three walks over its b·n results: for a query of 784 pixels and
    50,000 references 0.7 ms and 0.1 ms, in one thread.
    """

    def __init__(self, Q: Array, R: Array, norms: Array, scratch: Scratch) -> None:
        self._Q, self._R = Q, R
        self._squares = to_host(squared_norms(Q))
        self._v = scratch("products", (len(Q), len(R)), Q)
        threads.matmul(-2.0 * Q, R.T, self._v)
        rounded = norms.astype(Q.dtype)

        def add_norms(part: slice, _: int) -> None:
            self._v[part] += rounded

        threads.spread(add_norms, pieces.cut(len(Q), _PIECE), self._v)
        self._doubt = 2.0 * _rounding(self._squares, float(norms.max()), Q.shape[1], Q.dtype)

    def __call__(self, rows: np.ndarray, size: int, in_order: int) -> tuple[np.ndarray, np.ndarray]:
        """Return indices and squared distances (m, size) of the nearest references of some queries, on the host.

        rows      (m,) the queries' numbers in the block
        in_order  so many of the nearest come first, the nearer before the farther, with their exact distances; of the
                  rest it is only certain that they are the nearest, and their distances are as exact as the product
        """
        indices = np.empty((len(rows), size), dtype=np.int64)
        distances = np.empty(indices.shape)

        Q, R, v, squares, doubt = self._Q, self._R, self._v, self._squares, self._doubt
        is_compiled = isinstance(v, np.ndarray) and size <= nearest_loops.MOST and jit.is_available()

        def find(part: slice, _: int) -> None:
            if is_compiled:
                found = indices[part], distances[part]
                nearest_loops.find(v, Q, R, squares, doubt, rows[part], in_order, *found)
                return
            for i in range(part.start, part.stop):
                indices[i], distances[i] = self._of(rows[i], size, in_order)

        threads.spread(find, pieces.cut(len(rows), _PIECE), self._v)
        return indices, distances

    def _of(self, row: int, size: int, in_order: int) -> tuple[np.ndarray, np.ndarray]:
        xp, v, doubt = array_module(self._v), self._v[row], self._doubt[row]
        some = v[::_SAMPLE] if size * _SAMPLE <= len(v) else v
        bound = float(xp.partition(some, size - 1)[size - 1]) + doubt  # that of some references is at least that of all
        near = to_host(xp.flatnonzero(v <= np.nextafter(v.dtype.type(bound), v.dtype.type(np.inf))))
        values = to_host(v[xp.asarray(near)]).astype(np.float64)
        last = np.partition(values, size - 1)[size - 1]
        within = values <= last + doubt
        near, values = near[within], values[within]
        is_exact = values >= last - doubt
        if in_order:
            is_exact |= values <= np.partition(values, in_order - 1)[in_order - 1] + doubt
        distances = values + self._squares[row]
        exact = xp.asarray(near[is_exact])
        distances[is_exact] = to_host(squared_distances(self._Q[row], self._R, exact))
        order = np.lexsort((near, distances))[:size]
        return near[order], distances[order]


def _rounding(squares: np.ndarray, largest: float, terms: int, dtype: np.dtype) -> np.ndarray:
    """Return a bound (b,) on what v is wrong by for queries of given ‖q‖² (b,), with the largest ‖r‖²."""
    unit = float(np.finfo(dtype).eps) / 2.0
    products = 2.0 * np.sqrt(squares * largest)
    # γ of the product; ‖r‖² rounded to the dtype; their sum rounded; and what is too small for the dtype.
    errors = (
        terms * unit / (1.0 - terms * unit) * products + unit * largest + unit * (1.0 + unit) * (largest + products)
    )
    return 1.01 * errors + terms * float(np.finfo(dtype).smallest_normal)
