"""`mnistnn rm`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.found import found_run
from mnistnn.cli.options import RUNS
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.run.directory import RunDirectory


@click.command(cls=MnistnnCommand)
@click.argument("references", nargs=-1, required=True, metavar="RUN...")
@RUNS
@click.option("--yes", is_flag=True, help="Remove without asking.")
def rm(references: tuple[str, ...], runs: Path, yes: bool) -> None:
    """Remove runs, with all that is in their directories.

    RUN is a path, the start of a run's id, the name of an experiment, which means its newest run, or 'latest'. It asks
    before it removes. A run that is being trained, or is a part of another one or of a sweep, is refused.
    """
    from mnistnn.errors import UsageError
    from mnistnn.run.removal import refuse_removal, remove

    found = list({run.path.resolve(): run for run in (found_run(each, runs) for each in references)}.values())
    for run in found:
        refuse_removal(run)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("nobody can be asked here; --yes removes without asking")
        for run in found:
            click.echo(printable(_described(run)), err=True)
        if not click.confirm(f"remove {'it' if len(found) == 1 else f'these {len(found)} runs'}?", err=True):
            click.echo("nothing was removed", err=True)
            return
    for run in found:
        remove(run, runs)
        if not settings().quiet:
            click.echo(printable(f"removed {run.path}"), err=True)


def _described(run: RunDirectory) -> str:
    """Say in a line what would be lost."""
    from mnistnn.run.view import RunView

    view = RunView(run)
    if view.problem is not None:
        return f"{run.path}: {view.problem}"
    return f"{run.path}: {view.record.name}, {view.status}, {view.epochs} epochs"
