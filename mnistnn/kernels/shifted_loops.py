"""Products of an image with shifts of others, compiled: one query and its candidates, pair after pair.

Images lie in one line of memory, with a gap of zeros between rows, as in `idm_loops.py`: a shift is one offset.
"""

from typing import Any

import numpy as np

from mnistnn.backend import jit


def _shifted(q: Any, pixels: Any, candidates: Any, shifts: Any, out: Any) -> None:
    """Do what `shifted` does for the references that candidates (m,) name.

    q       (h, w)     uint8
    pixels  (n, h, w)  uint8
    shifts  (s, 2)     down and to the right
    out     (m,)       int64
    """
    h, w = q.shape
    reach = np.abs(shifts).max()
    wide = w + reach  # from a pixel to the one below it
    query = np.zeros((h + 2 * reach) * wide + reach, np.int16)
    reference = np.zeros(query.shape, np.int16)
    of_query = np.int64(0)
    for y in range(h):
        line = query[(y + reach) * wide + reach :]
        for x in range(w):
            line[x] = q[y, x]
            of_query += np.int64(q[y, x]) * np.int64(q[y, x])
    first, length = reach * (wide + 1), (h - 1) * wide + w
    a = query[first : first + length]
    for number in range(len(candidates)):
        r = pixels[candidates[number]]
        of_reference = np.int64(0)
        for y in range(h):
            line = reference[(y + reach) * wide + reach :]
            for x in range(w):
                line[x] = r[y, x]
                of_reference += np.int64(r[y, x]) * np.int64(r[y, x])
        largest = np.int64(0)
        for s in range(len(shifts)):
            at = first + shifts[s, 0] * wide + shifts[s, 1]
            b = reference[at : at + length]
            product = np.int64(0)
            for k in range(length):
                product += np.int32(a[k]) * np.int32(b[k])
            largest = max(largest, np.int64(product))
        out[number] = of_query + of_reference - 2 * largest


shifted = jit.CompiledFunction(_shifted)
