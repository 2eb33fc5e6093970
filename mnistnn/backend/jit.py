"""Loops that Numba compiles, where it is installed: fast twins of array code.

A twin gives the same bits as the array code that it stands in for (Numba's default rules neither reorder sums nor fuse
multiplications with additions), so results never depend on whether Numba is there. A loop is written as plain Python
over NumPy arrays, with scalars of the arrays' own dtype; it is compiled at its first call and cached on disk.

Importing Numba and compiling take about a second, so callers ask for a twin only where there is enough work to earn
that back.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from threading import RLock, Thread
from time import perf_counter
from typing import Any

import numpy as np

_loading: Thread | None = None


def is_available() -> bool:
    """Tell whether loops can be compiled now: Numba can be imported, is not switched off by NUMBA_DISABLE_JIT, and is
    not being loaded by the thread of `load_ahead`.
    """
    return (_loading is None or not _loading.is_alive()) and _can_be_imported()


@cache
def _can_be_imported() -> bool:
    """Import Numba to know: one that is too old for the NumPy beside it says so then."""
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return False
    try:
        import numba  # noqa: F401
    except ImportError:
        return False
    return True


def load_ahead() -> None:
    """Load Numba in a thread of its own, for a run that is sure to want it.

    That takes most of a second, in which the run has begun without: it makes no difference to results.
    """
    global _loading
    if _loading is None:
        _loading = Thread(target=_load, name="mnistnn-load")
        _loading.start()


def _load() -> None:
    with suppress(Exception):  # whoever calls a loop will see the error
        if _can_be_imported():
            _first(np.zeros(1, np.float32))


class Loop:
    """A function over NumPy arrays and scalars, compiled for the types of its first call. It releases the GIL."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self._compiled: Any = None

    def __call__(self, *arguments: Any) -> Any:
        if self._compiled is None:
            return self._first_call(*arguments)
        return self._compiled(*arguments)

    def _first_call(self, *arguments: Any) -> Any:
        with _one_compiles:  # the other workers wait for it
            if self._compiled is not None:
                return self._compiled(*arguments)
            compiled, began_s = _compile(self.function), perf_counter()
            result = compiled(*arguments)
            if any(compiled.stats.cache_misses.values()):
                _compiling_s.append(perf_counter() - began_s)
            self._compiled = compiled
            return result


_one_compiles = RLock()
_compiling_s: list[float] = []


def compiling_s() -> float:
    """Return the seconds that this process spent compiling loops which it did not find in the cache."""
    return sum(_compiling_s)


def _compile(function: Callable[..., Any]) -> Any:
    import numba

    def compiled(to_disk: bool) -> Any:
        # As in NumPy, 1/0 is infinite and not an exception.
        return numba.njit(cache=to_disk, nogil=True, error_model="numpy")(function)

    try:
        return compiled(to_disk=True)
    except RuntimeError:  # no folder for the cache can be written to
        return compiled(to_disk=False)


def _load_all(y: Any) -> None:
    y[0] = 0.0


# The first loop of a process, whichever it is, makes Numba load all that it knows.
_first = Loop(_load_all)
