"""How files are opened: never so that it waits, and those inside a run or a sweep only if they are what they seem."""

import errno
import os
import stat
from pathlib import Path

from mnistnn.errors import RunError


class NotRegularError(OSError):
    """Neither a regular file nor a folder: a pipe, a device."""

    def __init__(self) -> None:
        super().__init__(0, "not a regular file")


def open_without_waiting(name: str, flags: int) -> int:
    """Open as the `opener` of `open`: a pipe does not wait for its writer, a terminal does not become the process's."""
    return os.open(name, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, 0o644)


def open_own(name: str, flags: int) -> int:
    """Open, as the `opener` of `open`, a file inside a run or a sweep.

    Raises OSError for a link, which is not followed, and for what is no regular file.
    """
    descriptor = open_without_waiting(name, flags | os.O_NOFOLLOW)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRegularError
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def foreign(path: Path, error: OSError) -> RunError | None:
    """Return the error of `open_own` as one of the run, None if it is of another kind."""
    if error.errno == errno.ELOOP:
        return RunError(f"{path}: a symbolic link, where a file of its own belongs")
    is_pipe = error.errno == errno.ENXIO  # that nobody reads, opened for writing
    return RunError(f"{path}: not a file") if is_pipe or isinstance(error, NotRegularError) else None
