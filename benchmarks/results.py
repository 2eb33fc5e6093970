"""All that was measured on one device, as a file: of these the page is made, and with one a later run is compared."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.row import Row, as_data, from_data
from mnistnn.errors import UsageError
from mnistnn.storage.writing import write_atomically

SCHEMA_VERSION = 2
WORSE = 1.15  # a ratio to the limit that grew by more than this is a loss of speed
DEVICES = ("cpu", "cuda")


@dataclass(frozen=True)
class Results:
    """Rows, and the environment that they were measured in."""

    environment: dict[str, Any]
    rows: Sequence[Row]

    @property
    def device(self) -> str:
        return str(self.environment["device"])

    def of(self, section: str) -> list[Row]:
        return [row for row in self.rows if row.section == section]


def renewed(old: Results, new: Results, sections: Sequence[str]) -> Results:
    """Return old results with some sections as they were measured now, whose rows say by which commit."""
    git = new.environment["git"] or {"commit": "unknown", "dirty": False}
    commit = f"{git['commit'][:10]}{', changed' if git['dirty'] else ''}"
    kept = [row for row in old.rows if row.section not in sections]
    return Results(old.environment, [*kept, *(replace(row, commit=commit) for row in new.rows)])


def write(results: Results, path: Path) -> None:
    data = {
        "schema_version": SCHEMA_VERSION,
        "environment": results.environment,
        "rows": [as_data(row) for row in results.rows],
    }
    write_atomically(path, (json.dumps(data, indent=2) + "\n").encode())


def read(path: Path) -> Results:
    """Read what `write` wrote. Raises UsageError for anything else."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"schema_version {data['schema_version']}, and only {SCHEMA_VERSION} is known")
        results = Results(data["environment"], [from_data(row) for row in data["rows"]])
        if results.device not in DEVICES:
            raise ValueError(f"device {results.device}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is not readable as measurements of a benchmark ({error})") from error
    return results


def read_all(folder: Path) -> list[Results]:
    """Return the results of each device that there is a file of, in the order of `DEVICES`."""
    paths = [folder / f"{device}.json" for device in DEVICES]
    return [read(path) for path in paths if path.exists()]


def losses(now: Results, before: Results) -> list[str]:
    """Say which ratios to the limit are worse than they were, by more than `WORSE`."""
    earlier = {row.name: row.against_limit for row in before.rows}
    said = []
    for row in now.rows:
        then, ratio = earlier.get(row.name), row.against_limit
        if then is not None and ratio is not None and ratio > WORSE * then:
            said.append(f"{row.name}: {ratio:.2f} times the limit, {then:.2f} before")
    return said
