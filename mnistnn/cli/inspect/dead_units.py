"""`mnistnn inspect dead-units`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.inspect import trained_options
from mnistnn.cli.options import CHECKPOINT, RUNS

if TYPE_CHECKING:
    from mnistnn.types import SplitName


def _all_or_some(ctx: click.Context, option: click.Parameter, value: str) -> int | None:
    """Return None for `all`, or a number of examples."""
    if value == "all":
        return None
    if value.isdecimal() and int(value) > 0:
        return int(value)
    raise click.BadParameter(f"{value!r} is neither 'all' nor a number above 0", ctx, option)


@click.command("dead-units", cls=MnistnnCommand)
@trained_options.RUN
@RUNS
@trained_options.split_option("train")
@CHECKPOINT
@click.option(
    "--examples",
    callback=_all_or_some,
    default="all",
    show_default=True,
    metavar="all|N",
    help="Look at all examples, or at the first N.",
)
@trained_options.JSON
def dead_units(run: str, runs: Path, split: SplitName, checkpoint: str, examples: int | None, as_json: bool) -> None:
    """Show which units never move.

    Dead is a unit with a ReLU that is never above 0; saturated one whose tanh or sigmoid is flat for 99 % of the
    outputs; constant one that always gives the same. Units count from 0; those of a convolution are its maps.
    """
    from dataclasses import asdict

    from mnistnn.analysis.inspection import dead_units as analysis

    found, trained = trained_options.open_trained(run, runs, checkpoint)
    result = analysis.dead_units(trained, split, examples)
    readings = trained_options.counted_readings(found, trained, split)
    if as_json:
        click.echo(json.dumps({**trained_options.about(found, trained, split, readings), **asdict(result)}))
        return
    click.echo(f"{trained_options.title(found, trained, split)}: {result.examples:,} examples")
    for layer in result.layers:
        for line in analysis.lines_of(layer):
            click.echo(line)
    trained_options.said_of_readings(readings)
