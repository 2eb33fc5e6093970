"""`mnistnn sample`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli import output
from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.inspect.trained_options import FORCE, RUN, open_trained
from mnistnn.cli.options import CHECKPOINT, RUNS
from mnistnn.cli.terminal import can_show

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mnistnn.analysis.inspection.samples import Held, Start

_MOST_CHAINS, _MOST_STEPS = 1000, 1_000_000


@click.command(cls=MnistnnCommand)
@RUN
@RUNS
@CHECKPOINT
@click.option("--chains", type=click.IntRange(1, _MOST_CHAINS), default=20, show_default=True, help="Side by side.")
@click.option(
    "--steps", type=click.IntRange(1, _MOST_STEPS), default=1000, show_default=True, help="Gibbs steps of each chain."
)
@click.option(
    "--every", type=click.IntRange(1, _MOST_STEPS), default=100, show_default=True, help="Steps between two rows."
)
@click.option(
    "--from",
    "start",
    type=click.Choice(["valid", "train", "noise"]),
    default="valid",
    show_default=True,
    help="What chains begin with: images of a split, or noise.",
)
@click.option(
    "--clamp",
    type=click.Choice(["top", "bottom", "left", "right"]),
    help="Hold this half of the images and let the model complete the other.",
)
@click.option(
    "--reconstruct",
    is_flag=True,
    help="No chains: images, what was hidden of them if anything, and their reconstructions.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of what is drawn.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the pictures to this PNG file.")
@FORCE
def sample(
    run: str,
    runs: Path,
    checkpoint: str,
    chains: int,
    steps: int,
    every: int,
    start: Start,
    clamp: Held | None,
    reconstruct: bool,
    seed: int,
    out: Path | None,
    force: bool,
) -> None:
    """Draw samples or reconstructions of a model.

    RUN is a path, the start of a run's id, the name of an experiment, which means its newest run, or 'latest'. Rows of
    chains, as in LISA's figure: the first row is what they begin with, each further one shows the probabilities of the
    pixels, so many steps later. Without --out as many as fit are drawn here.
    """
    import numpy as np

    from mnistnn.analysis.inspection.reconstructions import reconstructions_of
    from mnistnn.analysis.inspection.samples import Chains, rows_of_samples

    output.prepare(out, force, output.PNG)
    _, trained = open_trained(run, runs, checkpoint)
    with trained.computing():
        if reconstruct:
            rows = reconstructions_of(trained, chains)
        else:
            rows = list(rows_of_samples(trained, Chains(chains, steps, every, start, clamp, seed)))
    if out is not None:
        _write(np.concatenate(rows), chains, out)
        return
    _draw(rows)


def _write(images: NDArray[np.uint8], columns: int, out: Path) -> None:
    from mnistnn.analysis.plots.contact_sheet import contact_sheet, encode_png

    output.write(out, encode_png(contact_sheet(images, columns)))


def _draw(rows: list[NDArray[np.uint8]]) -> None:
    """Print rows of images, as many side by side as fit the terminal."""
    import shutil

    import numpy as np

    from mnistnn.analysis.plots.contact_sheet import ASCII_SHADES, UNICODE_SHADES, draw_shaded

    marks = UNICODE_SHADES if can_show(UNICODE_SHADES) else ASCII_SHADES
    fitting = max(1, shutil.get_terminal_size().columns // (rows[0].shape[2] + 1))
    for row in rows:
        padded = np.pad(row[:fitting], ((0, 0), (0, 0), (0, 1)))  # a blank column between two
        click.echo(draw_shaded(np.concatenate(list(padded), axis=1), marks))
        click.echo()
