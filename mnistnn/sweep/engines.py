"""Where trials and members are done: behind `concurrent.futures.Executor`, in processes of this machine or of many."""

import os
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from mnistnn.runner import signals
from mnistnn.sweep import processes
from mnistnn.sweep.trial import process_worker

_POLL_S = 0.1
_PATIENCE_S = 5.0
"""How long a worker that was asked to stop may take to complete an update and save. Then it ends as it is, which loses
what came after its last checkpoint, and nothing else."""
_LAST_S = 2.0
"""How much later it is killed from outside, should it not even come to that."""
_IDLE_S = 1.0
"""How long a worker of a broken executor, which was told to end, waits for the word of the executor that it may."""


class Pool(Protocol):
    """An executor, and the request to all that it runs to save and stop."""

    @property
    def executor(self) -> Executor: ...

    @property
    def session(self) -> str:
        """What its workers know by that a trial was submitted by this pool."""
        ...

    @property
    def lost(self) -> tuple[type[Exception], ...]:
        """What a future raises whose worker died, or several in turn where that is tried elsewhere."""
        ...

    def stop(self, waiting: Collection[Future[Any]] = ()) -> None:
        """Let what is under way save and end, and begin no more of what was submitted and is waited for."""
        ...

    def kill(self) -> None:
        """End at once what would otherwise outlive this process."""
        ...


class Engine(Protocol):
    """Opens pools of workers, one after the other."""

    def open(self, workers: int | None = None) -> AbstractContextManager[Pool]:
        """Return a pool as a context; `workers` limits how many trials are done at a time, where that can be.

        What is under way when the block is left by an exception saves and ends.
        """
        ...


@contextmanager
def stopped_by_errors(pool: Pool) -> Iterator[None]:
    """Return the context that lets what is under way in a pool save and end when an exception leaves it."""
    try:
        yield
    except BaseException:
        pool.stop()
        raise


@dataclass(frozen=True)
class Local:
    """Processes on this machine, each of which does one trial after the other."""

    workers: int

    @contextmanager
    def open(self, workers: int | None = None) -> Iterator["LocalPool"]:
        context = processes.Context()
        processes.begin_tracker()
        told, tell = context.Pipe(duplex=False)
        with told, tell:
            executor = ProcessPoolExecutor(
                workers or self.workers, mp_context=context, initializer=_begin_worker, initargs=(told,)
            )
            pool = LocalPool(executor, tell, context.started)
            try:
                with stopped_by_errors(pool):
                    yield pool
            finally:
                executor.shutdown(cancel_futures=True)
                pool.close()


@dataclass
class LocalPool:
    """Processes that were spawned, and the pipe whose other end all of them watch.

    A byte in the pipe asks them to stop; its end tells that this process is gone. Unlike a semaphore, it cannot be left
    locked by a process that is killed.
    """

    executor: ProcessPoolExecutor
    tell: processes.Connection
    workers: list[processes.Worker]
    session: str = ""  # its workers end with it
    lost: tuple[type[Exception], ...] = (BrokenExecutor,)
    _killing: threading.Timer | None = field(default=None, init=False)

    def stop(self, waiting: Collection[Future[Any]] = ()) -> None:
        """Let all of it end, within seconds. What is waited for is not cancelled: a worker that is asked to stop ends
        it without beginning it, and an executor whose processes died cannot cope with what was cancelled.
        """
        if self._killing is not None:
            return
        self._killing = threading.Timer(_PATIENCE_S + _LAST_S, self.kill)
        self._killing.daemon = True
        self._killing.start()
        self.tell.send_bytes(b"s")

    def kill(self) -> None:
        for worker in self.workers:
            worker.kill()

    def close(self) -> None:
        if self._killing is not None:
            self._killing.cancel()


def _begin_worker(told: processes.Connection) -> None:
    """Let a worker process save and end when it is told to, by its parent or by a signal, and when the parent is gone.

    A signal never ends it at once: that is for the parent to say, whom all signals of a terminal reach alone. What is
    under way is saved, and the parent may give the rest of it to any worker; SIGTERM, which is what a broken executor
    sends, ends the process after that. (On Windows Ctrl-C reaches a worker too. It comes to the same, as the parent is
    about to tell it.)
    """
    processes.leave_terminal()
    worker = process_worker()
    worker.watches_signals = False
    terminated: list[int] = []
    told_by_parent: list[bool] = []

    def ask(number: int, _frame: object) -> None:
        if number == signal.SIGTERM:
            terminated.append(number)
        if terminated or told_by_parent:
            worker.stop()
        else:
            worker.interrupt()

    for number in signals.WATCHED:
        signal.signal(number, ask)
    signals.let_through()
    watch = partial(_watch, told, terminated, told_by_parent, lambda: worker.is_at_work)
    threading.Thread(target=watch, daemon=True, name="mnistnn-stop").start()


def _watch(
    told: processes.Connection,
    terminated: Sequence[int],
    told_by_parent: list[bool],
    is_at_work: Callable[[], bool],
) -> None:
    """Wait until this process is told to end, and see to it that it does.

    Usually it is its executor that ends it, once it has nothing to do. If the executor is broken, it has sent SIGTERM.
    """
    while not (_is_told(told) or terminated):
        pass
    ends_at, idle_s = time.monotonic() + _PATIENCE_S, 0.0
    told_by_parent.append(True)
    signals.rouse()
    while True:
        time.sleep(_POLL_S)
        if is_at_work():
            idle_s = 0.0
            if time.monotonic() > ends_at:
                break
        else:
            idle_s += _POLL_S
            if processes.is_orphan() or (terminated and idle_s > _IDLE_S):
                break
    os._exit(1)


def _is_told(told: processes.Connection) -> bool:
    """Tell, after a moment at most, whether there is something in the pipe, or its other end is gone."""
    try:
        return told.poll(_POLL_S)
    except OSError:  # how Windows tells of that end
        return True
