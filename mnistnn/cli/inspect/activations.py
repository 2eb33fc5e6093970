"""`mnistnn inspect activations`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.inspect import trained_options
from mnistnn.cli.options import CHECKPOINT, RUNS

if TYPE_CHECKING:
    from mnistnn.types import SplitName


@click.command(cls=MnistnnCommand)
@trained_options.RUN
@RUNS
@trained_options.split_option("valid")
@CHECKPOINT
@click.option(
    "--examples",
    type=click.IntRange(1, 10_000),
    default=1000,
    show_default=True,
    metavar="N",
    help="Ask about the first N examples, all at once.",
)
@trained_options.JSON
def activations(run: str, runs: Path, split: SplitName, checkpoint: str, examples: int, as_json: bool) -> None:
    """Show how outputs and gradients are spread, layer by layer.

    Of each layer's outputs: mean, standard deviation, extremes, the share of exact zeros, and of outputs where tanh or
    sigmoid are flat. Of the gradient of the mean loss, with respect to outputs and to parameters: standard deviation,
    norm, zeros. Dropout masks are at their mean; batch normalisation works as in training.
    """
    from dataclasses import asdict

    from mnistnn.analysis.inspection.layer_statistics import statistics_of, table

    found, trained = trained_options.open_trained(run, runs, checkpoint)
    statistics = statistics_of(trained, split, examples)
    readings = trained_options.counted_readings(found, trained, split)
    if as_json:
        click.echo(json.dumps({**trained_options.about(found, trained, split, readings), **asdict(statistics)}))
        return
    title = trained_options.title(found, trained, split)
    click.echo(f"{title}: {statistics.examples:,} examples, mean loss {statistics.loss:.4g}")
    click.echo()
    for line in table(statistics):
        click.echo(line)
    if not settings().quiet:
        click.echo(
            "gradients are of the mean loss, without penalties: their standard deviation and norm; "
            "ratio: norm of the gradient by norm of the parameter",
            err=True,
        )
    trained_options.said_of_readings(readings)
