"""Products handed over in compiled code, to helpers that look for them before they sleep; where Numba is in use."""

import ctypes
from contextlib import suppress
from functools import cache
from pathlib import Path
from time import perf_counter, sleep
from types import ModuleType
from typing import Any

import numpy as np

from mnistnn.backend import jit
from mnistnn.types import Array

_LOOKED_S = 2e-4
"""How long a helper looks for more before it sleeps: about what a small net computes between two products."""
_NAP_S = 2e-5  # of who waits for a helper that has begun a piece and has lost its core
_TRIAL = 20_000
_CACHE_LINE = 64  # bytes


class Handover:
    """Memory that workers look at. Make one with `Handover.possible`."""

    def __init__(self, loops: ModuleType, addresses: dict[str, int]) -> None:
        self._loops, self._addresses = loops, addresses
        size = loops.SIZE
        whole = np.zeros(size + loops.LINE, np.int64)
        start = -whole.ctypes.data % _CACHE_LINE // whole.itemsize
        self._memory = whole[start : start + size]
        self._wait, self._looks = loops.wait, looks_of(_LOOKED_S)

    @classmethod
    def possible(cls) -> "Handover | None":
        """Return one if loops are compiled here and the functions of NumPy's BLAS are found, else None."""
        if not jit.is_available():
            return None
        addresses = addresses_of_blas()
        return cls(_loops(), addresses) if addresses else None

    @property
    def word(self) -> int:
        return int(self._memory[self._loops.WORD])

    def wait(self, worker: int, seen: int) -> int:
        """Multiply for others; return the last word that was seen, which is `seen` if nothing came for a while."""
        return int(self._wait(self._memory, worker, seen, self._looks))

    def is_call(self, word: int) -> bool:
        """Tell whether a word says that there is something to do in Python."""
        return bool((word >> 16) & 0xFFFF == self._loops.CALL)

    def call(self) -> None:
        """Say that there is something to do in Python."""
        ticket = (self.word >> 32) + 1 & 0x3FFFFFFF
        self._memory[self._loops.WORD] = (ticket << 32) + (self._loops.CALL << 16)

    def can_multiply(self, a: Array, b: Array, out: Array, last: int) -> bool:
        """Tell whether BLAS can multiply these as they lie in memory; `last` is the longer side of the last piece.

        With a vector NumPy calls another function, which rounds otherwise.
        """
        return (
            min(*out.shape, last) > 1
            and a.dtype == b.dtype == out.dtype
            and out.dtype.char in self._addresses
            and _is_by_rows(out)
            and (_is_by_rows(a) or _is_by_rows(a.T))
            and (_is_by_rows(b) or _is_by_rows(b.T))
        )

    def multiply(self, a: Array, b: Array, out: Array, part: int, count: int, workers: int) -> None:
        """Write the product of a (m, k) and b (k, n) into out (m, n), in `count` pieces of its longer side."""
        address, before = self._addresses[out.dtype.char], self.word >> 32
        try:
            if not self._loops.product(self._memory, a, b, out, address, part, count, workers, self._looks):
                self._wait_for(count)
        except BaseException:  # Ctrl-C: what helpers have begun, they still write
            if self.word >> 32 != before:
                while self._memory[self._loops.ENDED] < count:
                    with suppress(KeyboardInterrupt):  # it is on its way already
                        self._wait_for(count)
            raise

    def _wait_for(self, count: int) -> None:
        while self._memory[self._loops.ENDED] < count:
            sleep(_NAP_S)


def _is_by_rows(x: Array) -> bool:
    """Tell whether the rows of x (m, n) lie one behind the other, none within another, as BLAS takes a matrix."""
    size, (to_next_row, to_next) = x.itemsize, x.strides
    return bool(to_next == size and to_next_row >= x.shape[1] * size and to_next_row % size == 0)


def _loops() -> ModuleType:
    from mnistnn.backend import handover_loops

    return handover_loops


@cache
def looks_of(seconds: float) -> int:
    """Return how often compiled code looks in so many seconds."""
    loops = _loops()
    memory = np.zeros(loops.SIZE, np.int64)
    loops.wait(memory, 1, 0, 1)
    began_s = perf_counter()
    loops.wait(memory, 1, 0, _TRIAL)
    return max(1, round(seconds * _TRIAL / (perf_counter() - began_s)))


@cache
def addresses_of_blas() -> dict[str, int]:
    """Return the addresses of CBLAS's gemm in the OpenBLAS that NumPy computes with, by the letter of the dtype;
    nothing if it has another BLAS, or one whose names are not known.
    """
    from threadpoolctl import threadpool_info

    for pool in threadpool_info():
        if pool["internal_api"] != "openblas" or "numpy" not in Path(pool["filepath"]).parent.name:
            continue
        library: Any = ctypes.CDLL(pool["filepath"])
        try:  # as NumPy's wheels name them: with integers of 64 bits
            functions = {"f": library.scipy_cblas_sgemm64_, "d": library.scipy_cblas_dgemm64_}
        except AttributeError:
            continue
        return {letter: int(ctypes.cast(each, ctypes.c_void_p).value or 0) for letter, each in functions.items()}
    return {}
