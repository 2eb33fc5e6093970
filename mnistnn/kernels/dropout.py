"""Random masks, for units (dropout) and for weights (dropconnect)."""

import sys
from math import ceil

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.types import Array

BLOCK = 16_384  # numbers drawn at once: 64 KiB of working memory


def bernoulli(rng: np.random.Generator, keep: float, mask: Array) -> None:
    """Fill mask with independent draws: 1 with probability `keep`, else 0. mask lies in one piece in memory.

    Drawn on the host, so that every device gets the same masks.
    """
    xp = array_module(mask)
    drawn = mask if xp is np else np.empty(mask.shape, dtype=mask.dtype)
    if drawn.dtype == np.float32 and sys.byteorder == "little":
        _bernoulli_of_bits(rng, keep, drawn.reshape(-1))
    else:
        rng.random(out=drawn, dtype=drawn.dtype.type)
        np.less(drawn, keep, out=drawn)
    if xp is not np:
        mask.set(drawn)


def _bernoulli_of_bits(rng: np.random.Generator, keep: float, mask: Array) -> None:
    """Fill mask (N,) of float32 with [u < keep], u the numbers that `rng.random` would draw, without making u.

    NumPy's u is ⌊r / 2⁸⌋ / 2²⁴ with r a random number of 32 bits, half of one of 64; so u < keep says that r is below
    some integer. That takes two thirds of the time (Philox, 100 000 numbers).
    """
    limit = ceil(float(np.float32(keep)) * 2**24) << 8
    if limit > 0xFFFF_FFFF:  # no r is as large
        mask[:] = 1.0
        return
    for start in range(0, mask.size, BLOCK):
        part = mask[start : start + BLOCK]
        r = rng.bit_generator.random_raw((part.size + 1) // 2)
        np.less(r.view(np.uint32)[: part.size], np.uint32(limit), out=part)
        del r  # before the next is made
