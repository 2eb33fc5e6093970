"""Forcing what was written to the medium, so that it is there after a power cut."""

import errno
import os
import sys
from pathlib import Path

_UNKNOWN = {errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTTY, errno.ENOSYS}
"""What a file system says that does not know F_FULLFSYNC. Another error is a write that failed, as one of fsync is."""

if sys.platform == "win32":

    def force_to_disk(descriptor: int) -> None:
        """Force the bytes of an open file to the disk: on Windows that is FlushFileBuffers. Raises OSError."""
        os.fsync(descriptor)

    def sync_folder(folder: Path) -> None:
        """Do nothing: Windows opens no folder as a file, and keeps names in the journal of its file system."""

else:
    import fcntl

    def force_to_disk(descriptor: int) -> None:
        """Force the bytes of an open file to the disk. Raises OSError.

        On macOS fsync returns when the drive has the bytes, which may keep them in a memory that loses them without
        power. F_FULLFSYNC, which macOS alone has, makes it write them out. File systems of other machines refuse that,
        and fsync is all they have (SQLite does the same).
        """
        full = getattr(fcntl, "F_FULLFSYNC", None)
        if full is not None:
            try:
                fcntl.fcntl(descriptor, full)
                return
            except OSError as error:
                if error.errno not in _UNKNOWN:
                    raise
        os.fsync(descriptor)

    def sync_folder(folder: Path) -> None:
        """Force a folder's entries (new, renamed, removed names) to the disk. Raises OSError."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            force_to_disk(descriptor)
        finally:
            os.close(descriptor)
