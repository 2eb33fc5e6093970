"""Where trials are done: behind `concurrent.futures.Executor`, in processes of this machine or of many."""

import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from typing import Protocol

from mnistnn.sweep.trial import process_worker

_POLL_S = 0.1


class Pool(Protocol):
    """An executor, and the request to all that it runs to save and stop."""

    @property
    def executor(self) -> Executor: ...

    @property
    def session(self) -> str:
        """What its workers know by that a trial was submitted by this pool."""
        ...

    def stop(self) -> None: ...


class Engine(Protocol):
    """Opens pools of workers, one after the other."""

    def open(self, workers: int | None = None) -> AbstractContextManager[Pool]:
        """Return a pool as a context; `workers` limits how many trials are done at a time, where that can be."""
        ...


@dataclass(frozen=True)
class Local:
    """Processes on this machine, each of which does one trial after the other."""

    workers: int

    @contextmanager
    def open(self, workers: int | None = None) -> Iterator["LocalPool"]:
        # Spawned, not forked: a fork copies locks of BLAS and Numba as they happen to be.
        context = multiprocessing.get_context("spawn")
        stopping = context.Event()
        executor = ProcessPoolExecutor(
            workers or self.workers, mp_context=context, initializer=_begin_worker, initargs=(stopping, os.getpid())
        )
        try:
            yield LocalPool(executor, stopping)
        finally:
            executor.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class LocalPool:
    """Processes that were spawned, and the event that asks them to stop."""

    executor: ProcessPoolExecutor
    stopping: Event
    session: str = ""  # its workers end with it

    def stop(self) -> None:
        self.stopping.set()


def _begin_worker(stopping: Event, parent: int) -> None:
    """Let a worker process save and end when it is asked to, and when the process that started it is gone."""
    # Ctrl-C reaches all processes of the terminal's group. Here it counts by way of the one that was started by hand.
    os.setpgid(0, 0)

    def is_orphan() -> bool:
        return os.getppid() != parent

    def watch() -> None:
        while not (stopping.wait(_POLL_S) or is_orphan()):
            pass
        process_worker().stop()
        if is_orphan():  # nobody will ever end the wait for a next trial
            while process_worker().is_at_work:
                time.sleep(_POLL_S)
            os._exit(0)

    threading.Thread(target=watch, daemon=True, name="mnistnn-stop").start()
