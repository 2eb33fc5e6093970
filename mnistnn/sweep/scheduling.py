"""Scheduling of the open trials of a sweep: they are submitted to an engine and reported as they end.

A worker that dies takes no other trial with it for good. Trials that were under way when a pool of workers broke are
tried one at a time afterwards, in a pool of their own, so that the one that kills its worker is known by it; it is
tried a bounded number of times and then counts as failed, and the others go on. Workers that die before they begin a
trial would die for any: after a few pools of such workers the sweep ends.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass

from mnistnn.errors import InterruptedRunError, MnistnnError, ResourceError, SweepError
from mnistnn.run import lock
from mnistnn.run.directory import as_argument
from mnistnn.runner.signals import StopRequest
from mnistnn.sweep.description import Trial
from mnistnn.sweep.engines import Engine, Pool
from mnistnn.sweep.search import searching
from mnistnn.sweep.study import DONE, Study, note_end, standing
from mnistnn.sweep.trial import Ended, run_trial

_POLL_S = 0.2
_MOST_FRUITLESS = 3
"""How many pools in turn may lose their workers before a trial was begun. One may have been killed by chance."""
_FINISHED = ("finished", "pruned", "diverged")
_LOST = "the scheduler is gone, or has forgotten trials that were under way; finished ones are kept"


@dataclass(frozen=True)
class Progress:
    """One trial that has ended, or is waited for because another process is at it, and how many of how many are
    finished now.
    """

    ended: Ended
    trial: Trial
    finished: int
    trials: int


def run_study(study: Study, engine: Engine, tell: Callable[[Progress], None], points_at_a_time: int = 1) -> int | None:
    """Do all trials that are neither finished nor failed; return the number of the signal that stopped it, if one did
    before the last of them.

    Everything that a trial can end with, a dead process included, is told, and does not end the others. Where points
    are asked for one after the other, so many are under way at a time.

    Raises ResourceError, when all is saved that is under way, if the disk or the device refuses; SweepError if workers
    die, again and again, before they have begun a trial.
    """
    study.refuse_untrusted()
    with StopRequest() as stop, searching(study) as searcher:
        at_first = [(trial, standing(study, trial).state) for trial in study.trials]
        waiting = [trial for trial, state in at_first if state not in DONE]
        finished = sum(state in _FINISHED for _, state in at_first)

        def note(trial: Trial, ended: Ended) -> None:
            nonlocal finished
            finished += ended.state in _FINISHED
            tell(Progress(ended, trial, finished, study.expected_trials))

        def ask(points_under_way: int) -> list[Trial]:
            """Return the trials of one more point, if it is time for that; tell what became of others before."""
            while searcher is not None and points_under_way < points_at_a_time and is_more_to_ask():
                if stop.number is not None:
                    break
                searcher.settle()
                trials = searcher.ask()
                if not (invalid := [trial for trial in trials if standing(study, trial).state == "failed"]):
                    return trials
                for trial in invalid:
                    note(trial, Ended(trial.id, "failed", problem=standing(study, trial).problem))
            return []

        def is_more_to_ask() -> bool:
            return searcher is not None and not searcher.is_exhausted

        suspects: list[Trial] = []
        patience = _Patience(study)
        while (waiting or suspects or is_more_to_ask()) and stop.number is None:
            if suspects:
                with engine.open(1) as pool:
                    left = _round(study, [suspects.pop(0)], pool, stop, note, lambda _: [])
            else:
                with engine.open() as pool:
                    left = _round(study, waiting, pool, stop, note, ask)
                waiting = []
            if left and stop.number is None:
                patience.lose()
            for trial in left:
                now = standing(study, trial)
                if now.state == "failed":
                    note(trial, Ended(trial.id, "failed", problem=now.problem))
                elif now.begun:
                    suspects.append(trial)
                else:
                    waiting.append(trial)
        if searcher is not None:
            searcher.settle()
        is_done = not is_more_to_ask() and all(standing(study, trial).state in DONE for trial in study.trials)
        return None if is_done else stop.number


class _Patience:
    """Counts pools in turn that lost trials, although none was begun."""

    def __init__(self, study: Study) -> None:
        self._study, self._noted, self._fruitless = study, _bytes_noted(study), 0

    def lose(self) -> None:
        """Count a pool that lost trials. Raises SweepError at the last that is borne."""
        before, self._noted = self._noted, _bytes_noted(self._study)
        self._fruitless = self._fruitless + 1 if self._noted == before else 0
        if self._fruitless == _MOST_FRUITLESS:
            raise SweepError(
                f"workers died {_MOST_FRUITLESS} times in turn before they had begun a trial; why is said above. Once "
                f"that is mended, go on with: mnistnn sweep resume {as_argument(self._study.path)}"
            )


def _bytes_noted(study: Study) -> int:
    """Return how much is noted of attempts at all trials: it grows whenever one is begun."""
    paths = map(study.attempts, study.trials)
    return sum(path.stat().st_size for path in paths if path.exists())


def _round(
    study: Study,
    batch: Sequence[Trial],
    pool: Pool,
    stop: StopRequest,
    note: Callable[[Trial, Ended], None],
    ask: Callable[[int], list[Trial]],
) -> list[Trial]:
    """Submit trials and wait for them; return those that were lost because a process died, or was asked to end.

    `ask` is given the number of points under way, again whenever a trial has ended, and returns trials to add.
    """
    futures: dict[Future[Ended], Trial] = {}
    lost: list[Trial] = []
    elsewhere: list[Trial] = []  # in the hands of another process
    refused: str | None = None

    def submit(trials: Sequence[Trial]) -> set[Future[Ended]]:
        submitted = {}
        try:
            for trial in trials:
                future = pool.executor.submit(
                    run_trial,
                    str(study.path.resolve()),
                    trial.id,
                    pool.session,
                    frozenset(study.plugins.digests.values()),
                )
                submitted[future] = trial
        except BrokenExecutor:  # while the first ones were under way already
            lost.extend(trials[len(submitted) :])
        futures.update(submitted)
        return set(submitted)

    stop.before_death = pool.kill
    waiting, has_ended, is_stopping = submit(batch), True, False
    while True:
        while has_ended and not (lost or is_stopping) and (trials := ask(_points(futures, waiting, elsewhere))):
            waiting |= submit(trials)
        if not (is_stopping or lost) and (free := [t for t in elsewhere if not lock.is_held(study.run(t))]):
            elsewhere = [trial for trial in elsewhere if trial not in free]
            waiting |= submit(free)
        if not waiting and (is_stopping or lost or not elsewhere):
            break
        if not waiting:
            time.sleep(_POLL_S)
        done, waiting = wait(waiting, timeout=_POLL_S, return_when=FIRST_COMPLETED)
        has_ended = bool(done)
        for future in done:
            trial = futures[future]
            ended = _ended(study, trial, future, is_stopping)
            if ended is None or (ended.state == "stopped" and not is_stopping):
                lost.append(trial)
            elif ended.state == "refused":
                refused = refused or ended.problem
            elif refused is not None and ended.state == "stopped":
                continue  # saved, as is said in the end
            elif ended.state == "busy" and trial not in elsewhere:
                elsewhere.append(trial)
                note(trial, ended)
            elif ended.state not in ("busy", "stopped") or ended.problem is not None:  # of what was not begun, nothing
                note(trial, ended)
        if (stop.number is not None or refused) and not is_stopping:
            is_stopping = True
            pool.stop(waiting)
    if refused is not None and stop.number is None:
        raise ResourceError(
            f"{refused}. What was under way is saved, and no trial failed by it; once that is mended, go on with: "
            f"mnistnn sweep resume {as_argument(study.path)}"
        )
    return [] if is_stopping else [*lost, *elsewhere]


def _points(futures: dict[Future[Ended], Trial], waiting: set[Future[Ended]], elsewhere: Sequence[Trial]) -> int:
    """Return how many points are under way."""
    return len({futures[future].point for future in waiting} | {trial.point for trial in elsewhere})


def _ended(study: Study, trial: Trial, future: "Future[Ended]", is_stopping: bool) -> Ended | None:
    """Return how a trial ended, None if its process died. Raises ResourceError if the scheduler is gone."""
    if future.cancelled():
        if not is_stopping:
            raise ResourceError(_LOST)
        return Ended(trial.id, "stopped")
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, BrokenExecutor):
        if not is_stopping:
            return None
        return Ended(trial.id, "stopped", problem="its process did not end in time; its last checkpoint stands")
    if isinstance(error, InterruptedRunError):
        return Ended(trial.id, "stopped", problem=str(error))
    if isinstance(error, MnistnnError):  # the sweep itself could not be read there
        return Ended(trial.id, "failed", problem=str(error))
    problem = f"{type(error).__name__}: {error}"  # a bug, or a worker of a cluster that died too often
    note_end(study, trial, problem)
    return Ended(trial.id, "failed", problem=problem)
