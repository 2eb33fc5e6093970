"""The pseudo-2D hidden Markov distortion model: columns of an image are matched with columns of another, rows within a
pair of columns with rows, both in order, and each pixel may leave its column by a little.

Keysers, Deselaers, Gollan & Ney (2007), "Deformation models for image recognition". No probabilities are involved: the
best path is found by dynamic programming, first within all pairs of columns, then among these.
"""

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.kernels.local_costs import LocalCosts, largest_cost
from mnistnn.types import Array

LARGEST_SUM = 2**30
"""Of local costs along a column: they are added to what stands for no path, half the largest int32."""


def p2dhmdm(q: Array, r: Array, band: int, deviation: int, context: int) -> Array:
    """Return the distances (m,) int64 of queries q to references r.

    q  (1 or m, 2, h, w)  int8, edges; h · largest_cost(context) < LARGEST_SUM
    r  (m, 2, h, w)       int8
    Column x of q is matched with column X(x) of r and, in it, row y with row Y(x, y). X and each Y(x, ·) begin with the
    first, end with the last, go on by 0, 1 or 2 at each step, and |X(x) − x|, |Y(x, y) − y| ≤ band.
    D = min over X and Y of Σ over x, y of min over |e| ≤ deviation of the cost of (y, x) and (Y(x, y), X(x) + e)
    Without the deviation it recognises worse than models that know no order at all.
    """
    column_costs, _ = _aligned_rows(_deviating(q, r, band, deviation, context))
    sums = _aligned(column_costs.astype("int64"))
    return sums[-1, band + 1]


def p2dhmdm_displacements(q: np.ndarray, r: np.ndarray, band: int, deviation: int, context: int) -> np.ndarray:
    """Return the displacement (h, w, 2), down and to the right, to the pixel of r that explains each pixel of q on the
    best path, found from its end; of equally good steps back, that along the diagonal. q, r (1, 2, h, w).
    """
    _, _, h, w = q.shape
    costs = LocalCosts(q, r, context, band + deviation)
    column_costs, sums_of_rows = _aligned_rows(_deviating(q, r, band, deviation, context))
    columns = _traced(_aligned(column_costs.astype("int64"))[:, :, 0])
    displacements = np.empty((h, w, 2), dtype=np.int64)
    by_length = sorted(range(-deviation, deviation + 1), key=abs)
    for x, right in enumerate(columns):
        rows = _traced(sums_of_rows[:, :, right + band, 0, x])
        for y, down in enumerate(rows):
            of_deviations = [costs(down, right + e)[0, y, x] for e in by_length]
            displacements[y, x] = down, right + by_length[int(np.argmin(of_deviations))]
    return displacements


def fits(h: int, context: int) -> bool:
    """Tell whether sums of costs along a column of h pixels are exact."""
    return h * largest_cost(context) < LARGEST_SUM


def _deviating(q: Array, r: Array, band: int, deviation: int, context: int) -> Array:
    """Return the local costs (2·band + 1, 2·band + 1, m, w, h) int32 of displacements down and to the right, each pixel
    with the best of its deviations.
    """
    xp = array_module(q)
    costs, wide = LocalCosts(q, r, context, band + deviation), 2 * band + 1
    local = xp.empty((wide, wide, len(r), costs.w, costs.h), dtype="int32")
    for v in range(wide):
        of_columns = [costs(v - band, u).transpose(0, 2, 1) for u in range(-band - deviation, band + deviation + 1)]
        for u in range(wide):
            local[v, u] = of_columns[u]
            for cost in of_columns[u + 1 : u + 2 * deviation + 1]:
                xp.minimum(local[v, u], cost, out=local[v, u])
    return local


def _aligned_rows(local: Array) -> tuple[Array, Array]:
    """Return the costs (2·band + 1, m, w) of pairs of columns, by the displacement of the second, and what `_aligned`
    finds in them.
    """
    sums = _aligned(local)
    return sums[-1, len(local) // 2 + 1], sums


def _aligned(cost: Array) -> Array:
    """Return the sums (length, bands + 2, ...) of costs along the best path to each place.

    cost  (bands, ..., length), of matching position t with t + v − bands // 2
    sums[t, v + 1] = cost[v, ..., t] + min(sums[t − 1, v], sums[t − 1, v + 1], sums[t − 1, v + 2])
    To go on by 0, 1 or 2 is to change the displacement v by −1, 0 or 1. Sums of half the dtype's range mean no path.
    """
    xp = array_module(cost)
    bands, *others, length = cost.shape
    sums = xp.empty((length, bands + 2, *others), dtype=cost.dtype)
    sums.fill(np.iinfo(cost.dtype).max // 2)
    sums[0, bands // 2 + 1] = cost[bands // 2, ..., 0]
    for t in range(1, length):
        before, after = sums[t - 1], sums[t, 1:-1]
        xp.minimum(before[:-2], before[2:], out=after)
        xp.minimum(after, before[1:-1], out=after)
        after += cost[..., t]
    return sums


def _traced(sums: np.ndarray) -> list[int]:
    """Return the displacement at each position of the best path by its sums (length, bands + 2), from the end."""
    length, padded = sums.shape
    at = [padded // 2]
    for t in range(length - 1, 0, -1):
        at.append(min((at[-1], at[-1] - 1, at[-1] + 1), key=sums[t - 1].__getitem__))
    return [v - padded // 2 for v in reversed(at)]
