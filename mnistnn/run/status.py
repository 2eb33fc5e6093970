"""What there is under a folder of runs, and how each run stands."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mnistnn.errors import RunError
from mnistnn.run import lock
from mnistnn.run.checkpoint import newest_first
from mnistnn.run.directory import RunDirectory, all_runs
from mnistnn.run.metrics import read_rows
from mnistnn.run.record import RunRecord, read_record
from mnistnn.types import LAST, History, Row, best_row

DEAD = "dead (resumable)"
UNREADABLE = "unreadable"

COLUMNS = {"epochs": "epoch", "updates": "updates", "examples": "examples"}
COUNTERS = tuple(COLUMNS.values())
"""Columns that count how far training has come, and are no figures."""


@dataclass(frozen=True)
class Listed:
    """One run in a listing; `valid_error` is that of its best epoch. `problem` says why an unreadable one is."""

    id: str
    path: str
    name: str
    status: str
    started: str | None = None
    epochs: int | None = None
    best_epoch: float | None = None
    valid_error: float | None = None
    problem: str | None = None


def status_of(run: RunDirectory, record: RunRecord) -> str:
    """Return the recorded status, but `dead (resumable)` for a run whose process is gone without a word."""
    if record.status != "running" or lock.is_held(run):
        return record.status
    # It may have ended, as it should, between the reading of its record and the look at its lock.
    now = read_record(run).status
    return DEAD if now == "running" else now


def list_runs(runs: Path) -> list[Listed]:
    """Return every run under `runs`; one that cannot be read is listed as such."""
    return [_listed(run) for run in all_runs(runs)]


def _listed(run: RunDirectory) -> Listed:
    try:
        record = read_record(run)
        rows = read_rows(run.metrics)
    except RunError as error:
        return Listed(run.path.name, str(run.path), run.path.parent.name, UNREADABLE, problem=str(error))
    best = best_of(rows, record)
    return Listed(
        id=run.path.name,
        path=str(run.path),
        name=record.name,
        status=status_of(run, record),
        started=record.started,
        epochs=int(rows[-1]["epoch"]) if rows else 0,
        best_epoch=best["epoch"] if best else None,
        valid_error=best.get("valid.error") if best else None,
    )


def best_of(rows: History, record: RunRecord) -> Row | None:
    """Return the row of the best epoch, by the run's own measure."""
    measured = [row for row in rows if record.monitor == LAST or record.monitor in row]
    index = best_row(measured, record.monitor)
    return None if index is None else measured[index]


def _describe_phase(run: RunDirectory) -> dict[str, Any]:
    record, rows = read_record(run), read_rows(run.metrics)
    return {
        "name": run.path.name,
        "path": str(run.path),
        "status": status_of(run, record),
        "epochs": int(rows[-1]["epoch"]) if rows else 0,
        "seconds": record.seconds,
        "last": rows[-1] if rows else None,
    }


def describe_run(run: RunDirectory) -> dict[str, Any]:
    """Return everything worth showing about one run, as JSON-able values. Raises RunError."""
    record = read_record(run)
    rows = read_rows(run.metrics)
    best = best_of(rows, record)
    return {
        **asdict(record),
        "path": str(run.path),
        "status": status_of(run, record),
        "epochs": int(rows[-1]["epoch"]) if rows else 0,
        "best_epoch": best["epoch"] if best else None,
        "best": best,
        "last": rows[-1] if rows else None,
        "rows": rows,
        "phases": [_describe_phase(RunDirectory(phase.parent)) for phase in sorted(run.phases.glob("*/run.json"))],
        "checkpoints": [path.name for path in newest_first(run.checkpoints)],
    }


def metrics_in(rows: Iterable[Row]) -> list[str]:
    """Return the names of all figures in rows, in the order in which they are kept."""
    return list(dict.fromkeys(name for row in rows for name in row if name not in COUNTERS))
