"""Live status of a run: read again and again until no process trains it any more.

It reads and never waits for the other process: a last line that is still being written is left out until it is whole,
and a file that a resume cuts back is simply read as it is then.
"""

import time
from collections.abc import Iterator, Sequence

from mnistnn.errors import MnistnnError
from mnistnn.run import lock
from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import metrics_in
from mnistnn.run.record import RunRecord
from mnistnn.run.view import RunView
from mnistnn.stopping import Stopping
from mnistnn.stopping.limits import MaxEpochs
from mnistnn.types import LAST, History

POLL_S = 0.5

_USUAL_METRICS = ("valid.error", "valid.loss", "train.loss")


def current_view(run: RunDirectory, before: RunView | None = None) -> RunView:
    """Return how a run stands now: its record and its rows are read. Raises RunError.

    before  an earlier view, from which is taken what has not changed since
    """
    # Asked before anything is read: what a process wrote that has ended by now is then read for certain.
    view = RunView(run, was_held=lock.is_held(run))
    if before is not None:
        view.take_unchanged(before)
    _ = view.rows
    return view


def follow(run: RunDirectory) -> Iterator[RunView]:
    """Yield how a run stands, twice a second; the last time when it is over. Raises RunError."""
    view = current_view(run)
    while True:
        yield view
        if view.is_over:
            return
        time.sleep(POLL_S)
        view = current_view(run, view)


def ends(view: RunView) -> str:
    """Say what will end a run, as far as that is known; empty if it is over."""
    if view.is_over:
        return ""
    try:
        policies = view.loaded.experiment.stopping
    except MnistnnError:  # a resume is about to replace it, or it is damaged: then that is not known
        return ""
    return what_ends(policies, view.rows)


def metric_to_show(record: RunRecord, rows: History) -> str | None:
    """Return the metric that a run monitors, or else a usual one that it has; None if there is no row yet."""
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
        if all(name in row for row in history for name in ("updates", *policy.metrics())):
            deadline = policy.deadline(history)
        if limit_s is not None:
            parts.append(f"after {limit_s:,g} s of training")
        elif deadline is not None:
            parts.append(f"at update {deadline.updates:,}{'' if deadline.is_fixed else ' unless it improves'}")
        else:
            parts.append(f"by {policy.type}")
    return ", or ".join(parts)
