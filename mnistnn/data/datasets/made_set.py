"""A set that mnistnn makes by itself, of nothing, with the same bytes on every machine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from mnistnn.data.datasets.known_set import Fetching, KnownSet, Obtained
from mnistnn.data.formats.image_set import FILE_NAMES, ImageSet


@dataclass(frozen=True, kw_only=True)
class MadeSet(KnownSet):
    """It follows from a rule.

    sha256  of the content of each file
    make    returns it, from derived random streams
    origin  what the manifest says of where it came from
    """

    sha256: Mapping[str, str]
    make: Callable[[], ImageSet]
    origin: str

    doing: ClassVar[str] = "making"
    done: ClassVar[str] = "made"

    @property
    def content_digests(self) -> Mapping[str, str]:
        return self.sha256

    def way(self, name: str) -> str:
        return f"make it with `mnistnn data fetch {name}`"

    def again(self, name: str) -> str:
        return f"mnistnn data fetch {name} --force"

    def obtain(self, name: str, fetching: Fetching) -> Obtained:
        fetching.say(f"making {name}")
        return self.make(), dict.fromkeys(FILE_NAMES, self.origin)
