"""Training an experiment in a run of its own: in a new one, or in the unfinished one that there is."""

from pathlib import Path

from mnistnn.experiment.plan import Plan
from mnistnn.run.directory import new_run_path
from mnistnn.runner import session
from mnistnn.runner.members import Trainer
from mnistnn.runner.resuming import resumable
from mnistnn.runner.session import Outcome, Verbosity
from mnistnn.runner.signals import StopRequest


def train(
    plan: Plan,
    runs: Path,
    run_dir: Path | None,
    verbosity: Verbosity,
    stop: StopRequest,
    resume: bool = False,
    time_budget_s: float | None = None,
    trainer: Trainer | None = None,
    check_gradients: bool = True,
) -> Outcome:
    """Train an experiment. Raises what the session ended with, if not by a policy.

    runs     the folder of all runs, which has the run unless there is a `run_dir`
    resume   go on with the experiment's unfinished run, if there is one
    trainer  trains several members of a committee at a time

    check_gradients  of code of one's own, before a new run begins
    """
    if resume and (unfinished := resumable(plan.loaded, runs, run_dir)):
        return session.resume_as(
            unfinished, plan.loaded, verbosity, time_budget_s, stop=stop, trainer=trainer, runs=runs
        )
    path = run_dir or new_run_path(runs, plan.experiment.name)
    return session.start(
        plan, path, runs, verbosity, time_budget_s, stop=stop, trainer=trainer, check_gradients=check_gradients
    )
