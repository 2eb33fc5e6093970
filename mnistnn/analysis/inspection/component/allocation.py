"""How much memory a step takes and gives back: none that grows with its arrays, in its steady state.

A block of working memory of a fixed size is allowed; so two sizes are compared which are larger than such blocks are.
"""

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from mnistnn.analysis.inspection.component.findings import Measured

LARGE, TIMES = 20_000, 2
"""Numbers of an array that is larger than a block, and how many times more a larger one has."""

FEW = 8

OF_VIEWS = 3
"""Bytes for each example, or parameter, that there is more: the arrays of a piece of work have views in Python. One
number of float32, which would be too much, takes 4.
"""

OF_VECTORS = 12
"""Bytes for each number of an example: a layer may take a few vectors with a number for each, as batch normalisation
does. An array of FEW examples takes 32.
"""
_WARM_UP, _STEPS = 2, 3


def risen_bytes(step: Callable[[], object]) -> int:
    """Return how far memory rises in a step above its level before, once a few steps have been done.

    The least of several steps counts: what a step takes it takes in each of them, while what Python takes for itself
    now and then, it does not.
    """
    for _ in range(_WARM_UP):
        step()
    least = None
    with _small_buffers(), _traced():
        for _ in range(_STEPS):
            tracemalloc.reset_peak()
            level = tracemalloc.get_traced_memory()[0]
            step()
            risen = tracemalloc.get_traced_memory()[1] - level
            least = risen if least is None else min(least, risen)
    assert least is not None
    return least


def kept_bytes(make: Callable[[], object]) -> int:
    """Return how much memory is held when a function has returned that was not before."""
    with _traced():
        before = tracemalloc.get_traced_memory()[0]
        make()
        return tracemalloc.get_traced_memory()[0] - before


def of_growth(less: int, more: int, added: int, for_each: int = OF_VIEWS) -> Measured:
    """Judge the bytes that a step takes in two sizes, of which the larger has so many more along an axis."""
    allowed = added * for_each
    return Measured(more - less < allowed, f"{max(more - less, 0):,} bytes for {added:,} more", f"{allowed:,}")


@contextmanager
def _traced() -> Iterator[None]:
    """Trace memory; whoever traces it already goes on."""
    before = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        yield
    finally:
        if not before:
            tracemalloc.stop()


@contextmanager
def _small_buffers() -> Iterator[None]:
    """Shrink what would hide small arrays: the buffer that NumPy takes for each operation that broadcasts."""
    before = np.setbufsize(16)
    try:
        yield
    finally:
        np.setbufsize(before)
