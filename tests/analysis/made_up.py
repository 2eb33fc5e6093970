"""Runs that nobody trained, for what reads metrics alone."""

from pathlib import Path

from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import RunRecord
from mnistnn.run.view import RunView


def view_of(record, config, rows, seconds=None, path="run") -> RunView:
    """A run of which all this was read, although there are no files."""
    view = RunView(RunDirectory(Path(path)))
    view.record, view.config, view.config_and_code = record, config, config
    view.rows, view.seconds = rows, seconds
    return view


def run_of(errors, first=1, step=1, seconds=None, name="toy", monitor="valid.error", config=None, **columns):
    """A run with a validation error at epochs first, first + step, …, of 10 updates and 200 examples each."""
    rows = [
        {"epoch": (e := first + step * i), "updates": 10 * e, "examples": 200 * e, "valid.error": error}
        | {column: values[i] for column, values in columns.items()}
        for i, error in enumerate(errors)
    ]
    record = RunRecord("id", name, "finished", "0" * 64, monitor, "2025-01-01T00:00:00+00:00", 1)
    return view_of(record, config or {}, rows, seconds)
