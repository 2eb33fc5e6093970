"""The run that a command line means: found, and named where the words for it leave that open."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli.command import settings
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.run.directory import RunDirectory


def found_run(reference: str, runs: Path) -> RunDirectory:
    """Find a run; say on stderr which one is meant by `latest` or by the name or folder of an experiment.

    Raises RunError.
    """
    from mnistnn.run.finding import find

    run = find(reference, runs)
    is_named = os.path.isfile(os.path.join(reference, "run.json")) or run.path.name.startswith(reference)
    if not is_named and not settings().quiet:
        click.echo(printable(f"{reference}: {run.path}"), err=True)
    return run
