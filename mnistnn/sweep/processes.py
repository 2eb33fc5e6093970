"""Processes that are spawned as workers: how they begin, and how they find out that who began them is gone."""

import multiprocessing
import os
import sys
from contextlib import suppress
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

from mnistnn.runner import signals

__all__ = ["Connection", "Context", "Worker", "begin_tracker", "give_way", "is_orphan", "leave_terminal"]

_NICENESS = 5

if sys.platform == "win32":
    from multiprocessing.connection import PipeConnection as Connection

    def begin_tracker() -> None:
        """Do nothing: on Windows what processes share goes with the last of them."""

    def give_way() -> None:
        """Do nothing: on Windows all go first."""

    def leave_terminal() -> None:
        """Do nothing: on Windows what is typed reaches all processes of a console. See `engines`."""

else:
    from multiprocessing import resource_tracker
    from multiprocessing.connection import Connection

    def begin_tracker() -> None:
        """Start the process that removes semaphores of processes that died, unless there is one. It would die of a
        closed terminal, so signals are held back; and it would report what a second Ctrl-C leaves to it.
        """
        sys.warnoptions.append("ignore:resource_tracker:UserWarning")  # with which Python starts processes of its own
        try:
            with signals.held_back():
                resource_tracker.ensure_running()
        finally:
            sys.warnoptions.pop()

    def give_way() -> None:
        """Let other processes, which train, go first wherever they want the same core as this one."""
        with suppress(OSError):
            os.nice(_NICENESS)

    def leave_terminal() -> None:
        """Let the signals of the terminal (Ctrl-C, its end) reach the parent of this process alone."""
        os.setpgid(0, 0)


class Worker(SpawnProcess):
    """A process that is started with signals held back: until it can heed them, they must not end it."""

    def start(self) -> None:
        with signals.held_back():
            super().start()


class Context(SpawnContext):
    """Starts workers, and knows them. They are spawned: a fork copies locks of BLAS and Numba as they happen to be."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[Worker] = []

    def Process(self, *arguments: Any, **options: Any) -> Worker:  # type: ignore[override] # a class, there
        self.started.append(Worker(*arguments, **options))
        return self.started[-1]


def is_orphan() -> bool:
    """Tell whether the process is gone that began this one."""
    parent = multiprocessing.parent_process()
    return parent is not None and not parent.is_alive()
