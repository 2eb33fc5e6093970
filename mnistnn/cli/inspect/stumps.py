"""`mnistnn inspect stumps`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistnn.cli import output
from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.inspect import trained_options
from mnistnn.cli.options import CHECKPOINT, RUNS
from mnistnn.cli.parameters import Numbers
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.analysis.inspection.stumps import Round


@click.command(cls=MnistnnCommand)
@trained_options.RUN
@RUNS
@CHECKPOINT
@click.option(
    "--count", type=click.IntRange(1, 1000), default=8, show_default=True, help="Show so many rounds, the first ones."
)
@click.option("--rounds", "numbers", type=Numbers(), help="Show these rounds, by their numbers from 1: 1,100 or 1..20.")
@click.option("--out", type=click.Path(path_type=Path), help="Draw what each stump looks at in this PNG file.")
@trained_options.FORCE
@trained_options.JSON
def stumps(
    run: str,
    runs: Path,
    checkpoint: str,
    count: int,
    numbers: list[int] | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Show the stumps that a boosted classifier has chosen.

    A stump adds up the pixels of some rectangles, bright in a picture, takes away those of others, dark, and compares
    the sum with its threshold. A round votes for some classes if it is above, for the others if it is below; with
    several stumps, if an even or an odd number of them is below. How much that counts is its alpha.
    """
    from mnistnn.analysis.inspection.stumps import image_shape, rounds_of

    output.prepare(out, force, output.PNG)
    found, trained = trained_options.open_trained(run, runs, checkpoint)
    shown = rounds_of(trained, numbers, count)
    names = trained.plan.class_names
    if as_json:
        record = {"schema_version": trained_options.SCHEMA_VERSION, **trained_options.of_checkpoint(trained)}
        click.echo(json.dumps({**record, "rounds": [_as_json(each) for each in shown]}))
    else:
        click.echo(f"{printable(found.path.name)}, checkpoint {printable(trained.label)}: {trained.epoch:,.6g} rounds")
        for each in shown:
            _print(each, names)
    if out is not None:
        _write(shown, image_shape(trained), out)


def _print(shown: Round, names: list[str]) -> None:
    chosen = [name for name, vote in zip(names, shown.votes, strict=True) if vote > 0]
    others = [name for name, vote in zip(names, shown.votes, strict=True) if vote < 0]
    click.echo(
        printable(
            f"round {shown.number:,}: alpha {shown.alpha:.4f}, loss × {shown.energy:.4f}, "
            f"for {' '.join(chosen) or 'none'}, against {' '.join(others) or 'none'}"
        )
    )
    for stump in shown.stumps:
        click.echo(f"  {stump.said}")


def _as_json(shown: Round) -> dict[str, Any]:
    stumps = [
        {"threshold": stump.threshold, "rectangles": [each._asdict() for each in stump.rectangles]}
        for stump in shown.stumps
    ]
    votes = [int(vote) for vote in shown.votes]
    return {"round": shown.number, "alpha": shown.alpha, "energy": shown.energy, "votes": votes, "stumps": stumps}


def _write(shown: list[Round], shape: tuple[int, int], out: Path) -> None:
    """Write a picture of each stump, under it the round that it belongs to and the classes that this votes for."""
    import numpy as np

    from mnistnn.analysis.inspection.stumps import drawn
    from mnistnn.analysis.plots.captions import captioned_sheet
    from mnistnn.analysis.plots.contact_sheet import encode_png

    pairs = [(each, stump) for each in shown for stump in each.stumps]
    if not pairs:
        click.echo("no stump was chosen in these rounds, so no picture is written", err=True)
        return
    pictures = np.stack([drawn(stump, shape) for _, stump in pairs])
    captions = [[f"round {each.number}", f"> {stump.threshold:.3g}"] for each, stump in pairs]
    columns = max(len(each.stumps) for each in shown)
    sheet = captioned_sheet((128 + 127 * pictures).astype(np.uint8), captions, 2 * columns)
    output.write(out, encode_png(sheet))
