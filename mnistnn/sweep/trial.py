"""One trial: begun, resumed, or found to be finished.

What is sent to a worker is a path, a name, and which code is trusted. All else lies in the folder, so the same trial
may be asked for twice, by a scheduler that lost sight of a worker, say: the lock of its run directory lets one work,
and what is done stays done.
"""

import os
import platform
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mnistnn.errors import (
    BusyError,
    DivergedError,
    InterruptedRunError,
    MnistnnError,
    ResourceError,
    TooLittleMemoryError,
)
from mnistnn.experiment.plan import Plan
from mnistnn.plugins.errors_of_code import said_of
from mnistnn.plugins.trust import trusting
from mnistnn.run import lock
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import RunRecord, read_record
from mnistnn.runner.session import Verbosity, resume_as, start
from mnistnn.runner.signals import StopRequest
from mnistnn.sweep.description import Trial
from mnistnn.sweep.pruning import Pruner
from mnistnn.sweep.study import Study, attempt_of, begun_by, load_trial_config, note_end, open_study, pruned_because


@dataclass(frozen=True)
class Ended:
    """How a trial ended here: the metrics of its best epoch if it is finished, why if it failed or was pruned.

    stopped  it was asked to save and end, by the signal `stopped_by`
    busy     another process is at it
    refused  the disk or the device refuses, which is nothing that the trial could do better
    """

    trial: str
    state: Literal["finished", "pruned", "diverged", "failed", "stopped", "busy", "refused"]
    best: dict[str, float] | None = None
    seconds: float = 0.0
    problem: str | None = None
    stopped_by: int | None = None


class TrialWorker:
    """Does trials, or other runs, one at a time, however many threads its process has.

    It may be asked to stop for a session, which is all that one pool submits: what is under way for it then saves and
    ends, and no more of it is begun. A process of a cluster outlives sessions, and goes on with others.

    watches_signals  False in a process that heeds signals all its life, and not only while it is at work
    """

    def __init__(self) -> None:
        self.watches_signals = True
        self._one_at_a_time = threading.Lock()
        self._stopped: set[str] = set()
        self._under_way: tuple[str, StopRequest] | None = None

    @contextmanager
    def at_work(self, session: str = "") -> Iterator[StopRequest]:
        """Return the context in which a run is done for a session, once its turn has come. It heeds what is yielded."""
        with self._one_at_a_time, StopRequest(self.watches_signals) as stop:
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

    def interrupt(self) -> None:
        """Let what is under way save and end; what comes after it is begun."""
        if (under_way := self._under_way) is not None:
            under_way[1].ask(signal.SIGTERM)

    def run(self, folder: Path, name: str, session: str = "", trusted: frozenset[str] = frozenset()) -> Ended:
        """Do a trial of the sweep in `folder`. Raises nothing that belongs to the trial, or to the machine: an error is
        part of what it returns.

        trusted  digests of code that whoever submits it trusts
        """
        with self.at_work(session) as stop, trusting(trusted):
            if stop.number is not None:
                return Ended(name, "stopped", stopped_by=stop.number)
            try:
                study = open_study(folder)
                return _attempt(study, study.trial(name), stop)
            except ResourceError as error:
                return Ended(name, "refused", problem=str(error))


_WORKER = TrialWorker()


def process_worker() -> TrialWorker:
    """Return the worker of this process.

    There is one, of the module: executors send a function by its name, so it can find nothing but what its module has,
    and all that a process is sent, by whichever session, has to wait for the same lock.
    """
    return _WORKER


def run_trial(folder: str, name: str, session: str = "", trusted: frozenset[str] = frozenset()) -> Ended:
    """Do a trial by the worker of this process: what is submitted to an executor. See `TrialWorker.run`."""
    return process_worker().run(Path(folder), name, session, trusted)


def _attempt(study: Study, trial: Trial, stop: StopRequest) -> Ended:
    run = study.run(trial)
    if (done := _finished(run, trial)) is not None:
        return done
    if lock.is_held(run):
        return Ended(trial.id, "busy", problem=f"another process is at it{begun_by(study, trial)}")
    with attempt_of(study, trial, f"{platform.node()}:{os.getpid()}"):
        try:
            loaded = load_trial_config(study, trial)
            pruned_because = Pruner(study, trial) if study.description.prune else None
            if run.record.exists():
                outcome = resume_as(run, loaded, _SILENT, None, pruned_because, stop)
            else:
                outcome = start(Plan(loaded), run.path, run.path, _SILENT, None, pruned_because, stop)
        except InterruptedRunError as error:
            note_end(study, trial, None)
            return Ended(trial.id, "stopped", problem=str(error), stopped_by=error.signal_number)
        except BusyError:
            note_end(study, trial, None)
            return Ended(trial.id, "busy", problem="another process is at it")
        except DivergedError as error:
            note_end(study, trial, None)
            return Ended(trial.id, "diverged", problem=str(error))
        except (MemoryError, TooLittleMemoryError) as error:
            problem = str(error) or "out of memory"
            note_end(study, trial, problem)
            return Ended(trial.id, "failed", problem=problem)
        except ResourceError:
            raise
        except MnistnnError as error:
            note_end(study, trial, str(error))
            return Ended(trial.id, "failed", problem=str(error))
        except Exception as error:
            if (said := said_of(error)) is None:
                raise
            note_end(study, trial, said)
            return Ended(trial.id, "failed", problem=said)
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
