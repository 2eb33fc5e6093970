"""What somebody gives to be read as a set: files with their content, and what is said of them beside it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from mnistnn.errors import UsageError

Half = Literal["train", "test", "valid"]

_WORDS: dict[Half, re.Pattern[str]] = {
    "train": re.compile(r"train"),
    "test": re.compile(r"test|t10k|\.t(\.|$)"),  # LIBSVM's sets are called mnist and mnist.t
    "valid": re.compile(r"(^|[^a-z])val(id|idation)?([^a-z]|$)"),
}


@dataclass(frozen=True, eq=False)
class GivenFile:
    """A file that was read, or a member of an archive.

    place    what messages call it
    name     its own name, which says which half of a set it is
    start    its first bytes, decompressed
    """

    place: str
    name: str
    content: bytes
    start: bytes


@dataclass(frozen=True)
class Wishes:
    """What the files do not say themselves.

    size_px    height and width of images that come as rows of pixels; None where they are square
    resize_px  height and width that all images are to have
    labels     the table of file names and labels that belongs to a folder of images
    """

    size_px: tuple[int, int] | None = None
    resize_px: tuple[int, int] | None = None
    labels: Path | None = None


NO_WISHES = Wishes()


def half_of(name: str) -> Half | None:
    """Return which half of a set a file is by its name; None if that does not say, or says two."""
    word = PurePosixPath(name.lower()).name
    found = [half for half, pattern in _WORDS.items() if pattern.search(word)]
    return found[0] if len(found) == 1 else None


def by_half(files: Sequence[GivenFile], expected: str) -> dict[Half, GivenFile]:
    """Return which file is which half of a set. A single file is all that there is, whatever it is called.

    Of several, each name must say which half it is; only the training half may leave that out. Raises UsageError, which
    says what is `expected`.
    """
    if len(files) == 1:
        return {"train": files[0]}
    halves: dict[Half, GivenFile] = {}
    for file in files:
        half = half_of(file.name) or "train"
        if half in halves:
            raise UsageError(
                f"{file.place}: is a second file for the {half} half, after {halves[half].place}; {expected}, with "
                "'train', 'test' and 'valid' in their names"
            )
        halves[half] = file
    if "train" not in halves:
        raise UsageError(f"none of {', '.join(file.place for file in files)} is for training; {expected}")
    return halves
