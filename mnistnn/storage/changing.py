"""Changing a small file that processes share: read, changed and written again under a lock."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from mnistnn.errors import BusyError
from mnistnn.storage.writing import resource_error

_LOCK_WAIT_S = 30.0


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Hold the lock under which the file is changed; make the folder for it. Raises BusyError, ResourceError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(path.with_name(f".{path.name}.lock"))
        lock.acquire(timeout=_LOCK_WAIT_S)
    except filelock.Timeout as error:
        raise BusyError(f"{path}: another process is changing it, and does not finish") from error
    except OSError as error:
        raise resource_error(path, error) from error
    try:
        yield
    finally:
        lock.release()
