"""Inner products and sizes of long vectors, as numbers on the host."""

import math

import numpy as np

from mnistnn.types import Array

_BLOCK = (
    4096  # numbers; sums of so many are added up in float64, so that float32 keeps six digits however long a vector
)


def inner(a: Array, b: Array) -> float:
    """Return aᵀ b; a, b (P,)."""
    if not isinstance(a, np.ndarray):
        return float(a @ b)
    return math.fsum(float(a[at : at + _BLOCK] @ b[at : at + _BLOCK]) for at in range(0, len(a), _BLOCK))


def length(a: Array) -> float:
    """Return |a|, the Euclidean norm."""
    return math.sqrt(inner(a, a))


def largest(a: Array) -> float:
    """Return the largest magnitude in a, without an array of them."""
    return max(float(a.max()), -float(a.min()))
