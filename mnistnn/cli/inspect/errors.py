"""`mnistnn inspect errors`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.inspect import asking
from mnistnn.cli.options import CHECKPOINT, RUNS
from mnistnn.cli.terminal import can_show

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mnistnn.analysis.misread import By, Misread
    from mnistnn.data.split_names import SplitName
    from mnistnn.trained import Trained

_MOST_IN_A_FILE, _COLUMNS = 100, 10


@click.command(cls=MnistnnCommand)
@asking.RUN
@RUNS
@asking.split_option("valid")
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
    help="Those read most surely first, which is the default, or in the order of the split.",
)
@click.option("--class", "true", type=click.IntRange(min=0), metavar="K", help="Only those of this true class.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the pictures to this PNG file.")
@asking.FORCE
@asking.JSON
def errors(
    run: str,
    runs: Path,
    split: SplitName,
    checkpoint: str,
    count: int | None,
    by: By | None,
    true: int | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Show the misread digits.

    Each is drawn as it is in the data set, whatever preprocessing makes of it, with its class, the class read and the
    probability that the model gives to that: `4 as 9, 99.80 %` is a four that was read as a nine.
    """
    from dataclasses import asdict

    from mnistnn.analysis.answers import answers_of
    from mnistnn.analysis.misread import misread_of, order_of

    asking.refuse_taken(out, force)
    found, trained = asking.open_trained(run, runs, checkpoint)
    answers = answers_of(trained, split)
    order = order_of(answers, by)
    misread = misread_of(answers, order, true)
    n, wrong = len(answers.labels), len(answers.misread)
    readings = asking.counted_readings(found, trained, split)
    if as_json:
        report = {"examples": n, "errors": wrong, "by": order, "class": true}
        shown = [asdict(each) for each in misread[:count]]
        click.echo(json.dumps({**asking.about(found, trained, split, readings), **report, "misread": shown}))
    else:
        of_class = "" if true is None else f", {len(misread):,} of them of class {true}"
        title = asking.title(found, trained, split)
        click.echo(f"{title}: {wrong:,} of {n:,} misread ({100 * wrong / n:.2f} %){of_class}")
    if out is not None:
        _write(trained, split, misread[: count or _MOST_IN_A_FILE], out)
    elif misread and not as_json:
        _draw(trained, split, misread, count, order)
    if not as_json:
        asking.said_of_readings(readings)


def _write(trained: Trained, split: SplitName, misread: list[Misread], out: Path) -> None:
    """Write pictures to a PNG file, if there are any."""
    from mnistnn.analysis.lettering import captioned_sheet
    from mnistnn.data.contact_sheet import encode_png

    if not misread:
        click.echo("nothing was misread, so no picture is written", err=True)
        return
    captions = [[each.what, *([each.how_surely] if each.how_surely else [])] for each in misread]
    asking.write(out, encode_png(captioned_sheet(_images(trained, split, misread), captions, _COLUMNS)))


def _draw(trained: Trained, split: SplitName, misread: list[Misread], count: int | None, order: By) -> None:
    """Print pictures, as many as the terminal can show at once if no number is given."""
    from mnistnn.analysis.misread import cell_width, draw_in_text
    from mnistnn.data.contact_sheet import ASCII_BLOCKS, UNICODE_BLOCKS

    captions = [f"{each.what}, {each.how_surely}".removesuffix(", ") for each in misread]
    height, width = trained.plan.image_shape
    terminal = shutil.get_terminal_size()
    across = max(1, terminal.columns // (cell_width(width, captions) + 1))
    bands = max(1, (terminal.lines - 3) // (-(-height // 2) + 2))
    shown = misread[: count or across * bands]
    blocks = UNICODE_BLOCKS if can_show(UNICODE_BLOCKS) else ASCII_BLOCKS
    click.echo(draw_in_text(_images(trained, split, shown), captions[: len(shown)], across, blocks))
    if settings().quiet or len(shown) == len(misread):
        return
    which = "those read most surely" if order == "confidence" else "the first"
    click.echo(
        f"shown are {which}, {len(shown)} of {len(misread):,}; --count shows more, --out writes a file", err=True
    )


def _images(trained: Trained, split: SplitName, misread: list[Misread]) -> NDArray[np.uint8]:
    import numpy as np

    from mnistnn.analysis.answers import images_at

    return images_at(trained, split, np.array([each.place for each in misread]))
