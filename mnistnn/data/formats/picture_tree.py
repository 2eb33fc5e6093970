"""Where image files lie: in a folder, or in a zip archive, which is read without being unpacked.

Either is a tree of names with `/` between their parts. What systems leave everywhere is no part of it.
"""

import io
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mnistnn.data.limits import MAX_SET_BYTES
from mnistnn.data.pictures.read import MAX_FILE_BYTES
from mnistnn.errors import DataError
from mnistnn.storage.compressed import ZIP_ERRORS
from mnistnn.storage.reading import data_error, read_file

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".pgm", ".pbm", ".ppm")

_LEFT_BEHIND = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx"}
"""What systems leave in every folder, beside names that begin with a dot."""

_MOST_FILES = 2_000_000
_MOST_DEPTH = 12
_ENCRYPTED = 0x1
_READABLE_COMPRESSION = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


@dataclass(frozen=True, eq=False)
class PictureTree:
    """Files and folders by their names inside of a root, which is '' and which messages call `place`.

    read     returns the content of a file
    inside   of each folder, the names of its files and folders, without those of the folder, sorted
    folders  all folders, the root included
    """

    place: str
    read: Callable[[str], bytes]
    inside: dict[str, list[str]] = field(default_factory=lambda: {"": []})

    def folders_in(self, folder: str) -> list[str]:
        """Return the names of the folders in a folder."""
        return [name for name in self.inside[folder] if joined(folder, name) in self.inside]

    def files_in(self, folder: str) -> list[str]:
        """Return the names of the files in a folder."""
        return [name for name in self.inside[folder] if joined(folder, name) not in self.inside]

    def has_pictures(self, folder: str) -> bool:
        """Tell whether image files lie in a folder itself."""
        return any(is_picture(name) for name in self.files_in(folder))

    def pictures(self) -> list[str]:
        """Return all image files."""
        return [joined(folder, name) for folder in self.inside for name in self.files_in(folder) if is_picture(name)]

    def named(self, name: str) -> str:
        """Return what messages call a file or folder."""
        return self.place if not name else f"{self.place}{'' if self.place.endswith((': ', '/')) else '/'}{name}"


def joined(folder: str, name: str) -> str:
    """Return the name of what lies in a folder."""
    return f"{folder}/{name}" if folder else name


def is_picture(name: str) -> bool:
    """Tell by its ending whether a file is an image."""
    return PurePosixPath(name).suffix.lower() in PICTURE_SUFFIXES


def tree_of_folder(folder: Path) -> PictureTree:
    """Return what lies in a folder. Raises DataError if it cannot be listed, or holds millions of files."""
    tree = PictureTree(str(folder), lambda name: read_file(folder / name, MAX_FILE_BYTES, data_error))
    waiting: list[tuple[str, tuple[tuple[int, int], ...]]] = [("", ())]
    files = 0
    while waiting:
        name, above = waiting.pop()
        here, found = _listed(folder / name)
        tree.inside[name] = [each for each, _ in found]
        files += len(found)
        if files > _MOST_FILES or len(above) > _MOST_DEPTH:
            many = f"{_MOST_FILES:,} files" if files > _MOST_FILES else f"{_MOST_DEPTH} folders inside of each other"
            raise DataError(f"{folder}: more than the {many} that are allowed")
        if here not in above:  # a link may lead back
            waiting += [(joined(name, each), (*above, here)) for each, is_folder in found if is_folder]
        else:
            tree.inside[name] = []
    return tree


def _listed(path: Path) -> tuple[tuple[int, int], list[tuple[str, bool]]]:
    """Return what a folder is to the system, and the names in it, sorted, with whether they are folders."""
    try:
        about = os.stat(path)
        with os.scandir(path) as entries:
            found = sorted((each.name, each.is_dir()) for each in entries if not _is_left_behind(each.name))
    except OSError as error:
        raise data_error(path, error) from error
    return (about.st_dev, about.st_ino), found


def tree_of_zip(content: bytes, place: str) -> PictureTree:
    """Return what lies in a zip archive. Raises DataError, naming `place`, if it is damaged, encrypted or too large."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    except ZIP_ERRORS as error:
        raise DataError(f"{place}: the archive is damaged ({error})") from error
    if len(entries) > _MOST_FILES or (total := sum(entry.file_size for entry in entries)) > MAX_SET_BYTES:
        much = f"{len(entries):,} files" if len(entries) > _MOST_FILES else f"{total:,} bytes"
        raise DataError(f"{place}: {much}, more than the {_MOST_FILES:,} files and {MAX_SET_BYTES:,} bytes allowed")
    by_name: dict[str, zipfile.ZipInfo] = {}
    tree = PictureTree(f"{place}: ", lambda name: _member(archive, by_name[name], f"{place}: {name}"))
    for entry in entries:
        parts = entry.filename.replace("\\", "/").split("/")
        if any(part in ("", ".", "..") for part in parts) or len(parts) > _MOST_DEPTH:
            raise DataError(f"{place}: {entry.filename[:80]!r} is no name of a file inside of the archive")
        if any(map(_is_left_behind, parts)):
            continue
        name = "/".join(parts)
        if name in by_name or name in tree.inside:
            raise DataError(f"{place}: {name} is there twice")
        by_name[name] = entry
        folder = ""
        for part in parts[:-1]:
            inner = joined(folder, part)
            if inner in by_name:
                raise DataError(f"{place}: {inner} is a file and a folder")
            if inner not in tree.inside:
                tree.inside[folder].append(part)
                tree.inside[inner] = []
            folder = inner
        tree.inside[folder].append(parts[-1])
    for names in tree.inside.values():
        names.sort()
    return tree


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, place: str) -> bytes:
    if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _READABLE_COMPRESSION:
        raise DataError(f"{place}: encrypted, or compressed in another way than deflate")
    if entry.file_size > MAX_FILE_BYTES:
        raise DataError(f"{place}: larger than the {MAX_FILE_BYTES} bytes that are allowed")
    try:
        with archive.open(entry) as file:
            content = file.read(entry.file_size + 1)
    except ZIP_ERRORS as error:
        raise DataError(f"{place}: the archive is damaged ({error})") from error
    if len(content) != entry.file_size:
        raise DataError(f"{place}: has not the {entry.file_size} bytes that the archive says")
    return content


def _is_left_behind(name: str) -> bool:
    return name.startswith(".") or name.lower() in _LEFT_BEHIND
