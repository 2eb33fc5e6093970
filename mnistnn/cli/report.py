"""`mnistnn report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli import output
from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.options import AXIS, RUNS, UNFINISHED
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.analysis.comparison.curves import Axis
    from mnistnn.analysis.report.page import Swept


@click.command(cls=MnistnnCommand)
@click.argument("references", nargs=-1, required=True, metavar="RUN...")
@RUNS
@UNFINISHED
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="Write the page to this file.",
)
@AXIS
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
def report(
    references: tuple[str, ...],
    runs: Path,
    unfinished: bool,
    out: Path,
    axis: Axis,
    force: bool,
) -> None:
    """Put runs on one HTML page.

    RUN is a path, the start of a run's id, the name of an experiment, which means its newest run, 'latest', or a
    folder, which means all finished runs in it. The page holds results, learning curves, what the models look like from
    inside, configurations and environments. It is one file that needs no network and can be mailed. Of the test digits
    it shows what `mnistnn eval` has found, and reads none.
    """
    write_report(references, runs, unfinished, out, axis, force)


def write_report(
    references: tuple[str, ...],
    runs: Path,
    unfinished: bool,
    out: Path,
    axis: Axis,
    force: bool,
    swept: Swept | None = None,
) -> None:
    """Write the page about runs, or about the sweep that they are trials of. Raises UsageError for a file that is there
    already.
    """
    from mnistnn.analysis.comparison.run_groups import load_runs
    from mnistnn.analysis.report.page import report_html

    output.prepare(out, force, output.PAGE, output.PNG)
    views, unreadable = load_runs(references, runs, unfinished)
    for each in unreadable:
        click.echo(printable(f"warning: not shown: {each.problem}"), err=True)
    page = report_html(views, unreadable, axis, swept).encode()
    output.write(out, page, size=True)
