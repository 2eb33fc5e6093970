"""The folder in which sets are kept: `<root>/datasets/<name>/`, four IDX files and a manifest.

The root is $MNISTNN_DATA, or the user's cache folder. A set appears there whole, in one step, or not at all:
it is built in a hidden folder beside its place and renamed. What is in the cache has passed its checks when
it was stored (`install`), and is checked again by whoever reads it, since files can change. The files are uncompressed
IDX whatever the source was: they are read in a fraction of a second, and a pickle never again after the import.
"""

import hashlib
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import filelock
import platformdirs

from mnistnn.data.datasets.catalogue import KNOWN_SETS
from mnistnn.data.datasets.info import DatasetInfo
from mnistnn.data.datasets.known_set import KnownSet
from mnistnn.data.datasets.manifest import MANIFEST_NAME, Manifest, StoredFile, manifest_of, read_manifest
from mnistnn.data.formats.image_set import FILE_NAMES, ImageSet, idx_files
from mnistnn.errors import BusyError, DataError, ResourceError, UsageError
from mnistnn.storage.forcing import sync_folder
from mnistnn.storage.reading import data_error, open_file
from mnistnn.storage.writing import resource_error, write_atomically

CHECKED_NAME = "checked.json"
"""Beside the files of a set: which of them were checked, see `verified.py`."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LOCK_WAIT_S = 1800.0
_CHUNK_BYTES = 1 << 20
_MANIFEST_ROOM_BYTES = 1 << 20


@dataclass(frozen=True)
class FileCheck:
    """The outcome of checking one stored file; `problem` is None when its bytes are what they must be."""

    path: Path
    problem: str | None


def datasets_folder() -> Path:
    """Return the folder that holds one folder for each set; it need not exist."""
    root = os.environ.get("MNISTNN_DATA")
    return Path(root or platformdirs.user_cache_dir("mnistnn")).expanduser().absolute() / "datasets"


def set_folder(name: str) -> Path:
    """Return the folder of a set, whether it is there or not; UsageError for what cannot be a name."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name[:80]!r} cannot name a data set; allowed are up to 64 of a-z, 0-9, '.', '_' and '-', "
            f"the first one a letter or digit{' (the name comes before the files)' if os.path.exists(name) else ''}"
        )
    return datasets_folder() / name


def is_stored(name: str) -> bool:
    """Whether a set of this name is in the cache. Says nothing about its bytes."""
    return bool(_NAME.fullmatch(name)) and os.path.isfile(set_folder(name) / MANIFEST_NAME)


def known_here(name: str) -> KnownSet | None:
    """Return what the catalogue says of the set of this name; None for one that it does not have, or if what is stored
    is another: its user's own, from a time when mnistnn did not know the name.
    """
    known = KNOWN_SETS.get(name)
    if known is None or known.reserved or not known.is_fixed or not is_stored(name):
        return known
    try:
        manifest = read_manifest(set_folder(name))
    except DataError:
        return known
    return known if known.fits(manifest.info, manifest.digests) else None


