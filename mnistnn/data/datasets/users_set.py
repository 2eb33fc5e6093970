"""A set in a file that is too large, or on too slow servers, to be fetched: its user has it, and adds it."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar

from mnistnn.data.datasets.known_set import Fetching, KnownSet, Obtained, ReadFiles
from mnistnn.data.formats.image_set import FILE_NAMES, ImageSet
from mnistnn.errors import DataError, UsageError
from mnistnn.storage.reading import data_error, open_file

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class UsersSet(KnownSet):
    """One archive holds it, and perhaps others.

    file_name   of the archive, as it is published
    address     where it is published
    size_bytes, sha256  of the archive
    decode      makes the set of the archive, open for reading, once that is verified; is told its place for messages
    """

    file_name: str
    address: str
    size_bytes: int
    sha256: str
    decode: Callable[[BinaryIO, str], ImageSet]

    done: ClassVar[str] = "added"
    can_be_fetched: ClassVar[bool] = False

    def way(self, name: str) -> str:
        return f"get {self.file_name} ({self.size_bytes / 1e6:,.0f} MB, {self.address}) and run `{self._command(name)}`"

    def again(self, name: str) -> str:
        return f"{self._command(name)} --force"

    def adopt(self, name: str, paths: Sequence[Path], read: ReadFiles, fetching: Fetching) -> Obtained:
        if len(paths) != 1:
            raise UsageError(f"{len(paths)} files given; {name} is read from one: {self._command(name)}")
        (path,) = paths
        digest = hashlib.sha256()
        with open_file(path, data_error) as file:
            while piece := file.read(_CHUNK_BYTES):
                digest.update(piece)
            if digest.hexdigest() != self.sha256:
                raise DataError(
                    f"{path}: is not the {self.file_name} in which {name} is published: expected SHA-256 "
                    f"{self.sha256}, got {digest.hexdigest()}"
                )
            file.seek(0)
            return self.decode(file, str(path)), dict.fromkeys(FILE_NAMES, path.name)

    def _command(self, name: str) -> str:
        return f"mnistnn data add {name} {self.file_name}"
