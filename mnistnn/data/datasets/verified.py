"""Opening a stored file whose bytes are known to be right, without reading gigabytes at every start.

A large file that was read through and had its SHA-256 is remembered in `checked.json` beside it, with everything that
the file system says of it: size, inode, times of change. While all of that stays, its bytes are taken for what they
were; when anything differs, they are read again. Writing to a file changes its times, and nobody can set the time of
the last change of state, so what slips through is a disk that forgets: `mnistnn data verify` reads every byte, always.
Small files are read through each time.
"""

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from mnistnn.data.datasets import cache
from mnistnn.data.datasets.cache import CHECKED_NAME
from mnistnn.data.datasets.manifest import StoredFile
from mnistnn.errors import DataError, ResourceError
from mnistnn.storage.reading import data_error, open_file, read_file
from mnistnn.storage.writing import write_atomically

_REMEMBERED_FROM_BYTES = 1 << 28  # smaller files are read through in a second
_CHUNK_BYTES = 1 << 20
_MAX_NOTE_BYTES = 1 << 16
# Times have a grain: a file changed this recently could be changed again and look the same.
_SETTLED_AFTER_S = 2.0


class _Checked(BaseModel):
    """A file that had this digest when the file system said this of it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    sha256: str
    size_bytes: int
    device: int
    inode: int
    modified_ns: int
    changed_ns: int


_NOTE = TypeAdapter(dict[str, _Checked])


def is_remembered(expected: StoredFile) -> bool:
    """Tell whether a file is so large that its check is remembered."""
    return expected.size_bytes >= _REMEMBERED_FROM_BYTES


def open_verified(path: Path, expected: StoredFile) -> BinaryIO:
    """Return a stored file, open for reading and unbuffered, if its bytes are those of the manifest.

    Raises DataError, with the remedy, for a missing or altered one. The caller closes it.
    """
    with open_file(path, data_error) as opened:
        file = os.fdopen(os.dup(opened.fileno()), "rb", buffering=0)
    try:
        before = _state(file, expected.sha256)
        if before.size_bytes != expected.size_bytes:
            raise cache.altered(path, f"has {before.size_bytes} bytes, expected {expected.size_bytes}")
        if is_remembered(expected) and _read_note(path.parent).get(path.name) == before:
            return file
        found = _digest(file, path)
        if found != expected.sha256:
            raise cache.altered(path, f"SHA-256 is {found}, expected {expected.sha256}")
        is_settled = time.time() - max(before.changed_ns, before.modified_ns) / 1e9 > _SETTLED_AFTER_S
        if is_remembered(expected) and is_settled and _state(file, found) == before:
            _remember(path, before)
    except BaseException:
        file.close()
        raise
    return file


def _state(file: BinaryIO, sha256: str) -> _Checked:
    state = os.fstat(file.fileno())
    return _Checked(
        sha256=sha256,
        size_bytes=state.st_size,
        device=state.st_dev,
        inode=state.st_ino,
        modified_ns=state.st_mtime_ns,
        changed_ns=state.st_ctime_ns,
    )


def _digest(file: BinaryIO, path: Path) -> str:
    digest = hashlib.sha256()
    try:
        while piece := file.read(_CHUNK_BYTES):
            digest.update(piece)
    except OSError as error:
        raise data_error(path, error) from error
    return digest.hexdigest()


def _read_note(folder: Path) -> dict[str, _Checked]:
    """Return what is remembered of the files in a folder: nothing, if the note is missing or not one."""
    try:
        return _NOTE.validate_json(read_file(folder / CHECKED_NAME, _MAX_NOTE_BYTES, data_error))
    except (DataError, ResourceError, ValidationError):
        return {}


def _remember(path: Path, checked: _Checked) -> None:
    """Note that a file was checked; where the cache cannot be written to, it is checked again the next time."""
    note = _read_note(path.parent) | {path.name: checked}
    with suppress(ResourceError):
        write_atomically(path.with_name(CHECKED_NAME), _NOTE.dump_json(note, indent=2) + b"\n")
