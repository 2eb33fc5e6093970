"""The image distortion model, compiled: one query and its candidates, pair after pair, in a core's first cache.

An image lies in one line of memory, with a gap of zeros between rows that is as wide as anything reaches beyond an
image. A displacement is then one offset for all pixels, and each step a walk along whole slices, which compilers turn
into vector instructions: 11 µs a pair of 28×28 pixels in one thread.
"""

from typing import Any

import numpy as np

from mnistnn.backend import jit


def _idm(q: Any, edges: Any, candidates: Any, displacements: Any, context: int, out: Any) -> None:
    """Do what `idm` does for the references that candidates (m,) name.

    q              (2, h, w)     int8
    edges          (n, 2, h, w)  int8
    displacements  (s, 2)        down and to the right
    out            (m,)          int64
    """
    _, h, w = q.shape
    reach = np.abs(displacements).max() + context
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
    cost, least = np.empty(pixels, np.int32), np.empty(pixels, np.int32)
    q_0, q_1 = query[0, first : first + squares.size], query[1, first : first + squares.size]
    for number in range(len(candidates)):
        r = edges[candidates[number]]
        for channel in range(2):
            for y in range(h):
                line = reference[channel, (y + reach) * wide + reach :]
                for x in range(w):
                    line[x] = r[channel, y, x]
        least[:] = 2**31 - 1
        for s in range(len(displacements)):
            at = first + displacements[s, 0] * wide + displacements[s, 1]
            r_0, r_1 = reference[0, at : at + squares.size], reference[1, at : at + squares.size]
            for k in range(squares.size):
                a, b = np.int32(q_0[k]) - np.int32(r_0[k]), np.int32(q_1[k]) - np.int32(r_1[k])
                squares[k] = a * a + b * b
            if context == 1:  # in two walks instead of six, which take twice as long
                beside, beyond = squares[1:], squares[2:]
                for k in range(in_rows.size):
                    in_rows[k] = squares[k] + beside[k] + beyond[k]
                below, farther = in_rows[wide:], in_rows[2 * wide :]
                for k in range(pixels):
                    least[k] = min(least[k], np.int32(in_rows[k] + below[k] + farther[k]))
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
            for k in range(pixels):
                least[k] = min(least[k], cost[k])
        total = np.int64(0)
        for y in range(h):
            line = least[y * wide :]
            for x in range(w):
                total += line[x]
        out[number] = total


idm = jit.CompiledFunction(_idm)
