"""Names of files: given, and taken away, while other processes may have the files open.

POSIX systems do that at once. Windows refuses it as long as somebody has the file open and has not allowed it, which is
how Python opens files: a reader for a millisecond, a scanner for viruses for a second. So it is tried there again for a
while.
"""

import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

MOVES_WHAT_IS_OPEN = sys.platform != "win32"
"""Whether a folder can be renamed in which a file is open."""

_PATIENCE_S = 0.0 if MOVES_WHAT_IS_OPEN else 5.0
_POLL_S = 0.01
_NO_LINKS = {errno.EPERM, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""What file systems say that have no symbolic links: Linux's FAT, network drives."""


def replace(source: Path, target: Path) -> None:
    """Give a file a name, in one step, also if another file has it. Raises OSError."""
    _patiently(lambda: os.replace(source, target))


def remove(path: Path) -> None:
    """Remove a file. Raises OSError."""
    _patiently(lambda: os.unlink(path))


def link(target: str, path: Path) -> bool:
    """Make a symbolic link to a folder; tell whether there can be one here. Raises OSError for all other reasons.

    Windows has links only for those with a privilege, and does not replace one by another in one step: there can be
    none.
    """
    if sys.platform != "win32":
        try:
            os.symlink(target, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
        else:
            return True
    return False


def _patiently(step: Callable[[], None]) -> None:
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return step()
        except PermissionError:
            if time.monotonic() >= until:
                raise
        time.sleep(_POLL_S)
