"""One experiment with several seeds, several runs at a time: each in a process of its own, an ordinary run directory.

There is no folder of a sweep, and no choice. What a process is given is all that it needs, so a run here differs from
one that was done alone in nothing but the most threads that it may use.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mnistnn.config.load import LoadedExperiment
from mnistnn.errors import (
    InterruptedRunError,
    MnistnnError,
    ResourceError,
    TimeBudgetError,
    TooLittleMemoryError,
)
from mnistnn.experiment.plan import Plan
from mnistnn.plugins.errors_of_code import said_of
from mnistnn.plugins.trust import trusting
from mnistnn.run.directory import RunDirectory, new_run_path
from mnistnn.runner.resuming import finished_run, resumable
from mnistnn.runner.session import Outcome, Verbosity, outcome_of, resume_as, start
from mnistnn.runner.signals import StopRequest
from mnistnn.sweep.engines import Local
from mnistnn.sweep.trial import process_worker

_POLL_S = 0.2
_SILENT = Verbosity(shown=False)


@dataclass(frozen=True)
class Session:
    """The order to a process to do one run. It is to save and stop when the monotonic clock, which is one
    for all processes of a machine and never steps back, shows `ends_at`. `run` is where it was
    begun, if it was.
    """

    loaded: LoadedExperiment
    runs: Path
    resume_auto: bool
    ends_at: float | None
    run: Path | None = None


@dataclass(frozen=True)
class SeedEnded:
    """How the run of a seed ended: its outcome if it is finished, otherwise what kept it from that; of a stopped one,
    where it lies. `refused` says that the disk or the device refuses.
    """

    seed: int
    state: Literal["finished", "stopped", "out of time", "failed", "refused"]
    outcome: Outcome | None = None
    problem: str | None = None
    run: Path | None = None


def train_seeds(
    experiments: Sequence[LoadedExperiment],
    workers: int,
    runs: Path,
    resume_auto: bool,
    time_budget_s: float | None,
    tell: Callable[[SeedEnded], None],
) -> int | None:
    """Do a run of each experiment, so many at a time, and tell of each as it ends; return the number of the signal that
    stopped them, if one did before the last of them.

    A run that is finished already is not done again where unfinished ones are gone on with. The time budget is that of
    all together: runs that are under way when it is spent save and stop, and those whose turn has not come are not
    begun. What is under way when a process dies can be gone on with.

    Raises ResourceError, when all is saved that is under way, if the disk or the device refuses.
    """
    ends_at = None if time_budget_s is None else time.monotonic() + time_budget_s
    waiting = []
    for loaded in experiments:
        if resume_auto and (finished := finished_run(loaded, runs)) is not None:
            tell(SeedEnded(loaded.experiment.seed, "finished", outcome_of(finished), "finished already"))
        else:
            waiting.append(Session(loaded, runs, resume_auto, ends_at))
    with StopRequest() as stop:
        while waiting and stop.number is None:
            waiting = _round(waiting, workers, stop, tell)
        return stop.number if waiting else None


def _round(
    sessions: Sequence[Session], workers: int, stop: StopRequest, tell: Callable[[SeedEnded], None]
) -> list[Session]:
    """Do runs and tell of each as it ends; return those that were stopped, to be gone on with if nobody asked for that
    but a signal to a process that did them.
    """
    left: list[Session] = []
    refused: str | None = None
    with Local(workers).open() as pool:
        stop.before_death = pool.kill
        futures = {_submitted(pool.executor, session): session for session in sessions}
        waiting, is_stopping = set(futures), False
        while waiting:
            done, waiting = wait(waiting, timeout=_POLL_S, return_when=FIRST_COMPLETED)
            for future in done:
                session = futures[future]
                ended = _ended(future, session.loaded.experiment.seed, is_stopping)
                if ended.state == "refused":
                    refused = refused or ended.problem
                elif ended.state != "stopped":
                    tell(ended)
                else:
                    left.append(replace(session, run=ended.run))
                    if ended.problem is not None and stop.number is not None:  # of what was not begun, nothing
                        tell(ended)
            if (stop.number is not None or refused) and not is_stopping:
                is_stopping = True
                pool.stop()
    if refused is not None and stop.number is None:
        raise ResourceError(f"{refused}. What was under way is saved; once that is mended: --resume auto")
    return left


def _submitted(executor: Executor, session: Session) -> Future[SeedEnded]:
    """Submit a run; where a process has died already, return what has failed by that."""
    try:
        return executor.submit(_train_seed, session)
    except BrokenExecutor as error:
        failed: Future[SeedEnded] = Future()
        failed.set_exception(error)
        return failed


def _ended(future: Future[SeedEnded], seed: int, is_stopping: bool) -> SeedEnded:
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, InterruptedRunError):
        return SeedEnded(seed, "stopped", problem=str(error))
    if isinstance(error, BrokenExecutor):
        if is_stopping:
            return SeedEnded(seed, "stopped", problem="its process did not end in time; its last checkpoint stands")
        return SeedEnded(seed, "failed", problem="a process died; --resume auto goes on with what was under way")
    return SeedEnded(seed, "failed", problem=f"{type(error).__name__}: {error}")


def _train_seed(session: Session) -> SeedEnded:
    """Do a run in this process. An error is part of what is returned."""
    seed = session.loaded.experiment.seed
    loaded = session.loaded
    trusted = () if loaded.lacking else loaded.plugins.digests.values()  # by the process that sent it
    with process_worker().at_work() as stop, trusting(trusted):
        left_s = None if session.ends_at is None else session.ends_at - time.monotonic()
        if stop.number is not None:
            return SeedEnded(seed, "stopped")
        if left_s is not None and left_s <= 0:
            return SeedEnded(seed, "out of time", problem="not begun")
        path = session.run
        try:
            path = path or _place_of(session)
            return SeedEnded(seed, "finished", _train(session, path, left_s, stop))
        except InterruptedRunError as error:
            return SeedEnded(seed, "stopped", problem=str(error), run=path)
        except TimeBudgetError as error:
            return SeedEnded(seed, "out of time", problem=str(error))
        except (MemoryError, TooLittleMemoryError) as error:
            return SeedEnded(seed, "failed", problem=str(error) or "out of memory")
        except ResourceError as error:
            return SeedEnded(seed, "refused", problem=str(error))
        except MnistnnError as error:
            return SeedEnded(seed, "failed", problem=str(error))
        except Exception as error:
            if (said := said_of(error)) is None:
                raise
            return SeedEnded(seed, "failed", problem=said)


def _place_of(session: Session) -> Path:
    """Return where the run of a session lies or is to lie. Raises UsageError for a reserved name."""
    loaded, runs = session.loaded, session.runs
    if session.resume_auto and (unfinished := resumable(loaded, runs, None)):
        return unfinished.path
    return new_run_path(runs, loaded.experiment.name)


def _train(session: Session, path: Path, time_budget_s: float | None, stop: StopRequest) -> Outcome:
    run = RunDirectory(path)
    if run.record.exists():
        return resume_as(run, session.loaded, _SILENT, time_budget_s, stop=stop)
    return start(Plan(session.loaded), path, session.runs, _SILENT, time_budget_s, stop=stop)
