"""How much of a matrix the registers of a processor hold, for products in blocks (`block_products.py`)."""

from functools import cache
from typing import NamedTuple

ROWS = 6
"""Rows of a block, of every processor."""


class Block(NamedTuple):
    """What the registers of this processor hold of a result, beside one line of a panel.

    rows     at most
    vectors  of a row
    lanes    numbers of a vector
    """

    rows: int
    vectors: int
    lanes: int

    @property
    def columns(self) -> int:
        return self.vectors * self.lanes


@cache
def block() -> Block:
    """Return the block of the processor that Numba compiles for; without Numba, any."""
    try:
        from llvmlite import binding
    except ImportError:
        return Block(ROWS, 4, 16)
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return Block(ROWS, 4, 16)  # 32 registers of 16 numbers
    if features.get("avx"):
        return Block(ROWS, 2, 8)  # 16 registers of 8
    if features.get("sse2"):
        return Block(ROWS, 2, 4)
    return Block(ROWS, 4, 4)  # 32 registers of 4, as of ARM
