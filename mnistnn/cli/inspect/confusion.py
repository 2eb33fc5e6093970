"""`mnistnn inspect confusion`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.inspect import asking
from mnistnn.cli.options import CHECKPOINT, RUNS

if TYPE_CHECKING:
    from mnistnn.analysis.confusion import Whole
    from mnistnn.data.split_names import SplitName


@click.command(cls=MnistnnCommand)
@asking.RUN
@RUNS
@asking.split_option("valid")
@CHECKPOINT
@click.option(
    "--normalize",
    "whole",
    type=click.Choice(["true", "read"]),
    help="Show percentages: of the examples of each class, or of those that were read as it.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Draw the matrix in this file: .png, .pdf or .svg.")
@asking.FORCE
@asking.JSON
def confusion(
    run: str,
    runs: Path,
    split: SplitName,
    checkpoint: str,
    whole: Whole | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Show which classes are read as which.

    A row per true class, a column per class read. In the figure mistakes are coloured, the more the darker, and the
    right answers are not.
    """
    from mnistnn.analysis.answers import answers_of
    from mnistnn.analysis.confusion import confusion_lines, pairs_line, shares
    from mnistnn.analysis.confusion_figure import draw, format_of
    from mnistnn.analysis.evaluation import counted

    asking.refuse_taken(out, force)
    file_format = None if out is None else format_of(out)
    found, trained = asking.open_trained(run, runs, checkpoint)
    matrix = answers_of(trained, split).confusion
    figures = counted(matrix)
    readings = asking.counted_readings(found, trained, split)
    title = asking.title(found, trained, split)
    error = f"error {100 * figures['error']:.2f} % ({figures['errors']:,} of {figures['examples']:,})"
    if as_json:
        of_whole = {} if whole is None else {"normalize": whole, "shares": shares(matrix, whole).tolist()}
        record = {**asking.about(found, trained, split, readings), **figures, "confusion": matrix.tolist(), **of_whole}
        click.echo(json.dumps(record))
    else:
        click.echo(f"{title}: {error}")
        click.echo()
        for line in confusion_lines(matrix.tolist(), figures["error_per_class"], whole):
            click.echo(line)
        if whole is not None:
            click.echo(f"in % of each {'row' if whole == 'true' else 'column'}")
        if pairs := pairs_line(figures["most_confused"]):
            click.echo(pairs)
        asking.said_of_readings(readings)
    if out is not None and file_format is not None:
        asking.write(out, draw(matrix, f"{title}\n{error}", file_format, whole))
