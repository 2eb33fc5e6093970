"""`mnistnn inspect confusion`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli import output
from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.inspect import trained_options
from mnistnn.cli.options import CHECKPOINT, RUNS
from mnistnn.cli.table import columns_of_terminal
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.tasks.confusion import Whole
    from mnistnn.types import SplitName


@click.command(cls=MnistnnCommand)
@trained_options.RUN
@RUNS
@trained_options.split_option("valid")
@CHECKPOINT
@click.option(
    "--normalize",
    "whole",
    type=click.Choice(["true", "read"]),
    help="Show percentages: of the examples of each true class, or of those predicted as a class.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Draw the matrix in this file: .png, .pdf or .svg.")
@trained_options.FORCE
@trained_options.JSON
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
    """Show the confusion matrix.

    A row per true class, a column per predicted class. In the figure mistakes are coloured, the more the darker, and
    correct predictions are not.
    """
    from mnistnn.analysis.evaluation.predictions import predictions_of
    from mnistnn.analysis.plots.confusion_figure import draw, format_of
    from mnistnn.tasks.classification import counted
    from mnistnn.tasks.confusion import confusion_lines, pairs_line, shares

    output.prepare(out, force, output.FIGURE)
    file_format = None if out is None else format_of(out)
    found, trained = trained_options.open_trained(run, runs, checkpoint)
    predictions = predictions_of(trained, split)
    matrix, names = predictions.confusion, [predictions.name_of(label) for label in range(predictions.classes)]
    metrics = counted(matrix)
    readings = trained_options.counted_readings(found, trained, split)
    title = trained_options.title(found, trained, split)
    error = f"error {100 * metrics['error']:.2f} % ({metrics['errors']:,} of {metrics['examples']:,})"
    if as_json:
        of_whole = {} if whole is None else {"normalize": whole, "shares": shares(matrix, whole).tolist()}
        record = {
            **trained_options.about(found, trained, split, readings),
            **metrics,
            "confusion": matrix.tolist(),
            **of_whole,
            "class_names": names,
        }
        click.echo(json.dumps(record))
    else:
        click.echo(title)
        click.echo(error)
        click.echo()
        width = columns_of_terminal()
        for line in confusion_lines(matrix.tolist(), metrics["error_per_class"], names, whole, width):
            click.echo(printable(line))
        if whole is not None:
            click.echo(f"in % of each {'row' if whole == 'true' else 'column'}")
        if pairs := pairs_line(metrics["most_confused"], names):
            click.echo(printable(pairs))
        trained_options.said_of_readings(readings)
    if out is not None and file_format is not None:
        output.write(out, draw(matrix, f"{title}\n{error}", file_format, whole, names))
