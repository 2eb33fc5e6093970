"""The test-access log of a run: every access to its test split is one line.

Each reading makes the metrics of that split a little less honest as a measure of generalisation, so the count is shown
with them. Whoever shows anything of the test digits counts it here first.
"""

import json
from pathlib import Path

from mnistnn.experiment.trained import Trained
from mnistnn.run.directory import RunDirectory
from mnistnn.storage.inside import file_in
from mnistnn.storage.reading import read_own_file
from mnistnn.storage.timestamp import now
from mnistnn.storage.writing import append_line, force

TEST_ACCESS_LOG = "test-readings.jsonl"


def log_test_access(run: RunDirectory, trained: Trained, dataset: str | None = None) -> int:
    """Append to the test-access log; return how many entries there are now.

    dataset  whose test split is read, if not that of the run's own set: it has a log of its own
    """
    log = _log_in(run, dataset)
    entry = {
        "time": now(),
        "checkpoint": trained.label,
        "file": trained.file,
        "epoch": trained.epoch,
    }
    append_line(log, json.dumps(entry))
    force([log])
    return count_test_accesses(run, dataset)


def count_test_accesses(run: RunDirectory, dataset: str | None = None) -> int:
    """Count the entries of the test-access log. A line without an end is of an `eval` that was killed before it
    showed a result.
    """
    log = _log_in(run, dataset)
    return read_own_file(log).count(b"\n") if log.exists() else 0


def _log_in(run: RunDirectory, dataset: str | None) -> Path:
    return file_in(run.evaluations if dataset is None else run.evaluations_on(dataset), TEST_ACCESS_LOG)


def said(readings: int, dataset: str | None = None) -> str:
    """Return a sentence on how often the test split was read, of the run's own set or of another."""
    of = "" if dataset is None else f" of {dataset}"
    return f"the test split{of} has been read {times(readings)} for this run"


def times(readings: int) -> str:
    """Say how often something was done: never, once, 2 times."""
    return {0: "never", 1: "once"}.get(readings, f"{readings} times")
