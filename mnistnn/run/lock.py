"""One writer per run directory: an advisory lock that the operating system drops when its holder dies."""

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from mnistnn.errors import BusyError
from mnistnn.files import resource_error
from mnistnn.run.directory import RunDirectory


@contextmanager
def exclusive(run: RunDirectory) -> Iterator[None]:
    """Hold the run's lock. Raises BusyError at once if another process holds it; a left-over file means nothing."""
    lock = FileLock(run.lock)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BusyError(f"{run.path} is in use by another mnistnn process") from None
    except OSError as error:
        raise resource_error(run.lock, error) from error
    try:
        yield
    finally:
        lock.release()


def is_held(run: RunDirectory) -> bool:
    """Tell whether a live process holds the run's lock."""
    if not run.lock.exists():
        return False
    try:
        with FileLock(run.lock).acquire(timeout=0):
            return False
    except (Timeout, OSError):
        return True
