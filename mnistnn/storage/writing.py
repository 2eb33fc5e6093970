"""The one way in which mnistnn writes a file: all of it, or nothing.

A reader sees the old content or the new one, never a mixture, also after a power cut: the bytes go to a temporary
name in the same folder, are forced to the disk, and take the final name in one step. A failed fsync is not retried:
the kernel may have dropped the dirty pages already, so only writing again would help.

A writer holds a lock on its temporary file. So what a killed one left is known by it that nobody holds the lock, and
the next writer of the same name removes it.
"""

import errno
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from mnistnn.errors import ResourceError, RunError
from mnistnn.storage import locking, names
from mnistnn.storage.forcing import force_to_disk, sync_folder
from mnistnn.storage.opening import create_file, foreign, open_own

_TEMPORARY = ".tmp"
_LONGEST_PART = 100  # of a name, in that of its temporary file
_LEFTOVER_END = r"\.[0-9a-f]{12}\.tmp"
_LEFTOVER = re.compile(rf"\..*{_LEFTOVER_END}")
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


def own_file_error(path: Path, error: OSError) -> RunError | ResourceError:
    """Return the error of a file inside a run or a sweep: of a link or a pipe in its place, or of the disk."""
    return foreign(path, error) or resource_error(path, error)


def write_atomically(path: Path, content: bytes | Iterable[bytes], forced: bool = True) -> None:
    """Write `content`, whole or in pieces, to `path`, replacing what was there in one step.

    When this returns, the bytes and the name are on the disk. Raises ResourceError, and leaves neither a temporary
    file nor a changed `path`, when the disk refuses; if it only refuses the very last step, to confirm the new name,
    the new content stands. An exception of the iterable passes through with the same care; it must not be an OSError,
    which would be taken for the disk's.

    forced  False for what nothing relies on: a power cut may leave anything in its place
    """
    remove_leftovers(path.parent, path.name)
    pieces = (content,) if isinstance(content, bytes) else content
    try:
        with _temporary(path) as (temporary, descriptor):
            with os.fdopen(descriptor, "wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                if forced:
                    force_to_disk(file.fileno())
            names.replace(temporary, path)
        if forced:
            sync_folder(path.parent)
    except OSError as error:
        raise resource_error(path, error) from error


@contextmanager
def _temporary(path: Path) -> Iterator[tuple[Path, int]]:
    """Create a temporary file beside `path`; yield its name, and its descriptor, which the block closes.

    It is locked until the end of the block, so that nobody takes it for a leftover, and removed if the block fails.
    """
    while True:
        temporary = path.with_name(f".{path.name[:_LONGEST_PART]}.{secrets.token_hex(6)}{_TEMPORARY}")
        descriptor = create_file(temporary)
        with suppress(OSError):  # a file system without locks, where leftovers stay
            locking.lock(descriptor)
        if os.fstat(descriptor).st_nlink:
            break
        os.close(descriptor)  # somebody took it for a leftover before it was locked
    try:
        with locking.still_locked(descriptor):
            yield temporary, descriptor
    except BaseException:
        with suppress(FileNotFoundError):
            names.remove(temporary)
        raise


def append_line(path: Path, text: str) -> None:
    """Add a line to a file that only grows; it is on the disk once `force` was called too.

    A last line without an end, which a killed process or a full disk left, is cut off first: it was never reported as
    written. Several processes may append, one at a time. Raises ResourceError, and RunError for a link or a pipe.
    """
    line = (text + "\n").encode()
    try:
        with open(path, "ab+", buffering=0, opener=open_own) as file:
            locking.lock(file.fileno())  # until the file is closed: a line under way must not look torn to others
            _cut_off_torn_line(file)
            if file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        raise own_file_error(path, error) from error


def remove_last_line(path: Path, text: str) -> None:
    """Take back a line that was appended, also one that is torn, if nothing came after it. Raises ResourceError."""
    line = (text + "\n").encode()
    try:
        with open(path, "rb+", buffering=0, opener=open_own) as file:
            locking.lock(file.fileno())
            content = file.read()
            begin = content.rstrip(b"\n").rfind(b"\n") + 1
            if line.startswith(content[begin:]):
                os.truncate(file.fileno(), begin)
    except FileNotFoundError:
        return
    except OSError as error:
        raise own_file_error(path, error) from error


def _cut_off_torn_line(file: BinaryIO) -> None:
    end = file.seek(0, os.SEEK_END)
    if not end:
        return
    file.seek(end - 1)
    if file.read(1) == b"\n":
        return
    file.seek(0)
    os.truncate(file.fileno(), file.read().rfind(b"\n") + 1)


def force(paths: Iterable[Path]) -> None:
    """Force what was appended to files, and their names, to the disk. Raises ResourceError."""
    folders = {}
    for path in paths:
        try:
            with open(path, "ab", buffering=0, opener=open_own) as file:
                force_to_disk(file.fileno())
        except OSError as error:
            raise own_file_error(path, error) from error
        folders[path.parent] = path
    for folder, path in folders.items():
        try:
            sync_folder(folder)
        except OSError as error:
            raise resource_error(path, error) from error


def remove_leftovers(folder: Path, name: str | None = None) -> None:
    """Remove the temporary files of writers that were killed: of all, or of those that wrote a file of this name.

    Raises ResourceError.
    """
    wanted = _LEFTOVER if name is None else re.compile(rf"\.{re.escape(name[:_LONGEST_PART])}{_LEFTOVER_END}")
    try:
        with os.scandir(folder) as entries:
            found = [Path(entry.path) for entry in entries if wanted.fullmatch(entry.name)]
    except OSError:
        return  # whoever writes there will say what is wrong
    for path in found:
        try:
            if not _has_writer(path):
                names.remove(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise resource_error(folder, error) from error


def is_leftover(path: Path) -> bool:
    """Tell whether a file is called like the temporary file of a writer."""
    return bool(_LEFTOVER.fullmatch(path.name))


def _has_writer(path: Path) -> bool:
    """Tell whether somebody holds the lock of a temporary file, or may do so. A link has no writer."""
    if path.is_symlink():
        return False
    try:
        if locking.GRACE_S and time.time() - path.stat().st_mtime < locking.GRACE_S:
            return True
        with open(path, "rb", opener=open_own) as file:
            locking.lock_at_once(file.fileno())
    except FileNotFoundError:
        raise
    except OSError:
        return True
    return False
