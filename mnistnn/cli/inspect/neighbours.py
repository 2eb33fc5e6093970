"""`mnistnn inspect neighbours`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistnn.cli import output
from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.inspect import trained_options
from mnistnn.cli.options import CHECKPOINT, RUNS
from mnistnn.cli.parameters import Numbers
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.analysis.inspection.neighbours import Decision
    from mnistnn.types import SplitName


@click.command(cls=MnistnnCommand)
@trained_options.RUN
@RUNS
@trained_options.split_option("valid")
@CHECKPOINT
@click.option("--examples", type=Numbers(), help="Show these, by their numbers in the split from 0: 17,40 or 0..9.")
@click.option("--misclassified", is_flag=True, help="Show the first ones that are misclassified.")
@click.option(
    "--count", type=click.IntRange(1, 100), default=5, show_default=True, help="Show so many, where none are named."
)
@click.option("--out", type=click.Path(path_type=Path), help="Draw them in this file: .pdf, .svg or .png.")
@trained_options.FORCE
@trained_options.JSON
def neighbours(
    run: str,
    runs: Path,
    split: SplitName,
    checkpoint: str,
    examples: list[int] | None,
    misclassified: bool,
    count: int,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Show which references a nearest-neighbour classifier decided by.

    For each example there are its nearest references, by their numbers in the training split, with their classes and
    distances; a query that an early stage of `preselect` settled has those of that stage. In the figure, arrows show
    how a distance that bends images has bent them: from a pixel of the example to the one that explains it.
    """
    from mnistnn.analysis.inspection import neighbours as analysis
    from mnistnn.analysis.inspection.neighbours_figure import draw
    from mnistnn.analysis.plots.paper_style import format_of
    from mnistnn.errors import UsageError

    if examples is not None and misclassified:
        raise UsageError("--examples names them, so it does not go with --misclassified")
    output.prepare(out, force, output.FIGURE)
    file_format = None if out is None else format_of(out)
    found, trained = trained_options.open_trained(run, runs, checkpoint)
    if misclassified:
        shown = analysis.misclassified(trained, split, count)
    else:
        first = range(min(count, len(trained.placed(split).labels)))
        shown = analysis.decisions_at(trained, split, first if examples is None else examples)
    readings = trained_options.counted_readings(found, trained, split)
    names = trained.plan.class_names
    title = trained_options.title(found, trained, split)
    if as_json:
        about = trained_options.about(found, trained, split, readings)
        click.echo(json.dumps({**about, "decisions": [_as_json(each) for each in shown]}))
    else:
        click.echo(title)
        for each in shown:
            click.echo(printable(_line(each, names)))
        trained_options.said_of_readings(readings)
    if out is not None and file_format is not None:
        if shown:
            output.write(out, draw(shown, names, title, file_format))
        else:
            click.echo("nothing was misclassified, so nothing is drawn", err=True)


def _line(shown: Decision, names: list[str]) -> str:
    nearest = ", ".join(
        f"{names[each.label]} ({each.place:,}, distance {each.distance:.6g})" for each in shown.neighbours
    )
    return f"{shown.place}: {names[shown.true]} as {names[shown.predicted]}, by {shown.by}: {nearest}"


def _as_json(shown: Decision) -> dict[str, Any]:
    neighbours = [{"place": each.place, "class": each.label, "distance": each.distance} for each in shown.neighbours]
    what = {"place": shown.place, "true": shown.true, "predicted": shown.predicted, "by": shown.by}
    return {**what, "neighbours": neighbours}
