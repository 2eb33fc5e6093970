"""The second phase of a training that was stopped early: the same experiment on training and validation digits.

Early stopping spends the validation split on one number, how long to train. Once that is known the split can be learned
from as well. After Goodfellow, Bengio & Courville (2016), section 7.8. The second phase is a run of its own, derived
from the finished one, so each of the two is as simple, resumable and comparable as any run.
"""

import json
from math import ceil
from typing import Literal

from mnistnn.config.load import LoadedExperiment
from mnistnn.config.schema import FittedExperiment
from mnistnn.errors import RunError, UsageError
from mnistnn.experiment.members import member_run
from mnistnn.run.config import load_run_config
from mnistnn.run.directory import RunDirectory
from mnistnn.run.view import RunView

Until = Literal["epochs", "loss"]


def refit_experiment(run: RunDirectory, until: Until) -> LoadedExperiment:
    """Return the experiment that trains anew, without a validation split, for as long as the run's best epoch.

    until epochs  for as many epochs
    until loss    until the training loss is as low as it was then, but at most twice as many epochs

    Raises UsageError for a run that had no validation split or is not finished, RunError if it cannot be read.
    """
    view = RunView(run)
    if view.record.status != "finished":
        raise UsageError(f"{run.path}: the run is {view.record.status}; a refit needs a finished one")
    best = view.best
    if best is None:
        raise RunError(f"{run.path}: no evaluation, so no best epoch")
    if "valid.error" not in best:
        raise UsageError(f"{run.path}: trained without a validation split already")
    experiment = view.loaded.experiment
    if isinstance(experiment, FittedExperiment):
        rounds = int(best["epoch"])
        changes = [*_without_validation(view), *_refit_of_fitted(view, rounds)]
        if experiment.model.open_ended:
            changes.append(f"stopping=[{{type: max_epochs, epochs: {rounds}}}]")
        return load_run_config(run, changes, view.record)
    epochs = ceil(best["epoch"])
    if until == "epochs":
        stopping = f"[{{type: max_epochs, epochs: {epochs}}}]"
    else:
        target = f"{{type: target, monitor: train.loss, value: {best['train.loss']!r}}}"
        stopping = f"[{target}, {{type: max_epochs, epochs: {2 * epochs}}}]"
    return load_run_config(run, [*_without_validation(view), f"stopping={stopping}"], view.record)


def _without_validation(view: RunView) -> list[str]:
    """Return the overrides that every refit has."""
    return [
        f"name={view.record.name}-refit",
        "data.validation_examples=0",
        "data.limits.valid=null",
        "checkpoint.monitor=last",
        "expect.valid_error=null",
    ]


def _refit_of_fitted(view: RunView, rounds: int) -> list[str]:
    """Return the overrides for a model that is fitted; of a committee, the members that were best are refitted too."""
    members = view.config["model"].get("members")
    if members is None:
        return []
    refitted = [refit_experiment(member_run(view.run, number), "epochs").resolved for number in range(rounds)]
    return [f"model.members={json.dumps([{'experiment': member} for member in refitted])}"]
