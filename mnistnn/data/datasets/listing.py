"""What there is: the sets that mnistnn knows by name, and those in the cache."""

from dataclasses import dataclass

from mnistnn.data.datasets import cache
from mnistnn.data.datasets.catalogue import KNOWN_SETS
from mnistnn.data.datasets.info import DatasetInfo
from mnistnn.data.datasets.manifest import read_manifest
from mnistnn.errors import DataError


@dataclass(frozen=True)
class Listed:
    """A set.

    is_stored   whether it is in the cache
    size_bytes  of its files there; None for a set that is not there
    problem     why what is there cannot be read; else None
    info        its sizes, if they are known
    way         how to have it; empty for one that is there
    """

    name: str
    is_known: bool
    is_stored: bool
    size_bytes: int | None
    problem: str | None
    info: DatasetInfo | None
    title: str
    licence: str | None
    citation: str | None
    way: str


def listed_sets() -> list[Listed]:
    """Return the known sets, in the order of the catalogue, then those of the user's in the cache, by name. No file of
    images is opened.
    """
    stored = cache.stored_names()
    return [_listed(name, name in stored) for name in [*KNOWN_SETS, *(one for one in stored if one not in KNOWN_SETS)]]


def _listed(name: str, is_stored: bool) -> Listed:
    known = cache.known_here(name)
    info, size_bytes, problem, origin = (None if known is None else known.info), None, None, ""
    if is_stored:
        try:
            manifest = read_manifest(cache.set_folder(name))
        except DataError as error:
            problem = str(error)
            info = info if known is not None and known.is_fixed else None
        else:
            size_bytes = sum(file.size_bytes for file in manifest.files.values())
            info = info if known is not None and known.is_fixed else manifest.info
            origin = next(iter(manifest.files.values())).origin
    return Listed(
        name=name,
        is_known=known is not None,
        is_stored=is_stored,
        size_bytes=size_bytes,
        problem=problem,
        info=info,
        title=origin if known is None else known.title,
        licence=None if known is None else known.licence,
        citation=None if known is None else known.citation,
        way="" if is_stored or known is None else known.way(name),
    )
