"""Where trials and members are done: behind `concurrent.futures.Executor`, in processes of this machine or of many."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, Protocol

from mnistnn.runner import signals
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
        context = _Context()
        with signals.held_back():
            _begin_tracker()
        told, tell = context.Pipe(duplex=False)
        with told, tell:
            executor = ProcessPoolExecutor(
                workers or self.workers, mp_context=context, initializer=_begin_worker, initargs=(told, os.getpid())
            )
            pool = LocalPool(executor, tell, context.started)
            try:
                with stopped_by_errors(pool):
                    yield pool
            finally:
                executor.shutdown(cancel_futures=True)
                pool.close()


def _begin_tracker() -> None:
    """Start the process that removes semaphores of processes that died, unless there is one. It would die of a closed
    terminal, so signals are to be held back; and it would report what a second Ctrl-C leaves to it.
    """
    sys.warnoptions.append("ignore:resource_tracker:UserWarning")  # with which Python starts processes of its own
    try:
        resource_tracker.ensure_running()
    finally:
        sys.warnoptions.pop()


class _Worker(SpawnProcess):
    """A process that is started with signals held back: until it can heed them, they must not end it."""

    def start(self) -> None:
        with signals.held_back():
            super().start()


class _Context(SpawnContext):
    """Starts workers, and knows them. They are spawned: a fork copies locks of BLAS and Numba as they happen to be."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[_Worker] = []

    def Process(self, *arguments: Any, **options: Any) -> _Worker:  # type: ignore[override] # a class, there
        self.started.append(_Worker(*arguments, **options))
        return self.started[-1]


@dataclass
class LocalPool:
    """Processes that were spawned, and the pipe whose other end all of them watch.

    A byte in the pipe asks them to stop; its end tells that this process is gone. Unlike a semaphore, it cannot be left
    locked by a process that is killed.
    """

    executor: ProcessPoolExecutor
    tell: Connection
    workers: list[_Worker]
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


def _begin_worker(told: Connection, parent: int) -> None:
    """Let a worker process save and end when it is told to, by its parent or by a signal, and when the parent is gone.

    A signal never ends it at once: that is for the parent to say, whom all signals of a terminal reach alone. What is
    under way is saved, and the parent may give the rest of it to any worker; SIGTERM, which is what a broken executor
    sends, ends the process after that.
    """
    os.setpgid(0, 0)
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
    watch = partial(_watch, told, parent, terminated, told_by_parent, lambda: worker.is_at_work)
    threading.Thread(target=watch, daemon=True, name="mnistnn-stop").start()


def _watch(
    told: Connection,
    parent: int,
    terminated: Sequence[int],
    told_by_parent: list[bool],
    is_at_work: Callable[[], bool],
) -> None:
    """Wait until this process is told to end, and see to it that it does.

    Usually it is its executor that ends it, once it has nothing to do. If the executor is broken, it has sent SIGTERM.
    """
    while not (told.poll(_POLL_S) or terminated):
        pass
    ends_at, idle_s = time.monotonic() + _PATIENCE_S, 0.0
    told_by_parent.append(True)
    os.kill(os.getpid(), signal.SIGUSR1)  # to the main thread, which heeds it whatever it is at
    while True:
        time.sleep(_POLL_S)
        if is_at_work():
            idle_s = 0.0
            if time.monotonic() > ends_at:
                break
        else:
            idle_s += _POLL_S
            if os.getppid() != parent or (terminated and idle_s > _IDLE_S):
                break
    os._exit(1)
