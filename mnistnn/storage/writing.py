"""The one way in which mnistnn writes a file: all of it, or nothing.

A reader sees the old content or the new one, never a mixture, also after a power cut: the bytes go to a temporary
name in the same folder, are forced to the disk, and take the final name in one step. A failed fsync is not retried:
the kernel may have dropped the dirty pages already, so only writing again would help.
"""

import errno
import fcntl
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from mnistnn.errors import ResourceError
from mnistnn.storage.opening import foreign, open_own

_TEMPORARY = ".tmp"
_RESOURCE_ERRNOS = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "disk quota exceeded",
    errno.EROFS: "the file system is read-only",
    errno.EIO: "input/output error",
    errno.EMFILE: "too many open files",
    errno.ENFILE: "too many open files on this system",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENAMETOOLONG: "the file name is too long",
}


def is_text(name: str) -> bool:
    """Tell whether a name is text in UTF-8, and not bytes of another encoding, which no JSON file can hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def resource_error(path: Path, error: OSError) -> ResourceError:
    """Say in one line which path could not be written, and why."""
    reason = _RESOURCE_ERRNOS.get(error.errno or 0) or error.strerror or str(error)
    return ResourceError(f"{path}: {reason}")


def write_atomically(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write `content`, whole or in pieces, to `path`, replacing what was there in one step.

    When this returns, the bytes and the name are on the disk. Raises ResourceError, and leaves neither a temporary
    file nor a changed `path`, when the disk refuses; if it only refuses the very last step, to confirm the new name,
    the new content stands. An exception of the iterable passes through with the same care; it must not be an OSError,
    which would be taken for the disk's.
    """
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}{_TEMPORARY}")
    pieces = (content,) if isinstance(content, bytes) else content
    try:
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            with os.fdopen(descriptor, "wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise resource_error(path, error) from error


def append_line(path: Path, text: str) -> None:
    """Add a line to a file that only grows; it is on the disk once `force` was called too.

    A last line without an end, which a killed process or a full disk left, is cut off first: it was never reported as
    written. Several processes may append, one at a time. Raises ResourceError, and RunError for a link or a pipe.
    """
    line = (text + "\n").encode()
    try:
        with open(path, "ab+", buffering=0, opener=open_own) as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed: a line under way must not look torn to others
            _cut_off_torn_line(file)
            if file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        raise foreign(path, error) or resource_error(path, error) from error


def remove_last_line(path: Path, text: str) -> None:
    """Take back a line that was appended, also one that is torn, if nothing came after it. Raises ResourceError."""
    line = (text + "\n").encode()
    try:
        with open(path, "rb+", buffering=0, opener=open_own) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            content = file.read()
            begin = content.rstrip(b"\n").rfind(b"\n") + 1
            if line.startswith(content[begin:]):
                os.truncate(file.fileno(), begin)
    except FileNotFoundError:
        return
    except OSError as error:
        raise foreign(path, error) or resource_error(path, error) from error


def _cut_off_torn_line(file: BinaryIO) -> None:
    end = file.seek(0, os.SEEK_END)
    if not end or os.pread(file.fileno(), 1, end - 1) == b"\n":
        return
    file.seek(0)
    os.truncate(file.fileno(), file.read().rfind(b"\n") + 1)


def force(paths: Iterable[Path]) -> None:
    """Force what was appended to files, and their names, to the disk. Raises ResourceError."""
    folders = {}
    for path in paths:
        try:
            with open(path, "ab", buffering=0, opener=open_own) as file:
                os.fsync(file.fileno())
        except OSError as error:
            raise foreign(path, error) or resource_error(path, error) from error
        folders[path.parent] = path
    for folder, path in folders.items():
        try:
            sync_folder(folder)
        except OSError as error:
            raise resource_error(path, error) from error


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of writers that were killed. Nobody else may be writing in the folder."""
    try:
        for path in folder.glob(f".*.{'?' * 12}{_TEMPORARY}"):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise resource_error(folder, error) from error


def sync_folder(folder: Path) -> None:
    """Force a folder's entries (new, renamed, removed names) to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
