"""asked.jsonl: the suggested points of a search, in the order of suggestion.

A point counts from when its line is whole; the configurations of its trials were written before. A last line that a
killed process left torn is no point.
"""

import json
from dataclasses import asdict
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from mnistnn.storage.reading import read_own_file
from mnistnn.storage.sealed_json import parse_as, seal_json
from mnistnn.storage.writing import append_line, force
from mnistnn.sweep.description import Trial

SCHEMA_VERSION = 1


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class SuggestedPoint:
    """One line: a point's number, and its trials, one for each seed.

    `optuna` stands in what earlier versions wrote, which kept a journal of Optuna's as well; nothing asks for it.
    """

    schema_version: int
    point: int
    trials: list[Trial]
    optuna: int | None = None


_SUGGESTED = TypeAdapter(SuggestedPoint)


def append_suggested(path: Path, suggested: SuggestedPoint) -> None:
    """Add a point; when this returns it is on the disk. Raises ResourceError."""
    fields = {name: value for name, value in asdict(suggested).items() if name != "optuna"}
    append_line(path, json.dumps(json.loads(seal_json(fields))))
    force([path])


def read_suggested(path: Path) -> list[SuggestedPoint]:
    """Return all points that were suggested. Raises RunError for a whole line that is altered or foreign."""
    if not path.exists():
        return []
    content = read_own_file(path)
    lines = content[: content.rfind(b"\n") + 1].splitlines()
    return [
        parse_as(_SUGGESTED, line, f"{path}:{n}", "a point", SCHEMA_VERSION) for n, line in enumerate(lines, start=1)
    ]
