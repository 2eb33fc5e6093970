"""`mnistnn inspect forecast`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli import output
from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.inspect import trained_options
from mnistnn.cli.options import CHECKPOINT, RUNS
from mnistnn.cli.terminal import can_show, printable

if TYPE_CHECKING:
    from mnistnn.types import SplitName

_LINES = 8


@click.command(cls=MnistnnCommand)
@trained_options.RUN
@RUNS
@trained_options.split_option("valid")
@CHECKPOINT
@click.option("--sequences", type=click.IntRange(1, 1000), default=3, show_default=True, help="How many.")
@click.option("--number", type=click.IntRange(0), default=0, show_default=True, help="Which of the numbers of a step.")
@click.option("--out", type=click.Path(path_type=Path), help="Draw it in this file: .pdf, .svg or .png.")
@trained_options.FORCE
@trained_options.JSON
def forecast(
    run: str,
    runs: Path,
    split: SplitName,
    checkpoint: str,
    sequences: int,
    number: int,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Show what a model predicts of a series, step by step, beside the targets.

    In the terminal one curve stands above the other: predicted and true numbers. Numbers are in the unit of the
    file's column, and so is the root of their mean squared error.
    """
    from mnistnn.analysis.inspection.forecast import forecast as forecast_of
    from mnistnn.analysis.inspection.forecast_figure import draw
    from mnistnn.analysis.plots.paper_style import format_of
    from mnistnn.analysis.plots.text_curve import UNICODE_MARKS, text_curve

    output.prepare(out, force, output.FIGURE)
    file_format = None if out is None else format_of(out)
    found, trained = trained_options.open_trained(run, runs, checkpoint)
    shown = forecast_of(trained, split, sequences, number)
    readings = trained_options.counted_readings(found, trained, split)
    title, error = trained_options.title(found, trained, split), f"{shown.error:.4g}"
    if as_json:
        true = [[None if value != value else value for value in row] for row in shown.true.tolist()]
        metrics = {"name": shown.name, "error": shown.error, "told": shown.predicted.tolist(), "true": true}
        click.echo(json.dumps({**trained_options.about(found, trained, split, readings), **metrics}))
    elif out is None:
        of_column = "" if shown.name is None else f" of {printable(shown.name)}"
        click.echo(f"{title}: root mean squared error{of_column} {error}")
        width, is_unicode = shutil.get_terminal_size().columns, can_show(UNICODE_MARKS)
        for name, values in (("predicted", shown.predicted), ("true", shown.true)):
            flat = values.reshape(-1)
            there = [(float(step), float(v)) for step, v in enumerate(flat) if v == v]
            click.echo(name)
            steps, numbers = zip(*there, strict=True)
            for line in text_curve(steps, numbers, width, _LINES, x_name="step", is_unicode=is_unicode):
                click.echo(line)
        trained_options.said_of_readings(readings)
    if out is not None and file_format is not None:
        output.write(out, draw(shown, f"{title}: RMSE {error}", file_format))
