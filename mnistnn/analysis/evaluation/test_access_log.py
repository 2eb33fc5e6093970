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


def log_test_access(run: RunDirectory, trained: Trained) -> int:
    """Append to the test-access log; return how many there are now."""
    log = _log_in(run)
    entry = {
        "time": now(),
        "checkpoint": trained.label,
        "file": trained.file,
        "epoch": trained.epoch,
    }
    append_line(log, json.dumps(entry))
    force([log])
    return count_test_accesses(run)


def count_test_accesses(run: RunDirectory) -> int:
    """Count the entries of the test-access log. A line without an end is of an `eval` that was killed before it
    showed a result.
    """
    log = _log_in(run)
    return read_own_file(log).count(b"\n") if log.exists() else 0


def _log_in(run: RunDirectory) -> Path:
    return file_in(run.evaluations, TEST_ACCESS_LOG)


def said(readings: int) -> str:
    """Return a sentence on how often the test split was read."""
    return f"the test split has been read {times(readings)} for this run"


def times(readings: int) -> str:
    """Say how often something was done: never, once, 2 times."""
    return {0: "never", 1: "once"}.get(readings, f"{readings} times")
