"""One trial, wherever it is asked for: begun, gone on with, or found to be done.

What is sent to a worker is a path and a name. All else lies in the folder, so the same trial may be asked for twice, by
a scheduler that lost sight of a worker, say: the lock of its run directory lets one work, and what is done stays done.
"""

import os
import platform
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mnistnn.errors import BusyError, InterruptedRunError, MnistnnError
from mnistnn.experiment.plan import Plan
from mnistnn.run import lock
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import RunRecord, read_record
from mnistnn.runner import session
from mnistnn.sweep.description import Trial
from mnistnn.sweep.pruning import Pruner
from mnistnn.sweep.study import Study, load_trial_config, note_begin, note_end, open_study, pruned_because

_POLL_S = 1.0

# A process trains one run at a time, however many threads a worker has.
_one_at_a_time = threading.Lock()


def _never() -> bool:
    return False


must_stop: Callable[[], bool] = _never
"""Tells whether this process shall begin no further trial; replaced by an engine that can ask for that."""


stopped_sittings: set[str] = set()
"""Sittings that were asked to stop: what is submitted by them is not begun any more. A process of a cluster outlives
them."""

sitting_at_work: str | None = None
"""For which sitting this process is doing a trial."""


def at_work() -> AbstractContextManager[object]:
    """Return the context in which this process trains; one at a time."""
    return _one_at_a_time


def is_at_work() -> bool:
    """Tell whether this process is training."""
    return _one_at_a_time.locked()


@dataclass(frozen=True)
class Ended:
    """How a trial ended here: the figures of its best epoch if it is finished, why if it failed or was pruned."""

    trial: str
    state: Literal["finished", "pruned", "failed", "stopped"]
    best: dict[str, float] | None = None
    seconds: float = 0.0
    problem: str | None = None


def run_trial(folder: str, name: str, sitting: str = "") -> Ended:
    """Do a trial of the sweep in `folder`, for a sitting of it. Raises nothing that belongs to the trial: an error is
    part of what it returns.
    """
    global sitting_at_work
    with at_work():
        study = open_study(Path(folder))
        trial = study.trial(name)
        sitting_at_work = sitting
        try:
            while not (must_stop() or sitting in stopped_sittings):
                try:
                    return _attempt(study, trial)
                except BusyError:  # somebody else is at it; what comes of that is as good as ours
                    time.sleep(_POLL_S)
        finally:
            sitting_at_work = None
    return Ended(name, "stopped")


def _attempt(study: Study, trial: Trial) -> Ended:
    run = study.run(trial)
    if (done := _finished(run, trial)) is not None:
        return done
    if lock.is_held(run):
        raise lock.busy(run)
    note_begin(study, trial, f"{platform.node()}:{os.getpid()}")
    try:
        loaded = load_trial_config(study, trial)
        hopeless = Pruner(study, trial) if study.description.prune else None
        if run.record.exists():
            outcome = session.resume_as(run, loaded, _SILENT, None, hopeless)
        else:
            outcome = session.start(Plan(loaded), run.path, run.path, _SILENT, None, hopeless)
    except InterruptedRunError as error:
        note_end(study, trial, None)
        return Ended(trial.id, "stopped", problem=str(error))
    except BusyError:
        note_end(study, trial, None)
        raise
    except MnistnnError as error:
        note_end(study, trial, str(error))
        return Ended(trial.id, "failed", problem=str(error))
    except MemoryError:
        note_end(study, trial, "out of memory")
        return Ended(trial.id, "failed", problem="out of memory")
    note_end(study, trial, None)
    return _ended(trial, outcome.record)


def _finished(run: RunDirectory, trial: Trial) -> Ended | None:
    """Return how a trial ended that is done already."""
    if not run.record.exists():
        return None
    try:
        record = read_record(run)
    except MnistnnError:
        return None  # whoever goes on from it will say what is wrong
    if record.status != "finished":
        return None
    return _ended(trial, record)


def _ended(trial: Trial, record: RunRecord) -> Ended:
    """Return what the record of a finished run says."""
    if (why := pruned_because(record)) is not None:
        return Ended(trial.id, "pruned", None, record.seconds, why)
    return Ended(trial.id, "finished", record.best, record.seconds)


_SILENT = session.View(shown=False)
