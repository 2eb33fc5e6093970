"""Products of an image with shifts of others, compiled: one query and its candidates, pair after pair.

Images lie in one line of memory, with a gap of zeros between rows, as in `idm_loops.py`: a shift is one offset.
"""

from typing import Any

import numpy as np

from mnistnn.backend import jit


def _lay_out(image: Any, reach: int, line: Any) -> None:
    """Write an image (h, w) into a line of memory with gaps of `reach` between its rows."""
    h, w = image.shape
    for y in range(h):
        row = line[(y + reach) * (w + reach) + reach :]
        for x in range(w):
            row[x] = image[y, x]


def _product(a: Any, b: Any) -> Any:
    """Return Σ a b of two lines of int16."""
    product = np.int64(0)
    for k in range(len(a)):
        product += np.int32(a[k]) * np.int32(b[k])
    return product


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
    _lay_out(q, reach, query)
    first, length = reach * (wide + 1), (h - 1) * wide + w
    a = query[first : first + length]
    of_query = _product(a, a)
    for number in range(len(candidates)):
        _lay_out(pixels[candidates[number]], reach, reference)
        r = reference[first : first + length]
        of_reference = _product(r, r)
        largest = np.int64(0)
        for s in range(len(shifts)):
            at = first + shifts[s, 0] * wide + shifts[s, 1]
            largest = max(largest, _product(a, reference[at : at + length]))
        out[number] = of_query + of_reference - 2 * largest


shifted = jit.CompiledFunction(_shifted, calls=(_lay_out, _product))
