"""`mnistnn inspect errors`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistnn.cli import output
from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.inspect import trained_options
from mnistnn.cli.options import CHECKPOINT, RUNS
from mnistnn.cli.terminal import can_show, printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mnistnn.analysis.inspection.misclassified import By, Misclassified
    from mnistnn.experiment.trained import Trained
    from mnistnn.types import SplitName

_MOST_IN_A_FILE, _COLUMNS = 100, 10


@click.command(cls=MnistnnCommand)
@trained_options.RUN
@RUNS
@trained_options.split_option("valid")
@CHECKPOINT
@click.option(
    "--count",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Show so many; if not given, what fits the terminal, {_MOST_IN_A_FILE} in a file, all as JSON.",
)
@click.option(
    "--by",
    type=click.Choice(["confidence", "order"]),
    help="The most confident predictions first, which is the default, or the order of the split.",
)
@click.option("--class", "true", metavar="CLASS", help="Only those of this true class: its name or its number.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the pictures to this PNG file.")
@trained_options.FORCE
@trained_options.JSON
def errors(
    run: str,
    runs: Path,
    split: SplitName,
    checkpoint: str,
    count: int | None,
    by: By | None,
    true: str | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Show the misclassified digits.

    Each is drawn as it is in the data set, whatever preprocessing makes of it, with its class, the predicted class and
    the probability that the model gives to that: `4 as 9, 99.80 %` is a four that was predicted as a nine.
    """
    from mnistnn.analysis.evaluation.predictions import predictions_of
    from mnistnn.analysis.inspection.misclassified import misclassified_of, order_of

    output.prepare(out, force, output.PNG)
    found, trained = trained_options.open_trained(run, runs, checkpoint)
    predictions = predictions_of(trained, split)
    order = order_of(predictions, by)
    label = None if true is None else predictions.label_of(true)
    misclassified = misclassified_of(predictions, order, label)
    n, wrong = len(predictions.labels), len(predictions.misclassified)
    readings = trained_options.counted_readings(found, trained, split)
    if as_json:
        report = {"examples": n, "errors": wrong, "by": order, "class": label, "class_names": predictions.names}
        shown = [_as_json(each) for each in misclassified[:count]]
        click.echo(json.dumps({**trained_options.about(found, trained, split, readings), **report, "misread": shown}))
    else:
        of_class = "" if true is None else f", {len(misclassified):,} of them of class {true}"
        title = trained_options.title(found, trained, split)
        click.echo(f"{title}: {wrong:,} of {n:,} misclassified ({100 * wrong / n:.2f} %){of_class}")
    if out is not None:
        _write(trained, split, misclassified[: count or _MOST_IN_A_FILE], out)
    elif misclassified and not as_json:
        _draw(trained, split, misclassified, count, order)
    if not as_json:
        trained_options.said_of_readings(readings)


def _as_json(example: Misclassified) -> dict[str, Any]:
    return {
        "place": example.place,
        "true": example.true,
        "read": example.predicted,
        "probability": example.probability,
        "probability_true": example.probability_true,
    }


def _write(trained: Trained, split: SplitName, misclassified: list[Misclassified], out: Path) -> None:
    """Write pictures to a PNG file, if there are any."""
    from mnistnn.analysis.plots.captions import captioned_sheet
    from mnistnn.analysis.plots.contact_sheet import encode_png

    if not misclassified:
        click.echo("nothing was misclassified, so no picture is written", err=True)
        return
    captions = [[each.what, *([each.how_surely] if each.how_surely else [])] for each in misclassified]
    output.write(out, encode_png(captioned_sheet(_images(trained, split, misclassified), captions, _COLUMNS)))


def _draw(trained: Trained, split: SplitName, misclassified: list[Misclassified], count: int | None, order: By) -> None:
    """Print pictures, as many as the terminal can show at once if no number is given."""
    from mnistnn.analysis.inspection.misclassified import cell_width, draw_in_text
    from mnistnn.analysis.plots.contact_sheet import ASCII_BLOCKS, UNICODE_BLOCKS

    captions = [f"{each.what}, {each.how_surely}".removesuffix(", ") for each in misclassified]
    height, width = trained.plan.image_shape
    terminal = shutil.get_terminal_size()
    across = max(1, terminal.columns // (cell_width(width, captions) + 1))
    bands = max(1, (terminal.lines - 3) // (-(-height // 2) + 2))
    shown = misclassified[: count or across * bands]
    blocks = UNICODE_BLOCKS if can_show(UNICODE_BLOCKS) else ASCII_BLOCKS
    click.echo(printable(draw_in_text(_images(trained, split, shown), captions[: len(shown)], across, blocks)))
    if settings().quiet or len(shown) == len(misclassified):
        return
    which = "the most confident ones" if order == "confidence" else "the first"
    click.echo(
        f"shown are {which}, {len(shown)} of {len(misclassified):,}; --count shows more, --out writes a file", err=True
    )


def _images(trained: Trained, split: SplitName, misclassified: list[Misclassified]) -> NDArray[np.uint8]:
    import numpy as np

    from mnistnn.analysis.evaluation.predictions import images_at

    return images_at(trained, split, np.array([each.place for each in misclassified]))
