"""Doing the trials of a sweep that are not done: submitted to an engine, and told of as they end.

A worker that dies takes no other trial with it for good. Trials that were under way when a pool of workers broke are
tried one at a time afterwards, in a pool of their own, so that the one that kills its worker is known by it; it is
tried a bounded number of times and then counts as failed, and the others go on.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass

from mnistnn.errors import MnistnnError, ResourceError
from mnistnn.signals import StopRequest
from mnistnn.sweep.engines import Engine, Pool
from mnistnn.sweep.study import Study, Trial, note_end, standing
from mnistnn.sweep.trial import Ended, run_trial

_POLL_S = 0.2
_LOST = "the scheduler is gone, or has forgotten trials that were under way; finished ones are kept"


@dataclass(frozen=True)
class Progress:
    """One trial that has ended, and how many of how many are finished now."""

    ended: Ended
    trial: Trial
    finished: int
    trials: int


def run_study(study: Study, engine: Engine, tell: Callable[[Progress], None]) -> int | None:
    """Do all trials that are neither finished nor failed; return the number of the signal that stopped it, if one did.

    Everything that a trial can end with, a dead process included, is told, and does not end the others.
    """
    waiting = [trial for trial in study.trials if standing(study, trial).state not in ("finished", "failed")]
    finished = sum(standing(study, trial).state == "finished" for trial in study.trials)

    def note(trial: Trial, ended: Ended) -> None:
        nonlocal finished
        finished += ended.state == "finished"
        tell(Progress(ended, trial, finished, len(study.trials)))

    with StopRequest() as stop:
        suspects: list[Trial] = []
        while (waiting or suspects) and stop.number is None:
            if suspects:
                batch, workers = [suspects.pop(0)], 1
            else:
                batch, waiting, workers = waiting, [], None
            with engine.open(workers) as pool:
                left = _round(study, batch, pool, stop, note)
            for trial in left:
                now = standing(study, trial)
                if now.state == "failed":
                    note(trial, Ended(trial.id, "failed", problem=now.problem))
                elif now.begun:
                    suspects.append(trial)
                else:
                    waiting.append(trial)
        return stop.number


def _round(
    study: Study, batch: Sequence[Trial], pool: Pool, stop: StopRequest, note: Callable[[Trial, Ended], None]
) -> list[Trial]:
    """Submit trials and wait for them; return those that were lost because a process died."""
    futures: dict[Future[Ended], Trial] = {}
    lost: list[Trial] = []
    try:
        for trial in batch:
            futures[pool.executor.submit(run_trial, str(study.path.resolve()), trial.id)] = trial
    except BrokenExecutor:  # while the first ones were under way already
        lost += [trial for trial in batch if trial not in futures.values()]
    waiting, is_stopping = set(futures), False
    while waiting:
        done, waiting = wait(waiting, timeout=_POLL_S, return_when=FIRST_COMPLETED)
        for future in done:
            trial = futures[future]
            if future.cancelled():
                if not is_stopping:  # not by us: the scheduler is gone
                    raise ResourceError(_LOST)
                continue
            error = future.exception()
            if error is None:
                note(trial, future.result())
            elif isinstance(error, BrokenExecutor):
                lost.append(trial)
            elif isinstance(error, MnistnnError):  # the sweep itself could not be read there
                note(trial, Ended(trial.id, "failed", problem=str(error)))
            else:  # a bug, or a worker of a cluster that died too often
                problem = f"{type(error).__name__}: {error}"
                note_end(study, trial, problem)
                note(trial, Ended(trial.id, "failed", problem=problem))
        if stop.number is not None and not is_stopping:
            is_stopping = True
            for future in waiting:
                future.cancel()
            pool.stop()
    return [] if is_stopping else lost
