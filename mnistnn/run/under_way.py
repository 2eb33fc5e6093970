"""progress.json: how far a run has come since its last evaluation, for who looks at it from another process.

No promise covers it: it is written now and then while a session learns (`runner/progress_file.py`), is never forced to
the disk, and goes when the session ends. Whatever else is found there means that nothing is known.
"""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from mnistnn.errors import RunError
from mnistnn.run.directory import RunDirectory
from mnistnn.storage.reading import read_own_file
from mnistnn.storage.strict_json import parse

_MAX_BYTES = 1 << 12
_LONGEST = 200  # characters of a name
_LARGEST = 2**53  # up to which every program knows whole numbers


@dataclass(frozen=True)
class UnderWay:
    """What is being learned, and how far it is.

    part            the run inside the run, of a phase or a member: `1-hidden`, `members/3`; empty for the whole
    epoch           the epoch or round under way, counted from 1
    epochs          how many there are at most; 0 if that is not known
    updates         done since the beginning of the run
    counted         what `done` counts: `updates` of this epoch, or parts of an update that takes long
    done, most      how many are done, of how many at most; 0 if that is not known
    examples_per_s  now; 0 if it is not known
    """

    part: str
    epoch: int
    epochs: int
    updates: int
    counted: str
    done: int
    most: int
    examples_per_s: float

    def to_bytes(self) -> bytes:
        """Return the content of the file."""
        return (json.dumps(asdict(self)) + "\n").encode()


UPDATES = "updates"
"""What is counted inside an epoch, unless a single update takes long."""


def read_under_way(run: RunDirectory) -> UnderWay | None:
    """Return how far a run is by its own words; None if it says nothing, or nothing that can be understood."""
    try:
        found = parse(read_own_file(run.progress, _MAX_BYTES))
    except (RunError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    values: dict[str, Any] = {field.name: found.get(field.name) for field in fields(UnderWay)}
    return UnderWay(**values) if all(_is_possible(name, value) for name, value in values.items()) else None


def _is_possible(name: str, value: Any) -> bool:
    if name in ("part", "counted"):
        return isinstance(value, str) and len(value) <= _LONGEST
    if type(value) is not int and (name != "examples_per_s" or type(value) is not float):
        return False
    return 0 <= value <= _LARGEST  # which NaN is not
