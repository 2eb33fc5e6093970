"""Training an experiment from a Python program."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, SupportsIndex

from mnistnn.api.experiments import loaded, settings
from mnistnn.api.run import Run
from mnistnn.experiment.plan import Plan
from mnistnn.plugins.given import Given
from mnistnn.runner import training
from mnistnn.runner.session import usual_verbosity
from mnistnn.runner.signals import StopRequest


def train(
    experiment: str | Path | Mapping[str, Any],
    *overrides: str,
    seed: SupportsIndex | None = None,
    epochs: SupportsIndex | None = None,
    device: str | None = None,
    runs: str | Path = "runs",
    run_dir: str | Path | None = None,
    name: str | None = None,
    quiet: bool = False,
    resume: bool = False,
    code: Given = None,
) -> Run:
    """Train an experiment in a run directory of its own, as `mnistnn train` does, and return the run.

    experiment  the path of a YAML file, the name of an experiment of mnistnn, or a dict with the content of
                a file, which may extend an experiment by its name, and no file
    overrides   KEY=VALUE, each in place of a value of the file: "optimizer.learning_rate=0.1"
    seed        of all randomness
    epochs      stop after so many at the latest
    device      where to compute, cpu or cuda
    runs        the folder of all runs; a run gets a folder of its own there, in that of its name
    run_dir     the run directory itself, new or empty
    name        of the experiment, and of the folder of its runs
    quiet       show nothing; else lines, and bars where they can be drawn, on stderr
    resume      go on with this experiment's unfinished run, if there is one
    code        the path of a Python file with components of your own (`mnistnn.plugins`), or several; it is executed,
                and trusted on this machine from then on

    Raises ConfigError, with all mistakes, before anything is written; DataError for a set that cannot be had, RunError
    for a taken `run_dir`, DivergedError, ResourceError for a disk or a device that refuses.

    Ctrl-C, or the button of a notebook that interrupts, lets the update under way be completed, saves, and raises
    InterruptedRunError: `mnistnn.load("latest").resume()` goes on with the same bits. A second Ctrl-C does not wait and
    raises KeyboardInterrupt. Other threads than the main one watch no signals.

    >>> run = mnistnn.train("lines.yaml", "optimizer.learning_rate=0.5", seed=3, quiet=True)
    >>> run.status, run.seed, run.reason
    ('finished', 3, 'max_epochs: 2 epochs are done')
    """
    plan = Plan(loaded(experiment, [*overrides, *settings(name, epochs, device, seed)], code))
    folder = None if run_dir is None else Path(run_dir)
    with StopRequest(is_own_process=False) as stop:
        outcome = training.train(plan, Path(runs), folder, usual_verbosity(quiet), stop, resume)
    return Run(outcome.run.path, runs=runs)
