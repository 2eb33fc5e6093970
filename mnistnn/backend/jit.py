"""Functions that Numba compiles, where it is installed: fused loops in place of array code.

A compiled function gives the same bits as the array code that it replaces (Numba's default rules neither reorder sums
nor fuse multiplications with additions), so results do not depend on whether Numba is there. One exception is named
where it is: recurrent layers (`layers/recurrent_base.py`), which take their loops wherever Numba is installed. A loop
is written as plain Python over NumPy arrays, with scalars of the arrays' own dtype; it is compiled at its first call
and cached on disk.

Starting Numba takes about half a second. So a run decides when it begins whether it is long enough to earn that back
(`Compiled`), and keeps to it; what is no run, as an evaluation, takes loops only if Numba has been started already.
Within a run, kernels ask for loops only where there is enough work for one.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, cached_property
from threading import RLock
from time import perf_counter
from typing import Any

import numpy as np


class Compiled:
    """Whether loops are compiled or the array code beside them is used: one choice for all of a run.

    Where they are `wanted`, Numba is imported by a thread from now on; who asks before it is there waits.

    compiling_s  seconds spent compiling loops that were not found in the cache
    """

    def __init__(self, wanted: bool) -> None:
        self.compiling_s = 0.0
        self._imported: Future[bool] | None = None
        if wanted:
            starter = ThreadPoolExecutor(1, "mnistnn-numba")
            self._imported = starter.submit(can_compile)
            starter.submit(self._start)
            starter.shutdown(wait=False)

    @cached_property
    def enabled(self) -> bool:
        """Whether loops are compiled. Raises what importing Numba raised, but for ImportError: that means no."""
        return self._imported is not None and self._imported.result()

    def _start(self) -> None:
        """Call a first loop, whichever it is: Numba then loads the rest of what it knows."""
        if self.enabled:
            with self.in_use():
                _first(np.zeros(1, np.float32))

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Let this be the choice for whatever this context computes."""
        token = _in_use.set(self)
        try:
            yield
        finally:
            _in_use.reset(token)


_in_use: ContextVar[Compiled | None] = ContextVar("compiled", default=None)


def is_available(wait: bool = False) -> bool:
    """Tell whether to call loops: what the run has chosen; outside of one, whether Numba is there without a wait, or
    with one. Loops whose bits are not those of the array code ask for the wait: their results then depend on what is
    installed, and not on what a process has done before.
    """
    chosen = _in_use.get()
    if chosen is not None:
        return chosen.enabled
    return (wait or "numba" in sys.modules) and can_compile()


@cache
def can_compile() -> bool:
    """Tell whether loops can be compiled: Numba can be imported, and NUMBA_DISABLE_JIT does not switch it off.

    It is imported to know that: one that is too old for the NumPy beside it says so then.
    """
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return False
    try:
        import numba  # noqa: F401
    except ImportError:
        return False
    return True


class CompiledFunction:
    """A function over NumPy arrays and scalars, compiled for the types of its first call. It releases the GIL.

    calls    plain functions that it calls, and that are compiled with it
    prepare  called before it is compiled
    """

    def __init__(
        self,
        function: Callable[..., Any],
        calls: Sequence[Callable[..., Any]] = (),
        prepare: Callable[[], None] | None = None,
    ) -> None:
        self.function = function
        self._calls, self._prepare = calls, prepare
        self._compiled: Any = None

    def __call__(self, *arguments: Any) -> Any:
        if self._compiled is None:
            return self._first_call(*arguments)
        return self._compiled(*arguments)

    def _first_call(self, *arguments: Any) -> Any:
        with _one_compiles:  # the other workers wait for it
            if self._compiled is not None:
                return self._compiled(*arguments)
            if self._prepare is not None:
                self._prepare()
            for called in self._calls:
                _let_be_called(called)
            compiled, began_s = _compile(self.function), perf_counter()
            result = compiled(*arguments)
            chosen = _in_use.get()
            if chosen is not None and any(compiled.stats.cache_misses.values()):
                chosen.compiling_s += perf_counter() - began_s
            self._compiled = compiled
            return result


_one_compiles = RLock()


@cache
def _let_be_called(function: Callable[..., Any]) -> None:
    """Let compiled functions call a plain one."""
    from numba import extending

    extending.register_jitable(function)


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


_first = CompiledFunction(_load_all)
