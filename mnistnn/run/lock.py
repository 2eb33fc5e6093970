"""One writer per run directory: an advisory lock that the operating system drops when its holder dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mnistnn.errors import BusyError
from mnistnn.run.directory import RunDirectory
from mnistnn.storage.locking import is_locked
from mnistnn.storage.names import MOVES_WHAT_IS_OPEN
from mnistnn.storage.opening import open_own
from mnistnn.storage.writing import resource_error

# `is_held` takes the lock for an instant; a writer that meets it there need not give up.
_WAIT_S, _POLL_S = 0.1, 0.01


@contextmanager
def exclusive(run: RunDirectory) -> Iterator[None]:
    """Hold the run's lock. Raises BusyError at once if another process holds it; a left-over file means nothing."""
    lock = FileLock(run.lock)
    try:
        lock.acquire(timeout=_WAIT_S, poll_interval=_POLL_S)
    except Timeout:
        raise busy(run) from None
    except OSError as error:
        raise resource_error(run.lock, error) from error
    try:
        yield
    finally:
        lock.release()


def rename(run: RunDirectory, path: Path) -> None:
    """Rename the folder of a run that nobody uses. Raises BusyError, OSError, ResourceError.

    Where a folder cannot be renamed in which a file is open, the lock is one that is, and has to be given up first. Who
    takes it then has it open too, and the renaming fails.
    """
    with exclusive(run):
        if MOVES_WHAT_IS_OPEN:
            run.path.rename(path)
            return
    run.path.rename(path)


def busy(run: RunDirectory) -> BusyError:
    """Return the error of whoever finds the lock held."""
    return BusyError(f"{run.path} is in use by another mnistnn process")


def is_held(run: RunDirectory) -> bool:
    """Tell whether a live process holds the run's lock. Writes nothing, so it can ask about anybody's run."""
    try:
        with open(run.lock, "rb", opener=open_own) as file:
            return is_locked(file.fileno())
    except OSError:  # no lock file, or one that cannot be opened
        return False
