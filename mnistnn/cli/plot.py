"""`mnistnn plot`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli import output
from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.options import AXES, RUNS, UNFINISHED, finite
from mnistnn.cli.plot_surface import OF_SURFACES, Asked, draw_surface, refuse, surface_options
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.analysis.comparison.curves import Axis

_CENTIMETRES = click.FloatRange(3, 100)


def _limits(
    _context: click.Context, option: click.Parameter, value: tuple[float, float] | None
) -> tuple[float, float] | None:
    """Refuse ends of an axis that are no range."""
    if value is not None and not (math.isfinite(value[0]) and math.isfinite(value[1]) and value[0] < value[1]):
        raise click.BadParameter(f"expected a lower and a higher number, got {value[0]} and {value[1]}", param=option)
    return value


_OF_RUNS = ("references", "runs", "unfinished", "metrics", "axes", "is_log", "ylim")
"""What goes with no surface."""


@click.command(cls=MnistnnCommand)
@click.argument("references", nargs=-1, metavar="RUN...")
@RUNS
@UNFINISHED
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
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="TEXT",
    help="Call an experiment, or a rule, so; once for each, in order.",
)
@click.option(
    "--ylim", type=(float, float), metavar="LOW HIGH", callback=_limits, help="Ends of the y axes; errors in percent."
)
@click.option("--title", default="", help="Put this above; papers have captions instead.")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@surface_options
@click.pass_context
def plot(
    context: click.Context,
    references: tuple[str, ...],
    runs: Path,
    unfinished: bool,
    out: Path,
    metrics: tuple[str, ...],
    axes: tuple[Axis, ...],
    is_log: bool,
    width: float | None,
    height: float | None,
    labels: tuple[str, ...],
    ylim: tuple[float, float] | None,
    title: str,
    force: bool,
    asked: Asked,
) -> None:
    """Draw learning curves for a paper.

    RUN is a path, the start of a run's id, the name of an experiment, which means its newest run, 'latest', or a
    folder, which means all finished runs in it. Runs that differ in their seed alone become one line, their mean, with
    a band of one standard deviation. Without --metric there is a panel of errors and one of losses; a training loss is
    the mean over its epoch, while the model still moved. A star marks the best epoch.

    With --surface there are no runs: rules move a point on a surface, from the same start, and their paths are drawn,
    with a marker for each step.
    """
    if asked.surface is not None:
        refuse(context, _OF_RUNS, "is of curves of runs, and does not go with --surface")
        draw_surface(asked, out, force, width, height, title, labels)
        return
    refuse(context, OF_SURFACES, "needs --surface")
    if not references:
        raise click.UsageError("Missing argument 'RUN...'.")
    from mnistnn.analysis.comparison.run_groups import load_runs
    from mnistnn.analysis.plots.learning_curves import learning_curves
    from mnistnn.analysis.plots.learning_curves_figure import Form, draw
    from mnistnn.analysis.plots.paper_style import format_of

    form = Form(format_of(out), width, height, title, is_log, ylim)
    output.prepare(out, force, output.FIGURE)
    views, unreadable = load_runs(references, runs, unfinished)
    curves, without = learning_curves(views, metrics, axes)
    if labels:
        curves = curves.called(labels)
    for each in unreadable + without:
        click.echo(printable(f"warning: not drawn: {each.problem}"), err=True)
    output.write(out, draw(curves, form))
