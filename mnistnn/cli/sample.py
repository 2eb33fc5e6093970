"""`mnistnn sample`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli import output
from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.found import found_run
from mnistnn.cli.inspect.trained_options import FORCE, RUN, open_trained, warn_of
from mnistnn.cli.options import CHECKPOINT, RUNS
from mnistnn.cli.terminal import can_show

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mnistnn.analysis.inspection.samples import Chains, Held, Start

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

    Of a net whose layers learned before as restricted Boltzmann machines (pretrain), the deep belief net is sampled
    that these are: chains in the machine at the top, and from there down to the pixels. What the layers learned
    afterwards, with the whole net, has no part in it.
    """
    import numpy as np

    from mnistnn.analysis.inspection.samples import Chains

    output.prepare(out, force, output.PNG)
    asked = Chains(chains, steps, every, start, clamp, seed)
    rows = _rows(run, runs, checkpoint, asked, reconstruct)
    if out is not None:
        _write(np.concatenate(rows), chains, out)
        return
    _draw(rows)


def _rows(reference: str, runs: Path, checkpoint: str, chains: Chains, reconstruct: bool) -> list[NDArray[np.uint8]]:
    """Return the rows of pictures (n, h, w) that were asked for."""
    from mnistnn.analysis.inspection.belief_samples import rbms_of, rows_of_belief_net
    from mnistnn.analysis.inspection.reconstructions import reconstructions_of
    from mnistnn.analysis.inspection.samples import rows_of_samples
    from mnistnn.run.config import load_run_config

    run = found_run(reference, runs)
    if not reconstruct and (experiment := load_run_config(run).experiment).pretrain:
        machines = rbms_of(run, experiment, checkpoint)
        for machine in machines:
            warn_of(machine.passed_over)
        with machines[-1].computing():
            return list(rows_of_belief_net(machines, chains))
    _, trained = open_trained(reference, runs, checkpoint)
    with trained.computing():
        return reconstructions_of(trained, chains.count) if reconstruct else list(rows_of_samples(trained, chains))


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
