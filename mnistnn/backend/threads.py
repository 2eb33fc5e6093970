"""Threads of the arithmetic: BLAS has one, and the workers of a run take pieces of work.

BLAS's own threads would spin between products. On a machine that has other work they wait for each other's turn, and a
product of 0.1 ms takes 4 ms or more; and how many there are decides the last bits. So BLAS computes on the thread that
calls it, and products, convolutions and long vectors are cut into pieces that workers take (`workers.py`,
`pieces.py`): the same bits with any number of them.

A run owns its workers, and kernels find those of the run that they compute for by the context that they run in: so a
kernel's signature stays that of its formula, and two runs in one process have nothing of each other's.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from mnistnn.backend import pieces
from mnistnn.backend.matmul import serial_matmul
from mnistnn.backend.workers import Piece, Workers
from mnistnn.types import Array

if TYPE_CHECKING:
    from threadpoolctl import threadpool_limits

_PARTS = 4  # of long vectors for each worker: one that is kept waiting leaves the rest to others

_EVERYTHING = slice(None)

_ALONE = Workers(1)
_in_use: ContextVar[Workers] = ContextVar("workers", default=_ALONE)


class _OneBlasThread:
    """Keeps BLAS, of which a process has one, to one thread while anybody computes; then what was before comes back."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._holders = 0
        self._before: threadpool_limits | None = None
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        """Let a forked process have a lock that nobody holds: another thread of its parent may have held the first."""
        self._lock = Lock()

    @contextmanager
    def held(self) -> Iterator[None]:
        from threadpoolctl import threadpool_limits

        with self._lock, _in_control():
            if not self._holders:
                self._before = threadpool_limits(limits=1, user_api="blas")
            self._holders += 1
        try:
            yield
        finally:
            with self._lock, _in_control():
                self._holders -= 1
                if not self._holders and self._before is not None:
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


_blas = _OneBlasThread()


@contextmanager
def allowed(most: int) -> Iterator[Workers]:
    """Let the arithmetic of this context use up to `most` threads; yield them."""
    workers = Workers(most)
    with _blas.held(), closing(workers):
        token = _in_use.set(workers)
        try:
            yield workers
        finally:
            _in_use.reset(token)


def in_use() -> Workers:
    """Return the workers of what this context computes."""
    return _in_use.get()


def workers_for(x: Array) -> int:
    """Return how many workers there may be for work on x: of a GPU's, one, which queues it."""
    return _in_use.get().most if isinstance(x, np.ndarray) else 1


def spread(work: Callable[[Piece, int], None], parts: Sequence[Piece], x: Array) -> None:
    """Call work(piece, worker) for each piece, with worker in 0..workers_for(x) − 1; return when all are done.

    A worker takes the next piece when it has done its last. Raises the first error of any.
    """
    if isinstance(x, np.ndarray):
        _in_use.get().spread(work, parts)
    else:
        for piece in parts:
            work(piece, 0)


def is_long(x: Array) -> bool:
    """Tell whether element-wise work on x is worth cutting; never on a GPU."""
    return isinstance(x, np.ndarray) and x.size >= 2 * pieces.ELEMENTS


def along(work: Callable[[slice, int], None], x: Array) -> None:
    """Call work(part, worker) for parts that cover the first axis of x: for work element by element, of which no bit
    depends on where it is cut. So a short one is not cut, nor one for a single worker.
    """
    workers = _in_use.get() if is_long(x) else _ALONE
    if workers.taking_part == 1:
        work(_EVERYTHING, 0)
        return
    count = len(x)
    size = max(-(-pieces.ELEMENTS * count // x.size), -(-count // (_PARTS * workers.taking_part)))
    workers.spread(work, pieces.cut(count, size))


def matmul(a: Array, b: Array, out: Array) -> None:
    """Write the product of a (m, k) and b (k, n) into out (m, n), in pieces of out."""
    if not isinstance(a, np.ndarray):
        serial_matmul(a, b, out)
        return
    if len(b) == 1:
        _outer(a, b, out)
        return
    cut = pieces.of_product(*a.shape, b.shape[1]) if out.size * len(b) >= pieces.CUT_FROM[0] else None
    if cut is not None and out.strides[0] < out.strides[1]:  # column by column, as BLAS need not be told
        a, b, out = b.T, a.T, out.T
        cut = pieces.of_product(*a.shape, b.shape[1])
    if cut is None:
        np.matmul(a, b, out=out)
    else:
        _in_use.get().multiply(a, b, out, cut)


def _outer(a: Array, b: Array, out: Array) -> None:
    """Write the product of a column a (m, 1) and a row b (1, n), as a batch of one example has it, into out (m, n).

    Nothing is added up, so it is element-wise work; BLAS takes twice to five times as long.
    """
    if out.strides[0] < out.strides[1]:
        a, b, out = b.T, a.T, out.T
    along(lambda part, _: np.multiply(a[part], b, out=out[part]), out)
