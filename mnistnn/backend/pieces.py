"""How work is cut into pieces: by shapes alone, never by the number of threads, of which no result must depend."""

from dataclasses import dataclass
from functools import lru_cache

# Multiply-adds of a product from which it is cut in 2, 4, 8 … pieces. A piece takes a core 0.1 ms or more; pieces take
# one thread 5 % longer than the whole in two (15 % where there are few rows), 8 % in four, 13 % in eight, so there are
# no more of them than many cores can use.
CUT_FROM = (4_000_000, 32_000_000, 256_000_000, 2_000_000_000, 16_000_000_000)
_GRAIN = 32  # rows or columns: BLAS works on so many at once, and two threads never write to one cache line

# Numbers of a piece of element-wise work.
ELEMENTS = 65_536


def cut(count: int, size: int) -> list[slice]:
    """Cut `count` things into slices of a size; the last one may be smaller."""
    return [slice(first, min(first + size, count)) for first in range(0, count, size)]


def evenly(count: int, most: int, at_least: int = 1) -> list[slice]:
    """Cut `count` things into at most `most` slices of about the same size, none but the last below `at_least`."""
    return cut(count, max(-(-count // most), at_least, 1))


@dataclass(frozen=True)
class ProductPieces:
    """Rows and columns of each piece of a product, and how many of the longer side a piece has, and the last one."""

    parts: tuple[tuple[slice, slice], ...]
    size: int
    last: int


@lru_cache(maxsize=1024)
def of_product(rows: int, inner: int, columns: int) -> ProductPieces | None:
    """Cut a product (rows, inner) times (inner, columns); None for a small one, which stays whole.

    The longer side is cut, or the columns of a square, so that a piece reads as little as possible of what others read
    too.
    """
    longer = max(rows, columns)
    size = rows * inner * columns
    count = min(2 ** sum(size >= least for least in CUT_FROM), longer // _GRAIN)
    if count < 2:
        return None
    part = -(-longer // (count * _GRAIN)) * _GRAIN
    whole = cut(longer, part)
    if columns >= rows:
        parts = tuple((slice(0, rows), each) for each in whole)
    else:
        parts = tuple((each, slice(0, columns)) for each in whole)
    return ProductPieces(parts, part, whole[-1].stop - whole[-1].start)
