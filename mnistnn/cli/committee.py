"""`mnistnn committee`."""

from __future__ import annotations

from pathlib import Path

import click

from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.found import found_run
from mnistnn.cli.options import RUNS
from mnistnn.cli.train import print_outcome, view_of_training


@click.command(cls=MnistnnCommand)
@click.argument("members", nargs=-1, required=True, metavar="RUN...")
@click.option("--name", required=True, help="Name of the committee, and of the folder of its runs.")
@click.option(
    "--combine",
    type=click.Choice(["mean", "vote"]),
    default="mean",
    show_default=True,
    help="The mean of the members' probabilities, or a vote among them.",
)
@RUNS
@click.option("--run-dir", type=click.Path(path_type=Path), help="The run directory itself, new or empty.")
def committee(members: tuple[str, ...], name: str, combine: str, runs: Path, run_dir: Path | None) -> None:
    """Let finished runs decide together.

    RUN is a path, the start of a run's id, the name of an experiment, which means its newest run, or 'latest'. All must
    know the same data, and none is trained. The runs are copied into that of the committee, which is measured on the
    validation split with one member, with two, and so on.
    """
    from functools import partial

    from mnistnn.experiment.plan import Plan
    from mnistnn.run.directory import new_run_path
    from mnistnn.runner import session
    from mnistnn.runner.assembly import committee_of, copy_members

    found = [found_run(reference, runs) for reference in members]
    plan = Plan(committee_of(found, name, combine))
    path = run_dir or new_run_path(runs, name)
    print_outcome(session.start(plan, path, runs, view_of_training(), furnish_members=partial(copy_members, found)))
