"""Pruning: unpromising trials end early. Each epoch of a trial is checked, wherever the trial runs.

The rule is Optuna's MedianPruner. What it compares with is read from the run directories of the finished trials, so no
process has to tell another anything, and nothing has to be put right after one was killed. Who is pruned depends on who
has finished by then: with several workers that is a matter of time.
"""

import statistics

from mnistnn.sweep.description import Trial
from mnistnn.sweep.optuna_seam import load_optuna
from mnistnn.sweep.study import PRUNED, Study, finished_runs, pruned_because
from mnistnn.types import History, shown

# A median of fewer says little, and in the first epochs it is the slow learners that lag behind, not the bad ones.
LEAST_FINISHED = 5
FIRST_EPOCH = 3


class Pruner:
    """Tells whether a trial is to be pruned: its best metric so far is above the median of what the finished trials had
    reached by the same epoch, or another seed of its point was pruned, so that the point cannot be chosen any more.

    Raises ResourceError if Optuna is not installed.
    """

    def __init__(self, study: Study, trial: Trial) -> None:
        self.study, self.trial, self.monitor = study, trial, study.description.monitor
        self._optuna = load_optuna("--prune")
        self._pruner = self._optuna.pruners.MedianPruner(
            n_startup_trials=LEAST_FINISHED, n_warmup_steps=FIRST_EPOCH, n_min_trials=LEAST_FINISHED
        )
        self._finished = self._optuna.create_study()  # in memory
        self._seen: set[str] = set()
        self._siblings = {each.id for each in study.trials if each.point == trial.point} - {trial.id}

    def __call__(self, history: History) -> str | None:
        """Return why the trial ends at its newest evaluation, if it does. Inside an epoch it never does."""
        if not history or history[-1]["epoch"] % 1:
            return None
        if pruned := self._look_around():
            return f"{PRUNED}{pruned}, another seed of this point, was pruned"
        curve = best_by_epoch(history, self.monitor)
        create, states = self._optuna.trial.create_trial, self._optuna.trial.TrialState
        if not self._pruner.prune(self._finished, create(state=states.RUNNING, intermediate_values=curve)):
            return None
        epoch = max(curve)
        others = [t.intermediate_values[epoch] for t in self._finished.trials if epoch in t.intermediate_values]
        own, median = (shown(self.monitor, value) for value in (curve[epoch], statistics.median(others)))
        return (
            f"{PRUNED}after epoch {epoch} {self.monitor} {own} was above {median}, the median of {len(others)} trials"
        )

    def _look_around(self) -> str | None:
        """Learn of trials that have finished since the last time; return the sibling that was pruned, if one was."""
        for view in finished_runs(self.study, besides=frozenset(self._seen)):
            name = view.run.path.name
            if pruned_because(view.record) is None:
                curve = best_by_epoch(view.rows, self.monitor)
                self._finished.add_trial(
                    self._optuna.trial.create_trial(value=min(curve.values()), intermediate_values=curve)
                )
            elif name in self._siblings:
                return name
            self._seen.add(name)
        return None


def best_by_epoch(history: History, monitor: str) -> dict[int, float]:
    """Return the lowest value of `monitor` up to each whole epoch."""
    best, curve = float("inf"), {}
    for row in history:
        best = min(best, row[monitor])
        if row["epoch"] % 1 == 0:
            curve[int(row["epoch"])] = best
    return curve
