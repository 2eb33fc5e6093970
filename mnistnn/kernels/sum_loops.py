"""Sums in compiled loops, in the order in which NumPy adds up numbers that lie side by side, and so with its bits.

Up to 7 numbers one after the other; up to 128 in eight sums, each of every eighth number; more half and half.
Higham (1993), "The accuracy of floating point summation", explains why.
"""

from typing import Any

import numpy as np

from mnistnn.types import Array

_SHORT = 128
_DEEPEST = 64  # halvings


def short_sum(x: Array, start: int, stop: int) -> Any:
    """Return the sum of x[start:stop], of 128 numbers at most and not of none."""
    n = stop - start
    if n < 8:
        s = x[start]
        for i in range(start + 1, stop):
            s += x[i]
        return s
    whole = stop - n % 8
    s0, s1, s2, s3 = x[start], x[start + 1], x[start + 2], x[start + 3]
    s4, s5, s6, s7 = x[start + 4], x[start + 5], x[start + 6], x[start + 7]
    for i in range(start + 8, whole, 8):
        s0 += x[i]
        s1 += x[i + 1]
        s2 += x[i + 2]
        s3 += x[i + 3]
        s4 += x[i + 4]
        s5 += x[i + 5]
        s6 += x[i + 6]
        s7 += x[i + 7]
    s = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))
    for i in range(whole, stop):
        s += x[i]
    return s


def summed(x: Array) -> Any:
    """Return the sum of x (n,), which is not empty."""
    start, stop, depth = 0, x.size, 0
    if stop <= _SHORT:
        return short_sum(x, start, stop)
    # Numba calls no function that calls itself; so what is left of each halving is kept here.
    halves, is_right = np.empty((_DEEPEST, 2), np.int64), np.zeros(_DEEPEST, np.bool_)
    left = np.empty(_DEEPEST, x.dtype)
    while True:
        while stop - start > _SHORT:
            half = (stop - start) // 2
            middle = start + half - half % 8
            halves[depth, 0], halves[depth, 1], is_right[depth] = middle, stop, False
            stop = middle
            depth += 1
        s = short_sum(x, start, stop)
        while depth > 0 and is_right[depth - 1]:
            depth -= 1
            s = left[depth] + s
        if depth == 0:
            return s
        left[depth - 1], is_right[depth - 1] = s, True
        start, stop = halves[depth - 1]


CALLS = (short_sum, summed)
"""What is compiled with a loop that calls `summed`."""
