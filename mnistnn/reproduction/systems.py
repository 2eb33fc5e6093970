"""Published systems, year by year, and the experiments that reproduce them.

A group of experiments whose folder has a `systems.csv` is such a history. The file names, for each system, the year,
the published test error in percent, the experiment, and a short form of that, which may be the same file.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from mnistnn.errors import UsageError
from mnistnn.reproduction.member import Member

SYSTEMS = "systems.csv"
_FIELDS = ("year", "system", "published", "file", "short")


@dataclass(frozen=True)
class System:
    """One published system. `published` is its test error as a fraction; `experiment` reproduces it, and `short` does
    so in less time and less well.
    """

    year: int
    name: str
    published: float
    experiment: Member
    short: Member


def has_history(folder: Path, group: str) -> bool:
    """Tell whether a group of the collection is a history."""
    return (folder / group / SYSTEMS).is_file()


def systems_of(folder: Path, group: str) -> list[System]:
    """Return the systems of a history. Raises UsageError, at its line, for a file that is none."""
    path = folder / group / SYSTEMS
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not readable as a table of systems ({error})") from error
    rows = csv.reader(text.splitlines(), strict=True)
    found: list[System] = []
    try:
        if (header := next(rows, [])) != list(_FIELDS):
            raise UsageError(f"{path}:1: expected the columns {','.join(_FIELDS)}, got {','.join(header)}")
        for row in rows:
            year, name, published, file, short = row
            members = [Member(folder, f"{group}/{each}") for each in (file, short)]
            for each in members:
                if not (folder / each.file).is_file():
                    raise UsageError(f"{path}:{rows.line_num}: there is no experiment {each.file}")
            found.append(System(int(year), name, float(published) / 100, *members))
    except (ValueError, csv.Error) as error:
        raise UsageError(f"{path}:{rows.line_num}: not a system ({error})") from error
    return found
