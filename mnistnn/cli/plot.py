"""`mnistnn plot`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.options import AXES, RUNS, finite
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.analysis.comparison.curves import Axis

_CENTIMETRES = click.FloatRange(3, 100)


@click.command(cls=MnistnnCommand)
@click.argument("references", nargs=-1, required=True, metavar="RUN...")
@RUNS
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Write it to this .pdf, .svg or .png file.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Draw this metric; can be repeated.")
@AXES
@click.option("--log", "is_log", is_flag=True, help="Make the y axes logarithmic.")
@click.option(
    "--width",
    type=_CENTIMETRES,
    callback=finite,
    metavar="CM",
    help="Width; if not given, 8.4 for one panel (a column), 17 for more.",
)
@click.option("--height", type=_CENTIMETRES, callback=finite, metavar="CM", help="Height; if not given, what fits.")
@click.option("--title", default="", help="Put this above; papers have captions instead.")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
def plot(
    references: tuple[str, ...],
    runs: Path,
    out: Path,
    metrics: tuple[str, ...],
    axes: tuple[Axis, ...],
    is_log: bool,
    width: float | None,
    height: float | None,
    title: str,
    force: bool,
) -> None:
    """Draw learning curves for a paper.

    RUN is a path, the start of a run's id, 'latest', or a folder of runs. Runs that differ in their seed alone become
    one line, their mean, with a band of one standard deviation. Without --metric there is a panel of errors and one of
    losses; a training loss is the mean over its epoch, while the model still moved. A star marks the best epoch.
    """
    from mnistnn.analysis.comparison.run_groups import load_runs
    from mnistnn.analysis.plots.learning_curves import learning_curves
    from mnistnn.analysis.plots.learning_curves_figure import Form, draw
    from mnistnn.analysis.plots.paper_style import format_of
    from mnistnn.errors import UsageError
    from mnistnn.storage.writing import write_atomically

    form = Form(format_of(out), width, height, title, is_log)
    if out.exists() and not force:
        raise UsageError(f"{out}: there already; --force replaces it")
    views, unreadable = load_runs(references, runs)
    curves, without = learning_curves(views, metrics, axes)
    for each in unreadable + without:
        click.echo(printable(f"warning: not drawn: {each.problem}"), err=True)
    write_atomically(out, draw(curves, form))
    if not settings().quiet:
        click.echo(printable(f"wrote {out}"), err=True)
