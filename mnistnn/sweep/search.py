"""The search: Optuna suggests points one after the other, each by the results of those before.

What counts is asked.jsonl and the run directories. Optuna's study exists in memory only and is filled from them, so
nothing is lost between any two steps and no second record can contradict the first. The sampler begins anew for each
point, seeded by the point's number: a sweep with one worker at a time that was killed gives the points of one that was
not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from filelock import FileLock, Timeout

from mnistnn.backend.rng import stream
from mnistnn.config.dump import config_hash
from mnistnn.errors import BusyError, ConfigError, UsageError
from mnistnn.storage.inside import file_in
from mnistnn.storage.writing import resource_error
from mnistnn.sweep import suggested
from mnistnn.sweep.description import Search, Trial
from mnistnn.sweep.optuna_seam import load_optuna
from mnistnn.sweep.planning import load_member, read_base
from mnistnn.sweep.selection import result_of
from mnistnn.sweep.space import Listed, Point, Range, parse_space
from mnistnn.sweep.study import DONE, Study, note_end, write_config
from mnistnn.sweep.suggested import SuggestedPoint, append_suggested

# A sampler that knows what is good asks for it again and again where there are few values; then others are drawn.
_DRAWS_BY_TPE, _MOST_DRAWS = 5, 1000


@contextmanager
def searching(study: Study) -> Iterator["Searcher | None"]:
    """Yield who asks for the points of a sweep; None if they are all known.

    Raises BusyError where another process asks already, ResourceError without Optuna, RunError for damaged points.
    """
    if study.description.search is None:
        yield None
        return
    lock = FileLock(file_in(study.path, ".asking"))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise BusyError(f"{study.path}: another mnistnn process does this sweep") from None
    except OSError as error:
        raise resource_error(study.path, error) from error
    try:
        yield Searcher(study, study.description.search)
    finally:
        lock.release()


class Searcher:
    """Asks for points, and reports what became of them. There is one at a time for a sweep."""

    def __init__(self, study: Study, search: Search) -> None:
        self.study, self.search = study, search
        self.space = parse_space(search.arguments)
        self._library = load_optuna("--sampler tpe")
        self._distributions = {axis.key: self._distribution(axis) for axis in self.space.axes}
        self._base = read_base(study, search)
        study.suggested[:] = suggested.read_suggested(study.suggested_file)
        self._results = self._library.create_study()  # in memory
        self._reported: set[int] = set()

    @property
    def is_exhausted(self) -> bool:
        """Whether all points have been suggested."""
        return len(self.study.suggested) >= self.search.points

    def settle(self) -> None:
        """Report the points to Optuna that have ended since the last time, in the order of suggestion."""
        for each in self.study.suggested:
            if each.point not in self._reported:
                self._report(each)

    def _report(self, point: SuggestedPoint) -> None:
        """Report how a point ended: with its mean metric, pruned, or failed. A point under way is not reported.

        One that diverged counts as pruned: Optuna then looks elsewhere, where of one that failed it learns nothing.
        """
        result = result_of(self.study, point.trials)
        ends = {each.standing.state for each in result.trials}
        if not ends <= set(DONE):
            return
        states = self._library.trial.TrialState
        if ends == {"finished"}:
            self._add(point, states.COMPLETE, result.mean)
        else:
            self._add(point, states.FAIL if "failed" in ends else states.PRUNED)

    def _add(self, point: SuggestedPoint, state: Any, value: float | None = None) -> None:
        values = point.trials[0].values
        self._results.add_trial(
            self._library.trial.create_trial(
                state=state,
                value=value,
                params={axis.key: axis.parse(values[axis.key]) for axis in self.space.axes},
                distributions=self._distributions,
            )
        )
        self._reported.add(point.point)

    def ask(self) -> list[Trial]:
        """Return the trials of one more point, fixed on the disk.

        Raises UsageError if no new point can be found, ResourceError.
        """
        return self._fix(len(self.study.suggested), self._draw())

    def _draw(self) -> Point:
        """Return a point that was not suggested before."""
        number = len(self.study.suggested)
        tried = [each.trials[0].values for each in self.study.suggested]
        samplers = self._library.samplers
        for draw in range(_MOST_DRAWS):
            seed = int(stream(self.search.sweep_seed, "sweep", number, draw).integers(2**31))
            kind = samplers.TPESampler if draw < _DRAWS_BY_TPE else samplers.RandomSampler
            self._results.sampler = kind(seed=seed)
            drawn = self._results.ask(self._distributions)
            # For Optuna this draw is over; what becomes of the point is added by _report.
            self._results.tell(drawn, state=self._library.trial.TrialState.FAIL)
            point = {axis.key: axis.text(drawn.params[axis.key]) for axis in self.space.axes}
            if point not in tried:
                return point
        raise UsageError(f"{self.study.path}: the ranges hold only about {number} different points")

    def _fix(self, number: int, point: Point) -> list[Trial]:
        """Write the configurations of a point's trials, then that it was suggested. An invalid one has failed."""
        trials, seeds = [], [None] if self.search.seeds is None else self.search.seeds
        for seed in seeds:
            try:
                loaded = load_member(self._base, self.search, self.space, point, seed, self.study.plugins)
            except ConfigError as error:
                trial = Trial(f"{number:04d}-seed{seed or 0}", number, point, seed or 0, config_hash="")
                note_end(self.study, trial, str(error))
            else:
                its_seed = loaded.experiment.seed
                trial = Trial(f"{number:04d}-seed{its_seed}", number, point, its_seed, config_hash(loaded.resolved))
                write_config(self.study, trial, loaded)
            trials.append(trial)
        line = SuggestedPoint(suggested.SCHEMA_VERSION, number, trials)
        append_suggested(self.study.suggested_file, line)
        self.study.suggested.append(line)
        return trials

    def _distribution(self, axis: Listed | Range) -> Any:
        kinds = self._library.distributions
        if isinstance(axis, Listed):
            return kinds.CategoricalDistribution(axis.values)
        if axis.is_whole:
            return kinds.IntDistribution(int(axis.low), int(axis.high), log=axis.is_log)
        return kinds.FloatDistribution(axis.low, axis.high, log=axis.is_log)
