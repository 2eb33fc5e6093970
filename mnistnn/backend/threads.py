"""Threads of the arithmetic: how many there are, and the workers over which work is spread.

A run uses one of two ways. BLAS's own threads do matrix products and nothing else; between products they spin, ready at
once, which is right for nets that are little else than products. Or the threads here take pieces of work (a part of a
convolution, some rows of a product), each with BLAS on one thread: then gathering, pooling and bending use all cores
too, and a thread that waits sleeps. Both ways at once lose: BLAS's threads would spin on the cores that ours need (a
step then took as long with two threads as with one). Shares of work follow from the number of threads and the sizes of
arrays alone, and what shares have summed is added up in their order: with the same threads, results have the same bits.

A run owns its workers, and kernels find those of the run that they compute for by the context that they run in: so a
kernel's signature stays that of its formula, and two runs in one process have nothing of each other's.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from contextvars import ContextVar, copy_context
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from mnistnn.backend.matmul import serial_matmul
from mnistnn.types import Array

if TYPE_CHECKING:
    from threadpoolctl import threadpool_limits

Piece = TypeVar("Piece")

# Multiplications below which a product is not worth a thread's waking up, about 50 µs.
_LEAST = 4_000_000


# Multiply-adds of a batch's forward pass below which a second thread costs more than it brings.
_ONE_THREAD_BELOW = 4_000_000


def suitable(multiply_adds: int, cores: int) -> int:
    """Return how many threads to use for a forward pass of so many multiply-adds."""
    return 1 if multiply_adds < _ONE_THREAD_BELOW else cores


class Workers:
    """`count` threads: the one that calls and `count` − 1 that wait for it."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._others = ThreadPoolExecutor(count - 1, "mnistnn") if count > 1 else None

    def spread(self, work: Callable[[Piece, int], None], pieces: Sequence[Piece]) -> None:
        """See `spread` below."""
        todo = iter(pieces)  # shared: that of a list or a tuple is safe to advance from several threads

        def keep_working(worker: int) -> None:
            for piece in todo:
                work(piece, worker)

        helping: list[Future[None]] = []
        if self._others is not None and len(pieces) > 1:
            # A copy of the context each: NumPy keeps there how it treats overflows.
            helping = [self._others.submit(copy_context().run, keep_working, n) for n in range(1, self.count)]
        try:
            keep_working(0)
        finally:
            # All that have begun are waited for, whatever they end with. For the others nothing is left to do; to wait
            # for them inside of a piece of work could be to wait for the thread that waits.
            errors = [future.exception() for future in helping if not future.cancel()]
        for error in errors:
            if error is not None:
                raise error

    def close(self) -> None:
        if self._others is not None:
            self._others.shutdown()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Let these be the workers of whatever this context computes."""
        token = _in_use.set(self)
        try:
            yield
        finally:
            _in_use.reset(token)


_ALONE = Workers(1)
_in_use: ContextVar[Workers] = ContextVar("workers", default=_ALONE)


class _BlasThreads:
    """How many threads BLAS uses: one number for the whole process, held by all that want one at a time.

    The number is that of the holder that came last and has not left; when the last one leaves, what was there before
    comes back. So the earlier one of two that compute at the same time gets the number of the later one while that is
    there: right results, whose last bits may differ from those of a run alone.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._wanted: dict[object, int] = {}  # by holder, the earliest first
        self._before: threadpool_limits | None = None

    @contextmanager
    def limited_to(self, count: int) -> Iterator[None]:
        from threadpoolctl import threadpool_limits

        holder = object()
        with self._lock, _in_control():
            limits = threadpool_limits(limits=count, user_api="blas")
            if not self._wanted:
                self._before = limits
            self._wanted[holder] = count
        try:
            yield
        finally:
            with self._lock, _in_control():
                del self._wanted[holder]
                if self._wanted:
                    threadpool_limits(limits=[*self._wanted.values()][-1], user_api="blas")
                elif self._before is not None:
                    self._before.restore_original_limits()


@contextmanager
def _in_control() -> Iterator[None]:
    """Let this thread set the number of threads of OpenBLAS: newer threadpoolctl heeds only the thread that set it
    first, for as long as that lives, and does nothing for others. The lock above keeps ours from disturbing each other.
    """
    from threadpoolctl import OpenBLASController

    def let_go() -> None:
        if hasattr(OpenBLASController, "clear_controlling_thread"):
            OpenBLASController.clear_controlling_thread(force=True)

    let_go()
    try:
        yield
    finally:
        let_go()


_blas = _BlasThreads()


@contextmanager
def allowed(count: int, by_blas: bool) -> Iterator[None]:
    """Let the arithmetic of this context use `count` threads: those of BLAS, or ours.

    The last bits of results depend on both, so a run fixes them; the number is recorded, the other follows from the
    model.
    """
    workers = Workers(1 if by_blas else count)
    with _blas.limited_to(count if by_blas else 1), closing(workers), workers.in_use():
        yield


def workers_for(x: Array) -> int:
    """Return how many workers there are for work on x: of a GPU's, one, which queues it."""
    return _in_use.get().count if isinstance(x, np.ndarray) else 1


def spread(work: Callable[[Piece, int], None], pieces: Sequence[Piece], x: Array) -> None:
    """Call work(piece, worker) for each piece, with worker in 0..workers_for(x) − 1; return when all are done.

    A worker takes the next piece when it has done its last. Raises the first error of any.
    """
    if isinstance(x, np.ndarray):
        _in_use.get().spread(work, pieces)
    else:
        for piece in pieces:
            work(piece, 0)


def share(count: int, workers: int, most: int) -> int:
    """Return how many of `count` things make a share, at most `most`, so that each worker gets as many shares."""
    rounds = -(-count // (workers * most))
    return -(-count // (workers * rounds))


def cut(count: int, size: int) -> list[slice]:
    """Cut `count` things into slices of a size; the last one may be smaller."""
    return [slice(first, min(first + size, count)) for first in range(0, count, size)]


def matmul(a: Array, b: Array, out: Array) -> None:
    """Write the product of a (m, k) and b (k, n) into out (m, n), in shares of rows if there are workers."""
    if not isinstance(a, np.ndarray):
        serial_matmul(a, b, out)
        return
    rows, workers = len(a), workers_for(a)
    if workers == 1 or out.size * len(b) < _LEAST:
        np.matmul(a, b, out=out)
        return

    def multiply(of: slice, _: int) -> None:
        np.matmul(a[of], b, out=out[of])

    spread(multiply, cut(rows, share(rows, workers, most=rows)), a)
