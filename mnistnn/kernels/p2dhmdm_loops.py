"""The pseudo-2D hidden Markov distortion model, compiled: one query and its candidates, pair after pair.

Images lie in memory as in `idm_loops.py`, and rows are aligned for all columns of an image at once, so that steps are
walks along slices here, too: 72 µs a pair of 28×28 pixels in one thread, of which local costs take about 30.

Local costs are written out here and in `idm_loops.py`: with a function that both call, IDM takes 15 % longer, and this
model 4 to 8 %.
"""

from typing import Any

import numpy as np

from mnistnn.backend import jit


def _p2dhmdm(q: Any, edges: Any, candidates: Any, band: int, deviation: int, context: int, out: Any) -> None:
    """Do what `p2dhmdm` does for the references that candidates (m,) name.

    q       (2, h, w)     int8
    edges   (n, 2, h, w)  int8
    out     (m,)          int64
    """
    _, h, w = q.shape
    bands, across = 2 * band + 1, band + deviation
    reach = across + context
    wide = w + reach  # from a pixel to the one below it
    query = np.zeros((2, (h + 2 * reach) * wide + reach), np.int8)
    reference = np.zeros(query.shape, np.int8)
    for channel in range(2):
        for y in range(h):
            line = query[channel, (y + reach) * wide + reach :]
            for x in range(w):
                line[x] = q[channel, y, x]
    first = (reach - context) * (wide + 1)  # where the surroundings of the first pixel begin
    pixels = (h - 1) * wide + w  # from the first to the last, gaps included
    in_rows = np.empty(pixels + 2 * context * wide, np.int32)  # squares, added up along rows
    squares = np.empty(in_rows.size + 2 * context, np.int32)
    q_0, q_1 = query[0, first : first + squares.size], query[1, first : first + squares.size]
    costs = np.zeros((2 * across + 1, h * wide), np.int32)  # of one displacement down, by that to the right
    local = np.zeros((bands, bands, h * wide), np.int32)  # those of the best deviation
    before, after = np.empty((bands + 2, wide), np.int32), np.empty((bands + 2, wide), np.int32)
    columns = np.empty((bands, w), np.int64)
    sums, more = np.empty(bands + 2, np.int64), np.empty(bands + 2, np.int64)
    for number in range(len(candidates)):
        r = edges[candidates[number]]
        for channel in range(2):
            for y in range(h):
                line = reference[channel, (y + reach) * wide + reach :]
                for x in range(w):
                    line[x] = r[channel, y, x]
        for v in range(bands):
            for u in range(2 * across + 1):
                cost = costs[u]
                at = first + (v - band) * wide + u - across
                r_0, r_1 = reference[0, at : at + squares.size], reference[1, at : at + squares.size]
                for k in range(squares.size):
                    a, b = np.int32(q_0[k]) - np.int32(r_0[k]), np.int32(q_1[k]) - np.int32(r_1[k])
                    squares[k] = a * a + b * b
                if context == 1:
                    beside, beyond = squares[1:], squares[2:]
                    for k in range(in_rows.size):
                        in_rows[k] = squares[k] + beside[k] + beyond[k]
                    below, farther = in_rows[wide:], in_rows[2 * wide :]
                    for k in range(pixels):
                        cost[k] = in_rows[k] + below[k] + farther[k]
                    continue
                for k in range(in_rows.size):
                    in_rows[k] = squares[k]
                for i in range(1, 2 * context + 1):
                    beside = squares[i:]
                    for k in range(in_rows.size):
                        in_rows[k] += beside[k]
                for k in range(pixels):
                    cost[k] = in_rows[k]
                for i in range(1, 2 * context + 1):
                    below = in_rows[i * wide :]
                    for k in range(pixels):
                        cost[k] += below[k]
            for u in range(bands):
                best = local[v, u]
                best[:] = costs[u]
                for e in range(1, 2 * deviation + 1):
                    cost = costs[u + e]
                    for k in range(pixels):
                        best[k] = min(best[k], cost[k])
        for u in range(bands):
            before[:] = 2**30 - 1  # no path; the sums of both are below 2³¹
            after[:] = 2**30 - 1
            before[band + 1] = local[band, u, :wide]
            for y in range(1, h):
                for v in range(bands):
                    back, same, on = before[v], before[v + 1], before[v + 2]
                    best, line = local[v, u, y * wide : (y + 1) * wide], after[v + 1]
                    for x in range(wide):
                        line[x] = best[x] + min(back[x], min(same[x], on[x]))
                before, after = after, before
            for x in range(w):
                columns[u, x] = before[band + 1, x]
        sums[:] = 2**62
        more[:] = 2**62
        sums[band + 1] = columns[band, 0]
        for x in range(1, w):
            for u in range(bands):
                more[u + 1] = columns[u, x] + min(sums[u], min(sums[u + 1], sums[u + 2]))
            sums, more = more, sums
        out[number] = sums[band + 1]


p2dhmdm = jit.CompiledFunction(_p2dhmdm)
