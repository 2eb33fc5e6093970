"""Locks of open files, which the operating system drops when the file is closed: also by the death of its holder.

On POSIX systems that is `flock`: of a whole file, and heeded by those who ask for it only. Descriptors made by `os.dup`
have one lock together.

Windows locks bytes, and refuses others to read or to write them meanwhile. So one byte is locked that lies far behind
the end of what is locked here. It knows no lock that is tried for without being taken: who looks for an instant is met
there by others who look, so `is_locked` looks several times.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

if sys.platform == "win32":
    import msvcrt

    GRACE_S = 60.0
    """For how long a file may still be its writer's after the last write, although it is not locked."""

    _FAR_BYTE = (1 << 31) - 2  # msvcrt.locking takes a place of 31 bits
    _FILELOCK_BYTE = 0
    _POLL_S = 0.01
    _LOOKS = 5

    def lock(descriptor: int) -> None:
        """Lock an open file, and wait for whoever has it locked. Raises OSError."""
        while True:
            try:
                return lock_at_once(descriptor)
            except BlockingIOError:
                time.sleep(_POLL_S)

    def lock_at_once(descriptor: int) -> None:
        """Lock an open file. Raises BlockingIOError if somebody has it locked."""
        _lock_byte(descriptor, _FAR_BYTE)

    def is_locked(descriptor: int) -> bool:
        """Tell whether somebody holds the file as a `filelock.FileLock`. Raises OSError if nobody can tell."""
        for look in range(_LOOKS):
            if look:
                time.sleep(_POLL_S)
            try:
                _lock_byte(descriptor, _FILELOCK_BYTE)
            except BlockingIOError:
                continue
            return False
        return True

    @contextmanager
    def still_locked(descriptor: int) -> Iterator[None]:  # noqa: ARG001 # it says of which file, elsewhere
        """Do nothing: Windows renames no file that is open, so the lock has to end when the descriptor is closed."""
        yield

    def _lock_byte(descriptor: int, place: int) -> None:
        before = os.lseek(descriptor, 0, os.SEEK_CUR)
        os.lseek(descriptor, place, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(error.errno, "locked by somebody else") from error
        finally:
            os.lseek(descriptor, before, os.SEEK_SET)

else:
    import fcntl

    GRACE_S = 0.0

    def lock(descriptor: int) -> None:
        """Lock an open file, and wait for whoever has it locked. Raises OSError."""
        fcntl.flock(descriptor, fcntl.LOCK_EX)

    def lock_at_once(descriptor: int) -> None:
        """Lock an open file. Raises BlockingIOError if somebody has it locked, OSError where there are no locks."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def is_locked(descriptor: int) -> bool:
        """Tell whether somebody holds the file as a `filelock.FileLock`. Raises OSError if nobody can tell."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False

    @contextmanager
    def still_locked(descriptor: int) -> Iterator[None]:
        """Let the lock of a descriptor, which the block closes, last until the end of the block.

        Raises OSError if there can be no second descriptor of the file, and closes the first one.
        """
        try:
            second = os.dup(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        try:
            yield
        finally:
            os.close(second)
