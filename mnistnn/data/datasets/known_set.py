"""A set that mnistnn knows by name: the contract of an entry of the catalogue.

Whoever asks something about a set that depends on its kind (where it comes from, what proves a copy, how its user gets
it) asks the entry. The kinds are in the modules beside this one: published, of a Python package, made, generated, and
made of a file that the user has.
"""

import hashlib
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from mnistnn.data.datasets.info import DatasetInfo
from mnistnn.data.formats.image_set import FILE_NAMES, ImageSet, idx_files
from mnistnn.errors import DataError

Obtained = tuple[ImageSet, dict[str, str]]
"""A set, and for each of the four files of the cache where its content came from."""

ReadFiles = Callable[[Sequence[Path]], Obtained]
"""Reads files of whatever kind they are."""


@dataclass(frozen=True)
class Fetching:
    """What an entry needs of whoever fetches it.

    scratch   an existing folder for temporary files
    progress  whether it is said on stderr what is done, with bars on a terminal
    other     returns another set of the catalogue, which is fetched if it is not there
    """

    scratch: Path
    progress: bool
    other: Callable[[str], ImageSet]

    def say(self, text: str) -> None:
        """Write a line to stderr."""
        if self.progress:
            sys.stderr.write(f"{text}\n")


@dataclass(frozen=True, kw_only=True)
class KnownSet(ABC):
    """An entry of the catalogue.

    title                what the images show, in a few words
    train_examples       images of the training files; the last of them are for validation
    validation_examples  so many, where an experiment says nothing; None for the default of the schema
    class_names          what the classes are called, by label, if not by numbers
    licence              as its makers name it, or what is known
    citation             who made it, in a line
    reserved             whether every version has known the name; of other names, users may have sets of their own
    """

    title: str
    image_shape: tuple[int, int]
    classes: int
    train_examples: int
    test_examples: int
    validation_examples: int | None = None
    class_names: tuple[str, ...] | None = None
    licence: str
    citation: str
    reserved: bool = False

    doing: ClassVar[str] = "fetching"
    done: ClassVar[str] = "fetched"

    is_fixed: ClassVar[bool] = True
    """Whether the set is the same on every machine, so that nothing else may have its name."""

    can_be_fetched: ClassVar[bool] = True
    """Whether `obtain` works: whether mnistnn gets the set by itself."""

    @property
    def info(self) -> DatasetInfo:
        """Its sizes and classes."""
        return DatasetInfo(self.image_shape, self.classes, self.train_examples, self.test_examples, self.class_names)

    @property
    def content_digests(self) -> Mapping[str, str]:
        """The SHA-256 of each of the four files of the cache of which it is known."""
        return {}

    @property
    def is_proven_by_content(self) -> bool:
        """Whether a copy in any form can be verified: by what it holds."""
        return len(self.content_digests) == len(FILE_NAMES)

    def fits(self, info: DatasetInfo, digests: Mapping[str, str]) -> bool:
        """Tell whether a stored set may be this one, by its sizes and the SHA-256 of its files."""
        expected = replace(self.info, class_names=info.class_names)
        return info == expected and all(digests[file] == digest for file, digest in self.content_digests.items())

    @abstractmethod
    def way(self, name: str) -> str:
        """Return what its user does to have it, as the end of a sentence."""

    @abstractmethod
    def again(self, name: str) -> str:
        """Return the command that replaces a copy that was altered."""

    def obtain(self, name: str, fetching: Fetching) -> Obtained:
        """Return the set, verified as far as can be before it is stored. Raises DataError with all that was tried."""
        raise DataError(f"{name} cannot be fetched; {self.way(name)}")

    def adopt(self, name: str, paths: Sequence[Path], read: ReadFiles, fetching: Fetching) -> Obtained:
        """Return the set in files of the user's.

        read  for files of any form, whose content is compared with `content_digests` when it is stored

        Raises DataError for anything else than this set.
        """
        return read(paths)

    def check_content(self, name: str, images: ImageSet, place: str) -> None:
        """Raise DataError, naming `place`, if the set has other bytes than `content_digests` say."""
        contents = idx_files(images)
        for file_name, expected in self.content_digests.items():
            found = hashlib.sha256(contents[file_name]).hexdigest()
            if found != expected:
                raise DataError(f"{place}: {file_name} is not that of {name}: expected SHA-256 {expected}, got {found}")

    def completed(self, name: str, images: ImageSet, place: str) -> ImageSet:
        """Return the set with the names of its classes. Raises DataError, naming `place`, if its sizes are others;
        where all digests are known, these say so.
        """
        if not self.is_proven_by_content:
            counts = len(images.training_file.labels), len(images.test.labels)
            found, expected = (images.image_shape, *counts), (self.image_shape, self.train_examples, self.test_examples)
            if found != expected:
                raise DataError(f"{place}: is not {name}: expected {_sizes(*expected)}, got {_sizes(*found)}")
        return replace(images, class_names=self.class_names)


def _sizes(image_shape: tuple[int, int], train_examples: int, test_examples: int) -> str:
    height, width = image_shape
    return f"{train_examples} training and {test_examples} test images of {height}x{width} pixels"