def stored_names() -> list[str]:
    """Return the names of all sets in the cache, sorted."""
    try:
        return sorted(path.name for path in datasets_folder().iterdir() if is_stored(path.name))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise resource_error(datasets_folder(), error) from error


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lock under which the set `name` is stored, waiting for others; BusyError in the end."""
    folder = datasets_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / f".{name}.lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            sys.stderr.write(f"waiting for another process that is storing {name}\n")
            lock.acquire(timeout=_LOCK_WAIT_S)
    except filelock.Timeout as error:
        raise BusyError(f"{folder / name}: another process is storing this set, and does not finish") from error
    except OSError as error:
        raise resource_error(folder, error) from error
    try:
        _put_back(name)
        yield
    finally:
        lock.release()


def install(name: str, images: ImageSet, origins: dict[str, str]) -> None:
    """Store a set, in place of the one of that name if there is one. The caller holds the lock of `name`.

    `origins` says for each of the four files where it came from. Raises DataError, and stores nothing, when
    the catalogue knows the bytes of the set and they are others.
    """
    contents = idx_files(images)
    manifest = _manifest(name, images, contents, origins)
    if name in KNOWN_SETS:
        _refuse_others(KNOWN_SETS[name], manifest, "the given set")
    with _building(name) as folder:
        for file_name, content in contents.items():
            write_atomically(folder / file_name, content)
        _write_manifest(folder, manifest)


def install_in_pieces(
    name: str, about: DatasetInfo, contents: Mapping[str, Iterable[bytes]], total_bytes: int, origins: dict[str, str]
) -> None:
    """Store a set that is larger than memory: the content of each of the four files comes in pieces.

    For the rest as `install`, but not for named sets. ResourceError at once where there is no room for `total_bytes`.
    """
    with _building(name) as folder:
        free_bytes = shutil.disk_usage(folder).free
        if free_bytes < total_bytes + _MANIFEST_ROOM_BYTES:
            raise ResourceError(
                f"{set_folder(name)}: needs {total_bytes / 1e6:,.0f} MB, "
                f"but only {free_bytes / 1e6:,.0f} MB are free there"
            )
        files = {
            file_name: _write_hashed(folder / file_name, pieces, origins[file_name])
            for file_name, pieces in contents.items()
        }
        _write_manifest(folder, manifest_of(name, about, files))


def _write_hashed(path: Path, pieces: Iterable[bytes], origin: str) -> StoredFile:
    """Write a file and return what the manifest says of it."""
    digest, size_bytes = hashlib.sha256(), 0

    def passing() -> Iterator[bytes]:
        nonlocal size_bytes
        for piece in pieces:
            digest.update(piece)
            size_bytes += len(piece)
            yield piece

    write_atomically(path, passing())
    return StoredFile(size_bytes=size_bytes, sha256=digest.hexdigest(), origin=origin)


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    write_atomically(folder / MANIFEST_NAME, manifest.model_dump_json(indent=2, exclude_none=True).encode() + b"\n")


@contextmanager
def _building(name: str) -> Iterator[Path]:
    """Yield an empty hidden folder, and put it in the place of the set when it is filled; else leave no trace."""
    final = set_folder(name)
    _remove_leftovers(name)
    building = final.with_name(f".{name}.{secrets.token_hex(6)}.new")
    try:
        building.mkdir()
        yield building
        _put_in_place(building, final)
    except OSError as error:
        raise resource_error(final, error) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _put_in_place(building: Path, final: Path) -> None:
    """Rename a finished folder to its place; a set that was there is kept until the new one stands."""
    replaced = building.with_suffix(".old")
    if final.exists():
        final.rename(replaced)
    try:
        building.rename(final)
    except OSError:
        if replaced.exists():
            replaced.rename(final)
        raise
    sync_folder(final.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def remove(name: str) -> None:
    """Remove a set. It goes in one step: what is left of one whose removal was cut short is no set. Raises BusyError
    while another process stores it, ResourceError where it cannot be removed.
    """
    final = set_folder(name)
    with locked(name):
        _remove_leftovers(name)
        going = final.with_name(f".{name}.{secrets.token_hex(6)}.new")
        try:
            final.rename(going)
            sync_folder(final.parent)
            shutil.rmtree(going)
        except OSError as error:
            raise resource_error(final, error) from error


def _put_back(name: str) -> None:
    """Let the set that was there stand again, if a process was killed after it took it away and before it put the new
    one in its place. The caller holds the lock.
    """
    final = set_folder(name)
    try:
        replaced = next(final.parent.glob(f".{name}.{'?' * 12}.old"), None)
        if replaced is not None and not final.exists():
            replaced.rename(final)
    except OSError as error:
        raise resource_error(final, error) from error


def check_pinned(manifest: Manifest, place: str) -> None:
    """Raise DataError if a stored manifest claims to be a set whose bytes are known but lists others."""
    known = known_here(manifest.name)
    if known is not None:
        _refuse_others(known, manifest, place)


def _refuse_others(known: KnownSet, manifest: Manifest, place: str) -> None:
    for file_name, expected in known.content_digests.items():
        found = manifest.files[file_name].sha256
        if found != expected:
            raise DataError(
                f"{place}: {file_name} is not that of {manifest.name}: expected SHA-256 {expected}, got {found}"
            )


def verify(name: str) -> list[FileCheck]:
    """Check every byte of a stored set against its manifest, and the manifest against the catalogue."""
    folder = set_folder(name)
    try:
        manifest = read_manifest(folder)
        check_pinned(manifest, str(folder / MANIFEST_NAME))
    except DataError as error:
        return [FileCheck(folder / MANIFEST_NAME, str(error))]
    checks = [_check_file(folder / file_name, manifest.files[file_name]) for file_name in FILE_NAMES]
    if any(check.problem for check in checks):
        with suppress(OSError):
            (folder / CHECKED_NAME).unlink(missing_ok=True)  # no earlier check counts any more
    return checks


def altered(path: Path, problem: str) -> DataError:
    """Return the error for a stored file that is not what it was when it was stored."""
    name = path.parent.name
    own = f"mnistnn data add {name} FILES… --force (or generate, if it was made so)"
    known = known_here(name)
    remedy = own if known is None else known.again(name)
    return DataError(f"{path}: {problem}; the file was altered and is not used. To replace the set: {remedy}")


def _check_file(path: Path, expected: StoredFile) -> FileCheck:
    digest = hashlib.sha256()
    try:
        with open_file(path, data_error) as file:
            size_bytes = os.fstat(file.fileno()).st_size
            if size_bytes != expected.size_bytes:
                return FileCheck(path, f"has {size_bytes} bytes, expected {expected.size_bytes}")
            while piece := file.read(_CHUNK_BYTES):
                digest.update(piece)
    except DataError as error:
        return FileCheck(path, str(error))
    if digest.hexdigest() != expected.sha256:
        return FileCheck(path, f"SHA-256 is {digest.hexdigest()}, expected {expected.sha256}")
    return FileCheck(path, None)


def _manifest(name: str, images: ImageSet, contents: dict[str, bytes], origins: dict[str, str]) -> Manifest:
    valid = None if images.valid is None else len(images.valid.labels)
    train_examples = len(images.train.labels) + (valid or 0)
    info = DatasetInfo(images.image_shape, images.classes, train_examples, len(images.test.labels), images.class_names)
    files = {
        file_name: StoredFile(
            size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), origin=origins[file_name]
        )
        for file_name, content in contents.items()
    }
    return manifest_of(name, info, files, valid)


def _remove_leftovers(name: str) -> None:
    """Remove what a killed process left behind. Safe: whoever is building holds the lock, and that is us."""
    for suffix in ("new", "old"):
        for path in datasets_folder().glob(f".{name}.????????????.{suffix}"):
            shutil.rmtree(path, ignore_errors=True)
