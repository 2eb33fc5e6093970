"""Gram matrices: the kernel of each example of one set with each of another, k(u, v).

Polynomials and Gaussians, of NumPy or CuPy arrays. The products u·v are one matrix product, written where the result is
to be; what follows works on them in place, piece by piece. Nothing here knows what a Gram matrix is used for.

Boser, Guyon & Vapnik (1992); Schölkopf & Smola (2002), chapter 2.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from mnistnn.backend import pieces, threads
from mnistnn.backend.arrays import array_module
from mnistnn.types import Array


def unit_rows(x: Array) -> Array:
    """Return x (n, d) with each row divided by its length, in a new array. A row of zeros stays as it is."""
    lengths = array_module(x).sqrt(squared_lengths(x))
    lengths += lengths == 0
    return x / lengths[:, None]


def squared_lengths(x: Array) -> Array:
    """Return ‖xᵢ‖² of each row of x (n, d)."""
    if isinstance(x, np.ndarray):
        return np.einsum("ij,ij->i", x, x)  # without an array of all squares
    return (x * x).sum(axis=1)


def polynomial(u: Array, v: Array, degree: int, offset: float, scale: float, out: Array) -> None:
    """Write ((uᵢ·vⱼ + offset) · scale)^degree into out (n, m), for u (n, d) and v (m, d) of its dtype.

    Cost: 2·n·m·d flops; besides, some eight operations for each number of out, while they are in the core's cache.
    """

    def finish(block: Array) -> None:
        block += offset
        block *= scale
        _raise_to(degree, block)

    threads.matmul(u, v.T, out)
    _in_pieces(finish, out)


def gaussian(u: Array, v: Array, gamma: float, out: Array) -> None:
    """Write exp(−γ ‖uᵢ − vⱼ‖²) into out (n, m), for u (n, d) and v (m, d) of its dtype.

    ‖u − v‖² = ‖u‖² + ‖v‖² − 2 u·v, and where rounding makes that negative, 0. Cost: 2·n·m·d flops and n·m exponentials.
    """
    xp = array_module(out)
    rows, columns = squared_lengths(u)[:, None], squared_lengths(v)

    def finish(block: Array, of_rows: Array) -> None:
        block *= -2.0
        block += of_rows
        block += columns
        xp.maximum(block, 0.0, out=block)
        block *= -gamma
        xp.exp(block, out=block)

    threads.matmul(u, v.T, out)
    _in_pieces(finish, out, rows)


def _in_pieces(finish: Callable[..., None], out: Array, *beside: Array) -> None:
    """Call finish(block, ...) for pieces of the rows of out, with the same rows of what lies beside it. They are small
    enough to stay in a core's cache; on a GPU there is one.
    """
    count, rows = len(out), len(out)
    if isinstance(out, np.ndarray):
        rows = max(1, pieces.ELEMENTS // max(1, out.shape[1]))
    threads.spread(lambda part, _: finish(out[part], *(x[part] for x in beside)), pieces.cut(count, max(1, rows)), out)


def _raise_to(degree: int, x: Array) -> None:
    """Raise x to the power of a positive integer, in place, by squares: 9 = 1001₂ takes four products."""
    bits = f"{degree:b}"[1:]
    base: Any = x.copy() if "1" in bits else None
    for bit in bits:
        x *= x
        if bit == "1":
            x *= base
