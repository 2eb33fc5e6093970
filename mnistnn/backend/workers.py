"""Worker threads: the one that calls, and others that help it with pieces of work.

A helper that has nothing to do sleeps. Before, it looks for a moment (`handover.py`) for the next thing to do, if that
can be done in compiled code; it never spins for long, so it takes little from what else the machine has
to do. Pieces lie in one list, and whoever is free takes the next. The caller works too and waits, at the end, only for
pieces that a helper has begun: a helper that the machine has no core for costs nothing, the others do its share.

Which worker does a piece decides nothing but time. Whoever cuts work into pieces does so by the shapes of arrays alone
(`pieces.py`), and adds up what pieces have summed in their order; so results have the same bits with any number of
workers, which may change between two calls.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from itertools import count
from threading import Lock, Thread
from time import sleep
from typing import Any, TypeVar

import numpy as np

from mnistnn.backend.handover import Handover
from mnistnn.backend.pieces import ProductPieces
from mnistnn.types import Array

Piece = TypeVar("Piece")

_NAP_S = 1e-4


class Workers:
    """At most `most` threads, the caller included; helpers start when they are first needed.

    taking_part  how many take part at the moment, the caller included: 1 to `most`
    calls        how often there was work for more than one
    seconds      spent in updates, by how many took part
    """

    def __init__(self, most: int) -> None:
        self.most = self.taking_part = most
        self.calls = 0
        self.seconds: defaultdict[int, float] = defaultdict(float)
        self._helpers: list[_Helper] = []
        self._is_refused = False  # whether the system has refused a thread
        self._free = Lock()
        self.handover: Handover | None = None
        """Where helpers look for products, if that is possible: from the first one on that is shared."""
        self._is_chosen = False

    def spread(self, work: Callable[[Piece, int], None], pieces: Sequence[Piece]) -> None:
        """Call work(piece, worker) for each piece, with worker in 0 to most − 1; return when all are done.

        Inside of a piece, the caller does all by itself. Raises the first error of any piece; those that were not begun
        by then are left out.
        """
        self.calls += len(pieces) > 1
        helping = min(self.taking_part, len(pieces)) - 1
        job: _Job | None = None
        if helping < 1 or not self._free.acquire(blocking=False):
            for piece in pieces:
                work(piece, 0)
            return
        try:
            job = _Job(work, pieces)
            helpers = self._helpers_for(helping)
            for helper in helpers:
                helper.give(job)
            if self.handover is not None:
                self.handover.call()
            for helper in helpers:
                helper.wake()
            job.take_part(0)
            job.finished.acquire()
        except BaseException:  # Ctrl-C, between two pieces: what helpers have begun, they still write
            if job is not None:
                job.end_without_caller()
            raise
        finally:
            self._free.release()
        if job.errors:
            raise job.errors[0]

    def multiply(self, a: Array, b: Array, out: Array, cut: ProductPieces) -> None:
        """Write the product of a (m, k) and b (k, n) into out (m, n), piece by piece."""
        helping = min(self.taking_part, len(cut.parts)) - 1
        if helping > 0 and not self._is_chosen:
            self.handover, self._is_chosen = Handover.possible(), True
        handover = self.handover if helping > 0 else None
        if handover is not None and handover.can_multiply(a, b, out, cut.last) and self._free.acquire(blocking=False):
            self.calls += 1
            try:
                for helper in self._helpers_for(helping):
                    helper.wake()
                handover.multiply(a, b, out, cut.size, len(cut.parts), helping + 1)
            finally:
                self._free.release()
            return

        def multiply(part: tuple[slice, slice], _: int) -> None:
            rows, columns = part
            np.matmul(a[rows], b[:, columns], out=out[part])

        self.spread(multiply, cut.parts)

    def _helpers_for(self, helping: int) -> "Sequence[_Helper]":
        """Return so many helpers, or those that there are where the system refuses another thread."""
        while len(self._helpers) < helping and not self._is_refused:
            try:
                self._helpers.append(_Helper(self, len(self._helpers) + 1))
            except RuntimeError:  # a limit of processes, or of memory
                self._is_refused = True
        return self._helpers[:helping]

    def close(self) -> None:
        """End the helpers."""
        for helper in self._helpers:
            helper.is_to_end = True
        if self.handover is not None:
            self.handover.call()
        for helper in self._helpers:
            helper.wake()
        for helper in self._helpers:
            helper.thread.join()
        self._helpers.clear()


class _Job:
    """Pieces of work that several workers take from one list."""

    def __init__(self, work: Callable[[Piece, int], None], pieces: Sequence[Piece]) -> None:
        self.errors: list[BaseException] = []
        self.finished = Lock()
        """Free once all pieces have ended."""
        self.finished.acquire()
        self._work: Callable[[Any, int], None] = work
        # Iterators written in C, so that each of several threads gets another one.
        self._left: Iterator[Any] = iter(pieces)
        self._count, self._ended = len(pieces), count(1)
        self._helping: set[int] = set()  # helpers that are at it

    def help(self, worker: int) -> None:
        """Take part as a helper."""
        self._helping.add(worker)
        try:
            self.take_part(worker)
        finally:
            self._helping.discard(worker)

    def end_without_caller(self) -> None:
        """Begin no more pieces, and wait until no helper is at one: whoever was interrupted may use its memory anew."""
        for _ in self._left:
            pass
        while self._helping:
            with suppress(KeyboardInterrupt):  # it is on its way already
                sleep(_NAP_S)

    def take_part(self, worker: int) -> None:
        """Do pieces until none is left that nobody has begun."""
        for piece in self._left:
            try:
                if not self.errors:
                    self._work(piece, worker)
            except BaseException as error:
                self.errors.append(error)
            if next(self._ended) == self._count:
                self.finished.release()


class _Helper:
    """A thread that helps, looks for more, and sleeps until it is woken."""

    def __init__(self, workers: Workers, number: int) -> None:
        self._workers, self._number = workers, number
        self.is_to_end = False
        self._job: tuple[Context, _Job] | None = None
        self._asleep = Lock()  # taken: nobody has woken it
        self._asleep.acquire()
        self.thread = Thread(target=self._help, name=f"mnistnn-{number}", daemon=True)
        self.thread.start()

    def give(self, job: _Job) -> None:
        """Leave it a job, for a copy of the caller's context: NumPy keeps there how it treats overflows.

        One who is still busy, and sees it too late or never, is not missed.
        """
        self._job = copy_context(), job

    def wake(self) -> None:
        if self._asleep.locked():
            self._asleep.release()

    def _help(self) -> None:
        seen = 0
        while not self.is_to_end:
            job, self._job = self._job, None
            if job is not None:
                job[0].run(job[1].help, self._number)
                del job
            handover = self._workers.handover
            if handover is not None:
                before, seen = seen, handover.wait(self._number, seen)
                if seen != before and handover.is_call(seen):
                    continue
            if self._job is None and not self.is_to_end:
                self._asleep.acquire()
