"""The header of all results: what every measurement of a run says of itself."""

from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from mnistnn.types import SplitName

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Result:
    """Abstract: metrics of one model on one split.

    run              the id of the run
    checkpoint       best, last or a file name; checkpoint_file is the file that it was read from
    epoch            the last one completed with these parameters
    test_readings    how often the test split has been read for this run
    """

    schema_version: int = SCHEMA_VERSION
    run: str
    split: SplitName
    checkpoint: str
    checkpoint_file: str
    epoch: float
    examples: int
    test_readings: int

    elsewhere: ClassVar[bool] = False
    """Whether it was measured on another data set than the run's."""
    prefix: ClassVar[str] = ""
    """The prefix of its files under eval/."""
    what: ClassVar[str]
    """The name of the kind, for messages."""
    mark: ClassVar[str]
    """A field by which its files are told from others."""
    plural: ClassVar[str]
    """The plural of the name, as a key of JSON."""

    @property
    def headline(self) -> str:
        """The metric that matters most, in words."""
        raise NotImplementedError

    @property
    def file_suffix(self) -> str:
        """The suffix of its file, where one measurement can be made in several ways."""
        return ""

    @property
    def about(self) -> str:
        """Which parameters were measured, on what."""
        return f"{self.run}, {self.split} split, checkpoint {self.checkpoint} (epoch {self.epoch:.6g})"

    def problems(self) -> list[str]:
        """Return what does not follow from each other in it, of which there is nothing in one that was measured."""
        return []


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ResultElsewhere(Result):
    """Abstract: metrics on a split of another data set than the run's. `test_readings` counts those of that split."""

    dataset: str

    elsewhere: ClassVar[bool] = True

    @property
    def about(self) -> str:
        where = f"{self.split} split of {self.dataset}"
        return f"{self.run}, {where}, checkpoint {self.checkpoint} (epoch {self.epoch:.6g})"


def agree(found: object, expected: object, tolerance: float = 1e-12) -> bool:
    """Tell whether values are equal, but for what another machine may have rounded otherwise."""
    if isinstance(found, list | tuple) and isinstance(expected, list | tuple):
        return len(found) == len(expected) and all(map(agree, found, expected, [tolerance] * len(found)))
    if isinstance(found, float) and isinstance(expected, float):
        return abs(found - expected) <= tolerance
    return found == expected
