"""Products of a few rows with a matrix that is used again and again, for compiled loops.

BLAS is made for large products. Here a block of the result, a few rows by a panel of columns, stays in registers while
one number of each row after the other is multiplied with one line of the panel; the matrix is packed in panels before,
so that what is read lies side by side:

    c[first:first + count, panel] = Σ_k a[first:first + count, k] packed[panel, k]

Measured with 10 rows of 128 numbers and 512 columns on a processor with AVX-512: 5.3 µs, where OpenBLAS takes 7 with
its kernels for AVX-512 and 24 with those for AVX2. Each number of the result is one sum over k in order, whatever the
block: the bits of a row depend neither on other rows nor on where they are cut. They are not those of BLAS, which
differ from one kind of processor to another.

The functions are plain NumPy where they are interpreted; `teach_numba` gives compiled loops the code of vectors.
"""

from functools import cache
from typing import Any

import numpy as np

from mnistnn.backend import jit
from mnistnn.backend.registers import ROWS, block


def padded(columns: int) -> int:
    """Return how many columns the panels of a matrix with so many have."""
    wide = block().columns
    return -(-columns // wide) * wide


def packed_shape(k: int, columns: int) -> tuple[int, int, int]:
    """Return the shape (panels, k, columns of a panel) of a packed matrix (k, columns)."""
    wide = block().columns
    return padded(columns) // wide, k, wide


def _pack(B: Any, packed: Any) -> None:
    panels, k, wide = packed.shape
    for panel in range(panels):
        start = panel * wide
        width = min(wide, B.shape[1] - start)
        for line in range(k):
            for column in range(width):
                packed[panel, line, column] = B[line, start + column]
            for column in range(width, wide):
                packed[panel, line, column] = 0


def _pack_transposed(B: Any, packed: Any) -> None:
    panels, k, wide = packed.shape
    for panel in range(panels):
        start = panel * wide
        width = min(wide, len(B) - start)
        for first in range(0, k, _TILE):  # so that what is read and what is written both stay near
            for column in range(width):
                for line in range(first, min(first + _TILE, k)):
                    packed[panel, line, column] = B[start + column, line]
        packed[panel, :, width:] = 0


_TILE = 16

pack = jit.CompiledFunction(_pack)
"""Write B (k, m) in panels, packed_shape(k, m); columns that B does not have are zero."""
pack_transposed = jit.CompiledFunction(_pack_transposed)
"""Write Bᵀ, of B (m, k), in panels, packed_shape(k, m)."""


def multiply(a: Any, packed: Any, c: Any) -> None:
    """Write the product of a (n, k) and a packed matrix into c (n, padded(m)); lines of a and c have no gaps."""
    n, most = len(a), ROWS
    blocks = (n + most - 1) // most
    for panel in range(len(packed)):
        for number in range(blocks):  # of nearly equal size
            first = n * number // blocks
            multiply_block(a, first, n * (number + 1) // blocks - first, packed, panel, c)


def multiply_block(a: Any, first: Any, count: Any, packed: Any, panel: Any, c: Any) -> None:
    """Multiply `count` rows of a, ROWS at most, with a panel. The places are not checked."""
    wide = packed.shape[2]
    c[first : first + count, panel * wide : (panel + 1) * wide] = a[first : first + count] @ packed[panel]


def step_of(steps: Any, s: Any) -> Any:
    """Return steps[s], a matrix that lies without gaps, which compiled code cannot know of a part of an array."""
    return steps[s]


def fused(a: Any, b: Any, c: Any) -> Any:
    """Return a b + c; compiled, rounded once where the processor does that."""
    return a * b + c


def scaled(x: Any, k: Any) -> Any:
    """Return x 2ᵏ for float32 k in [−126, 127] without a fraction."""
    return np.ldexp(x, int(k))


CALLS = (multiply,)
"""What is compiled with a loop that calls `multiply`; such a loop is prepared by `teach_numba`."""


@cache
def teach_numba() -> None:
    """Let loops that are compiled from now on call `multiply_block`, `fused` and `scaled`."""
    from mnistnn.backend import block_code

    block_code.teach(block(), multiply_block, step_of, fused, scaled)
