"""`mnistnn inspect filters`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli import output
from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.found import found_run
from mnistnn.cli.inspect import trained_options
from mnistnn.cli.options import CHECKPOINT, RUNS
from mnistnn.cli.parameters import Numbers
from mnistnn.cli.terminal import can_show, printable

if TYPE_CHECKING:
    from mnistnn.analysis.inspection.filter_history import History
    from mnistnn.analysis.inspection.filters import Filters
    from mnistnn.run.directory import RunDirectory


@click.command(cls=MnistnnCommand)
@trained_options.RUN
@RUNS
@CHECKPOINT
@click.option("--layer", metavar="NAME", help="Whose weights; those of the first layer that has some if not given.")
@click.option(
    "--count", type=click.IntRange(min=1), metavar="N", help="Draw so many units; if not given, all, or what fits."
)
@click.option("--units", type=Numbers(), help="Draw these units, by their numbers from 0: 37,40 or 30..39.")
@click.option(
    "--scale",
    type=click.Choice(["all", "each"]),
    default="all",
    show_default=True,
    help="Full strength is the largest weight of all units, or of each.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Write the pictures to this PNG file.")
@trained_options.FORCE
@click.option("--history", is_flag=True, help="Draw the same units in all checkpoints that the run has kept.")
@trained_options.JSON
def filters(
    run: str,
    runs: Path,
    checkpoint: str,
    layer: str | None,
    count: int | None,
    units: list[int] | None,
    scale: str,
    out: Path | None,
    force: bool,
    history: bool,
    as_json: bool,
) -> None:
    """Draw the weights into a layer as pictures.

    There is one for each unit of a dense layer on images, for each map and channel of a convolution, and for each
    output of a linear classifier: `3/8` is that of the classes 3, which what is bright speaks for, and 8. Zero is grey
    (a blank in the terminal), what is brighter adds to the unit, what is darker takes from it. Weights on whitened
    inputs are drawn as the weights on pixels that make the same sums.

    With --history there is a row for each checkpoint, named by its epoch; checkpoint.keep_every_epochs says which ones
    a run keeps.
    """
    from click.core import ParameterSource

    from mnistnn.errors import UsageError

    output.prepare(out, force, output.PNG)
    if not history:
        _show_filters(run, runs, checkpoint, layer, count, units, scale == "each", out, as_json)
        return
    if units is not None:
        raise UsageError("--units draws chosen ones of one checkpoint, and does not go with --history; --count does")
    if click.get_current_context().get_parameter_source("checkpoint") != ParameterSource.DEFAULT:
        raise UsageError("--history draws all checkpoints, so --checkpoint does not go with it")
    _show_history(run, runs, layer, count, scale == "each", out, as_json)


def _show_filters(
    run: str,
    runs: Path,
    checkpoint: str,
    layer: str | None,
    count: int | None,
    chosen: list[int] | None,
    each: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    from mnistnn.analysis.inspection.filters import filters_of, large_sheet
    from mnistnn.analysis.plots.contact_sheet import encode_png
    from mnistnn.types import show_shape

    _, trained = trained_options.open_trained(run, runs, checkpoint)
    found = filters_of(trained, layer)
    if chosen is not None:
        found = found.of_units(chosen)
    units, channels, *size = found.pictures.shape
    if as_json:
        shape = {"units": units, "channels": channels, "picture_shape": size, "largest": found.largest}
        record = {
            "schema_version": trained_options.SCHEMA_VERSION,
            "parameter": found.parameter,
            **({} if found.names is None else {"names": found.names}),
            **({} if found.before is None else {"in_front_of": found.before}),
            **trained_options.of_checkpoint(trained),
            **shape,
        }
        click.echo(json.dumps(record))
    else:
        of_channels = f", {channels} channels" if channels > 1 else ""
        drawn = f" in front of {found.before}" if found.before else ""
        click.echo(
            f"{found.parameter}, checkpoint {printable(trained.label)} (epoch {trained.epoch:.6g}): {units:,} units"
            f"{of_channels}, pictures of {show_shape(tuple(size))}{drawn}, largest weight {found.largest:.3g}"
            f", {'and each unit its own' if each else 'which is'} at full strength"
        )
        if found.names is not None:
            click.echo(f"units, in order: {' '.join(found.names[:count])}")
    if out is not None:
        output.write(out, encode_png(large_sheet(found.pictures[:count], each)))
    elif not as_json:
        _draw(found, count, each)


def _show_history(
    run: str, runs: Path, layer: str | None, count: int | None, each: bool, out: Path | None, as_json: bool
) -> None:
    from dataclasses import asdict

    import numpy as np

    from mnistnn.analysis.inspection.filter_history import history_of, history_sheet
    from mnistnn.analysis.plots.contact_sheet import encode_png

    found = found_run(run, runs)
    history = history_of(found, layer)
    trained_options.warn_of(history.passed_over)
    moments, units, channels, *size = history.pictures.shape
    largest = np.abs(history.pictures).max(axis=(1, 2, 3, 4))
    if as_json:
        rows = [{**asdict(m), "largest": float(most)} for m, most in zip(history.moments, largest, strict=True)]
        shape = {"units": units, "channels": channels, "picture_shape": size}
        record = {"schema_version": trained_options.SCHEMA_VERSION, "parameter": history.parameter, **shape}
        click.echo(json.dumps({**record, "history": rows}))
    else:
        checkpoints = "one checkpoint" if moments == 1 else f"{moments} checkpoints"
        click.echo(f"{history.parameter}, {checkpoints}: {units:,} units, largest weight {largest.max():.3g}")
    if not settings().quiet:
        _say_how_to_keep_more(found, moments)
    if out is not None:
        output.write(out, encode_png(history_sheet(history, count, each)))
    elif not as_json:
        _draw_history(history, count, each)


def _say_how_to_keep_more(run: RunDirectory, kept: int) -> None:
    """Say what a run keeps if that is only its newest checkpoints, or if there is but one."""
    from mnistnn.run.config import load_run_config

    policy = load_run_config(run).experiment.checkpoint
    if policy.keep_every_epochs is None or kept == 1:
        keeps = "" if policy.keep_every_epochs else f" the run keeps its newest {policy.keep_last} only;"
        click.echo(
            f"note:{keeps} train with checkpoint.keep_every_epochs=1 to keep the checkpoint of every epoch", err=True
        )


def _draw_history(history: History, count: int | None, each: bool) -> None:
    """Print a row of pictures for each checkpoint, as many as are asked for and fit side by side."""
    from mnistnn.analysis.inspection.filter_history import history_in_text
    from mnistnn.analysis.inspection.filters import text_size

    units, channels = history.pictures.shape[1:3]
    columns = text_size(history.pictures[0])[1]
    fitting = max(1, shutil.get_terminal_size().columns // ((columns + 1) * channels))
    shown = min(count or units, units, fitting)
    click.echo(history_in_text(history, shown, each, _marks()))
    _explain_marks(is_all=shown == units)


def _draw(found: Filters, count: int | None, each: bool) -> None:
    """Print pictures, as many as the terminal can show at once if no number is given."""
    from mnistnn.analysis.inspection.filters import draw_in_text, text_size

    lines, columns = text_size(found.pictures)
    terminal = shutil.get_terminal_size()
    across = max(1, terminal.columns // (columns + 1))
    pictures = found.pictures[: count or max(1, across * (terminal.lines // (lines + 1)) // found.pictures.shape[1])]
    click.echo(draw_in_text(pictures, across, _marks(), each))
    _explain_marks(is_all=len(pictures) == len(found.pictures))


def _marks() -> str:
    from mnistnn.analysis.inspection.filters import ASCII_MARKS, UNICODE_MARKS

    return UNICODE_MARKS if can_show(UNICODE_MARKS) else ASCII_MARKS


def _explain_marks(is_all: bool) -> None:
    """Say on stderr what the characters mean, and how to see the units that are not shown."""
    if settings().quiet:
        return
    marks = _marks()
    below, above = marks[: len(marks) // 2], marks[len(marks) // 2 + 1 :]
    rest = "" if is_all else "; --count shows more, --out writes all"
    click.echo(f"{below} below zero, {above} above{rest}", err=True)
