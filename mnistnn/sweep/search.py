"""The search: Optuna suggests points one after the other, each by the results of those before.

Optuna keeps a journal of its own; what counts is asked.jsonl and the run directories. So nothing is lost between any
two steps: a point that is in Optuna's journal but not in asked.jsonl is reported as failed, and the result of a point
that has ended is reported when the sweep is resumed. The sampler begins anew for each point, seeded by the point's
number: a sweep with one worker at a time that was killed gives the points of one that was not. A reported result stays:
when a failed trial is tried again, Optuna does not learn of it, the choice among the points does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mnistnn.backend.rng import stream
from mnistnn.config.dump import config_hash
from mnistnn.errors import BusyError, ConfigError, RunError, UsageError
from mnistnn.storage.writing import cut_off_torn_line, resource_error
from mnistnn.sweep import suggested
from mnistnn.sweep.description import Search, Trial
from mnistnn.sweep.optuna_seam import load_optuna
from mnistnn.sweep.planning import load_member, read_base
from mnistnn.sweep.selection import result_of
from mnistnn.sweep.space import Listed, Point, Range, parse_space
from mnistnn.sweep.study import DONE, Study, note_end, write_config
from mnistnn.sweep.suggested import SuggestedPoint, append_suggested

_NAME = "points"

# A sampler that knows what is good asks for it again and again where there are few values; then others are drawn.
_DRAWS_BY_TPE, _MOST_DRAWS = 5, 1000


@contextmanager
def searching(study: Study) -> Iterator["Searcher | None"]:
    """Yield who asks for the points of a sweep; None if they are all known.

    Raises BusyError where another process asks already, ResourceError without Optuna, RunError for a damaged journal.
    """
    if study.description.search is None:
        yield None
        return
    lock = FileLock(study.path / ".asking")
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
    """Asks for points, and tells what became of them. There is one at a time for a sweep."""

    def __init__(self, study: Study, search: Search) -> None:
        self.study, self.search = study, search
        self.space = parse_space(search.arguments)
        self._library = load_optuna("--sampler tpe")
        self._base = read_base(study, search)
        study.suggested[:] = suggested.read_suggested(study.suggested_file)
        self._journal = _open_journal(study, self._library)
        self._states = self._library.trial.TrialState

    @property
    def is_exhausted(self) -> bool:
        """Whether all points have been suggested."""
        return len(self.study.suggested) >= self.search.points

    def settle(self) -> None:
        """Report the results of the points that have ended to Optuna, and fail the points that were never suggested.

        Raises RunError if the journal is not that of the points, ResourceError if it cannot be written.
        """
        with _named_errors(self.study.optuna_journal):
            self._settle()

    def _settle(self) -> None:
        points = {each.optuna: each for each in self.study.suggested}
        found = self._journal.get_trials(deepcopy=False)
        if missing := [each for number, each in points.items() if number >= len(found)]:
            raise RunError(f"{self.study.optuna_journal}: has no point {missing[0].point}, which was asked for")
        for each in found:
            if each.state.is_finished():
                continue
            if each.number in points:
                self._tell(points[each.number])
            else:
                self._journal.tell(each.number, state=self._states.FAIL)

    def _tell(self, point: SuggestedPoint) -> None:
        """Report how a point ended: with its mean metric, pruned, or failed. A point under way is not reported."""
        result = result_of(self.study, point.trials)
        ends = {each.standing.state for each in result.trials}
        if not ends <= set(DONE):
            return
        if ends == {"finished"}:
            self._journal.tell(point.optuna, result.mean)
        else:
            self._journal.tell(point.optuna, state=self._states.FAIL if "failed" in ends else self._states.PRUNED)

    def ask(self) -> list[Trial]:
        """Return the trials of one more point, fixed on the disk.

        Raises UsageError if no new point can be found, ResourceError.
        """
        with _named_errors(self.study.optuna_journal):
            number, point = self._draw()
        return self._fix(len(self.study.suggested), number, point)

    def _draw(self) -> tuple[int, Point]:
        """Return a point that was not suggested before, and its number in the journal."""
        number = len(self.study.suggested)  # and not Optuna's, which a kill between two steps would move on
        tried = [each.trials[0].values for each in self.study.suggested]
        samplers = self._library.samplers
        distributions = {axis.key: self._distribution(axis) for axis in self.space.axes}
        for draw in range(_MOST_DRAWS):
            seed = int(stream(self.search.sweep_seed, "sweep", number, draw).integers(2**31))
            kind = samplers.TPESampler if draw < _DRAWS_BY_TPE else samplers.RandomSampler
            self._journal.sampler = kind(seed=seed)
            given = self._journal.ask(distributions)
            point = {axis.key: axis.text(given.params[axis.key]) for axis in self.space.axes}
            if point not in tried:
                return given.number, point
            self._journal.tell(given.number, state=self._states.FAIL)
        raise UsageError(f"{self.study.path}: the ranges hold only about {number} different points")

    def _fix(self, number: int, optuna_number: int, point: Point) -> list[Trial]:
        """Write the configurations of a point's trials, then that it was suggested. An invalid one has failed."""
        trials, seeds = [], [None] if self.search.seeds is None else self.search.seeds
        for seed in seeds:
            try:
                loaded = load_member(self._base, self.search, self.space, point, seed)
            except ConfigError as error:
                trial = Trial(f"{number:04d}-seed{seed or 0}", number, point, seed or 0, config_hash="")
                note_end(self.study, trial, str(error))
            else:
                its_seed = loaded.experiment.seed
                trial = Trial(f"{number:04d}-seed{its_seed}", number, point, its_seed, config_hash(loaded.resolved))
                write_config(self.study, trial, loaded)
            trials.append(trial)
        line = SuggestedPoint(suggested.SCHEMA_VERSION, number, optuna_number, trials)
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


class _Alone:
    """Optuna's lock of its journal, which nobody needs: who writes there holds the lock of the search.

    Optuna's own are files that a killed process leaves behind, for 30 seconds in everybody's way.
    """

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


def _open_journal(study: Study, library: Any) -> Any:
    """Return Optuna's study, new if there is none. Raises RunError if the journal is damaged."""
    path = study.optuna_journal
    with _named_errors(path):
        cut_off_torn_line(path)
        storages = library.storages
        storage = storages.JournalStorage(storages.journal.JournalFileBackend(str(path), _Alone()))
        return library.create_study(study_name=_NAME, storage=storage, load_if_exists=True)


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    """Name the journal in what goes wrong with it."""
    try:
        yield
    except OSError as error:
        raise resource_error(path, error) from error
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise RunError(f"{path}: damaged: {type(error).__name__}: {error}") from error
