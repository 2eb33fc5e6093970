"""How files are opened: never so that it waits, and those inside a run or a sweep only if they are what they seem."""

import errno
import os
import stat
from pathlib import Path

from mnistnn.errors import RunError

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
# Windows has no such files among others; and what Python opens there is inherited by no program, as O_CLOEXEC has it.
_NO_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
_BYTES = getattr(os, "O_BINARY", 0)  # Windows would turn each end of a line into two characters


class NotRegularError(OSError):
    """Neither a regular file nor a folder: a pipe, a device."""

    def __init__(self) -> None:
        super().__init__(0, "not a regular file")


def open_without_waiting(name: str, flags: int) -> int:
    """Open as the `opener` of `open`: a pipe does not wait for its writer, a terminal does not become the process's."""
    return os.open(name, flags | _NO_WAITING, 0o644)


def create_file(path: Path) -> int:
    """Return the descriptor of a file that is new, and open for writing bytes. Raises OSError."""
    return os.open(path, _NEW | _BYTES, 0o644)


def open_own(name: str, flags: int) -> int:
    """Open, as the `opener` of `open`, a file inside a run or a sweep.

    Raises OSError for a link, which is not followed, and for what is no regular file.
    """
    if not _NO_LINK and os.path.islink(name):  # where that cannot be asked of the opening itself
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
    descriptor = open_without_waiting(name, flags | _NO_LINK)
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
