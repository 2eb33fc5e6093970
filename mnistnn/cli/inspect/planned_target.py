"""What commands take that look at a model before any training: a file, a run or the name of an experiment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli.found import found_run
from mnistnn.cli.parameters import ExperimentFile
from mnistnn.errors import RunError

if TYPE_CHECKING:
    from mnistnn.experiment.plan import Plan

TARGET = click.argument("target", metavar="RUN|CONFIG")
OVERRIDES = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")


def plan_of(target: str, overrides: tuple[str, ...] | list[str], code: tuple[Path, ...], runs: Path) -> Plan:
    """Return the plan of a YAML file, of a run or, if there is no run of that name, of an experiment of mnistnn.

    Raises UsageError for code that is given to a run, which has its own.
    """
    from mnistnn.config.examples import example_path
    from mnistnn.config.load import load_experiment
    from mnistnn.experiment.plan import Plan
    from mnistnn.plugins.given import given_code
    from mnistnn.run.config import load_run_config

    if os.path.isfile(target) or target.endswith((".yaml", ".yml")):
        return Plan(load_experiment(Path(target), overrides, given_code(code)))
    try:
        run = found_run(target, runs)
    except RunError:
        if example_path(target) is None:
            raise
        return Plan(load_experiment(ExperimentFile().convert(target, None, None), overrides, given_code(code)))
    if code:
        raise click.UsageError("--code goes with an experiment file: a run has the code that it was trained with")
    return Plan(load_run_config(run, overrides), run)
