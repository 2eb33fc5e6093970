"""One trial: begun, resumed, or found to be finished.

What is sent to a worker is a path and a name. All else lies in the folder, so the same trial may be asked for twice, by
a scheduler that lost sight of a worker, say: the lock of its run directory lets one work, and what is done stays done.
"""

import os
import platform
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mnistnn.errors import BusyError, DivergedError, InterruptedRunError, MnistnnError
from mnistnn.experiment.plan import Plan
from mnistnn.run import lock
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import RunRecord, read_record
from mnistnn.runner.session import Verbosity, resume_as, start
from mnistnn.runner.signals import StopRequest
from mnistnn.sweep.description import Trial
from mnistnn.sweep.pruning import Pruner
from mnistnn.sweep.study import Study, load_trial_config, note_begin, note_end, open_study, pruned_because

_POLL_S = 1.0


@dataclass(frozen=True)
class Ended:
    """How a trial ended here: the metrics of its best epoch if it is finished, why if it failed or was pruned."""

    trial: str
    state: Literal["finished", "pruned", "diverged", "failed", "stopped"]
    best: dict[str, float] | None = None
    seconds: float = 0.0
    problem: str | None = None


class TrialWorker:
    """Does trials, or other runs, one at a time, however many threads its process has.

    It may be asked to stop for a session, which is all that one pool submits: what is under way for it then saves and
    ends, and no more of it is begun. A process of a cluster outlives sessions, and goes on with others.
    """

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._stopped: set[str] = set()
        self._under_way: tuple[str, StopRequest] | None = None

    @contextmanager
    def at_work(self, session: str = "") -> Iterator[StopRequest]:
        """Return the context in which a run is done for a session, once its turn has come. It heeds what is yielded."""
        with self._one_at_a_time, StopRequest() as stop:
            self._under_way = (session, stop)
            if session in self._stopped:  # asked after the line above: `stop` does both the other way round
                stop.ask(signal.SIGTERM)
            try:
                yield stop
            finally:
                self._under_way = None

    @property
    def is_at_work(self) -> bool:
        return self._one_at_a_time.locked()

    def stop(self, session: str = "") -> None:
        """Let what is under way for a session save and end, and begin no more of it. From any thread."""
        self._stopped.add(session)
        under_way = self._under_way
        if under_way is not None and under_way[0] == session:
            under_way[1].ask(signal.SIGTERM)

    def run(self, folder: Path, name: str, session: str = "") -> Ended:
        """Do a trial of the sweep in `folder`. Raises nothing that belongs to the trial: an error is part of what it
        returns.
        """
        with self.at_work(session) as stop:
            study = open_study(folder)
            trial = study.trial(name)
            while stop.number is None:
                try:
                    return _attempt(study, trial, stop)
                except BusyError:  # somebody else is at it; what comes of that is as good as ours
                    time.sleep(_POLL_S)
        return Ended(name, "stopped")


_WORKER = TrialWorker()


def process_worker() -> TrialWorker:
    """Return the worker of this process.

    There is one, of the module: executors send a function by its name, so it can find nothing but what its module has,
    and all that a process is sent, by whichever session, has to wait for the same lock.
    """
    return _WORKER


def run_trial(folder: str, name: str, session: str = "") -> Ended:
    """Do a trial by the worker of this process: what is submitted to an executor. See `TrialWorker.run`."""
    return process_worker().run(Path(folder), name, session)


def _attempt(study: Study, trial: Trial, stop: StopRequest) -> Ended:
    run = study.run(trial)
    if (done := _finished(run, trial)) is not None:
        return done
    if lock.is_held(run):
        raise lock.busy(run)
    note_begin(study, trial, f"{platform.node()}:{os.getpid()}")
    try:
        loaded = load_trial_config(study, trial)
        pruned_because = Pruner(study, trial) if study.description.prune else None
        if run.record.exists():
            outcome = resume_as(run, loaded, _SILENT, None, pruned_because, stop)
        else:
            outcome = start(Plan(loaded), run.path, run.path, _SILENT, None, pruned_because, stop)
    except InterruptedRunError as error:
        note_end(study, trial, None)
        return Ended(trial.id, "stopped", problem=str(error))
    except BusyError:
        note_end(study, trial, None)
        raise
    except DivergedError as error:
        note_end(study, trial, None)
        return Ended(trial.id, "diverged", problem=str(error))
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


_SILENT = Verbosity(shown=False)
