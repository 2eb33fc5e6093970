"""A run as it stands, again and again until no process trains it any more.

It reads and never waits for the other process: a last line that is still being written is left out until it is whole,
and a file that a resume cuts back is simply read as it is then.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from mnistnn.errors import MnistnnError
from mnistnn.run import lock
from mnistnn.run.config import load_run_config
from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import read_rows
from mnistnn.run.record import RunRecord, read_record
from mnistnn.run.status import best_of, metrics_in, status_of
from mnistnn.stopping import Stopping
from mnistnn.stopping.limits import MaxEpochs
from mnistnn.types import LAST, History, Row

POLL_S = 0.5

_USUAL_METRICS = ("valid.error", "valid.loss", "train.loss")


@dataclass(frozen=True)
class Seen:
    """How a run stands.

    status       as in a listing
    is_over      no process trains it
    ends         what will end it, as far as that is known; empty if it is over
    evaluated_s  when the last row was written, in seconds since the epoch of the system's clock; None without a row
    """

    record: RunRecord
    rows: History
    status: str
    is_over: bool
    ends: str
    evaluated_s: float | None

    @property
    def best(self) -> Row | None:
        return best_of(self.rows, self.record)


def look(run: RunDirectory) -> Seen:
    """Return how a run stands now. Raises RunError."""
    return next(follow(run))


def follow(run: RunDirectory) -> Iterator[Seen]:
    """Yield how a run stands, twice a second; the last time when it is over. Raises RunError."""
    rows, policies = _Rows(run), _Policies(run)
    while True:
        # Asked before anything is read: what a process wrote that has ended by now is then read for certain.
        was_held = lock.is_held(run)
        record = read_record(run)
        status = status_of(run, record)
        history = rows.read()
        is_over = not was_held and status != "running"
        ends = "" if is_over else what_ends(policies.of(record), history)
        yield Seen(record, history, status, is_over, ends, rows.written_s if history else None)
        if is_over:
            return
        time.sleep(POLL_S)


def metric_to_show(record: RunRecord, rows: History) -> str | None:
    """Return the figure that a run monitors, or else a usual one that it has; None if there is no row yet."""
    there = metrics_in(rows)
    wanted = () if record.monitor == LAST else (record.monitor,)
    return next((name for name in (*wanted, *_USUAL_METRICS, *there) if name in there), None)


def what_ends(policies: Sequence[Stopping], history: History) -> str:
    """Say what will end a run that got so far: `after epoch 20, or by course_patience`."""
    parts = []
    epochs = [policy.epochs for policy in policies if isinstance(policy, MaxEpochs)]
    if epochs:
        parts.append(f"after epoch {min(epochs):,}")
    for policy in policies:
        if isinstance(policy, MaxEpochs):
            continue
        limit_s, deadline = policy.time_limit_s(), None
        if all(name in row for row in history for name in ("updates", *policy.figures())):
            deadline = policy.deadline(history)
        if limit_s is not None:
            parts.append(f"after {limit_s:,g} s of training")
        elif deadline is not None:
            parts.append(f"at update {deadline.updates:,}{'' if deadline.is_fixed else ' unless it improves'}")
        else:
            parts.append(f"by {policy.type}")
    return ", or ".join(parts)


class _Rows:
    """The rows of a run, read again when the file has changed."""

    def __init__(self, run: RunDirectory) -> None:
        self._path = run.metrics
        self._state: tuple[int, ...] | None = None
        self._rows: History = []
        self.written_s = 0.0

    def read(self) -> History:
        state = None
        with suppress(OSError):  # it may not be there yet
            found = os.stat(self._path)
            state, self.written_s = (found.st_ino, found.st_size, found.st_mtime_ns), found.st_mtime
        if state is None or state != self._state:
            self._rows, self._state = read_rows(self._path), state
        return self._rows


class _Policies:
    """The stopping policies of a run, read again when a resume has changed its configuration."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._hash = ""
        self._policies: Sequence[Stopping] = ()

    def of(self, record: RunRecord) -> Sequence[Stopping]:
        if record.config_hash != self._hash:
            try:
                self._policies, self._hash = load_run_config(self._run).experiment.stopping, record.config_hash
            except MnistnnError:  # a resume is about to replace it, or it is damaged: then that is not known
                self._policies = ()
        return self._policies
