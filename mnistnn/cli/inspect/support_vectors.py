"""`mnistnn inspect support-vectors`."""

from __future__ import annotations

import json
from dataclasses import asdict
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
    from mnistnn.analysis.inspection.support_vectors import OfPair, SupportVector

_COLUMNS = 10


@click.command("support-vectors", cls=MnistnnCommand)
@trained_options.RUN
@RUNS
@CHECKPOINT
@click.option("--pair", type=Numbers(), metavar="I,J", help="Show those of the machine of these two classes: 3,8.")
@click.option(
    "--count", type=click.IntRange(1, 1000), default=20, show_default=True, help="Show so many of a pair, half of each."
)
@click.option("--out", type=click.Path(path_type=Path), help="Draw those of the pair in this PNG file.")
@trained_options.FORCE
@trained_options.JSON
def support_vectors(
    run: str,
    runs: Path,
    checkpoint: str,
    pair: list[int] | None,
    count: int,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Show the support vectors of a support vector machine.

    Without --pair there is a line for each pair of classes: how many support vectors its machine has, of how many
    examples they are copies, how many of them lie within the margin (α = C), and the bias. With --pair the ones with
    the largest coefficients are shown, of shifted copies the strongest: first those of the one class, which are
    positive, then those of the other.
    """
    from mnistnn.analysis.inspection.support_vectors import machines, strongest
    from mnistnn.errors import UsageError

    if pair is not None and len(pair) != 2:
        raise UsageError(f"--pair: expected two classes such as 3,8, got {','.join(map(str, pair))}")
    if out is not None and pair is None:
        raise UsageError("--out draws the support vectors of one pair: --pair 3,8")
    output.prepare(out, force, output.PNG)
    found, trained = trained_options.open_trained(run, runs, checkpoint)
    record = {"schema_version": trained_options.SCHEMA_VERSION, **trained_options.of_checkpoint(trained)}
    title = f"{printable(found.path.name)}, checkpoint {printable(trained.label)}: {trained.epoch:,.6g} pairs"
    if pair is None:
        all_machines = machines(trained)
        if as_json:
            click.echo(json.dumps({**record, "machines": [asdict(each) for each in all_machines]}))
        else:
            click.echo(title)
            _print_machines(all_machines)
        return
    shown = strongest(trained, pair, count)
    if as_json:
        click.echo(json.dumps({**record, "pair": sorted(pair), "vectors": [_as_json(each) for each in shown]}))
    else:
        click.echo(title)
        for each in shown:
            down, right = each.shift
            shift = f", shifted by {down:+d} down, {right:+d} right" if any(each.shift) else ""
            click.echo(f"{each.coefficient:+.4f}  example {each.place:,}{shift}")
    if out is not None:
        _write(shown, out)


def _print_machines(all_machines: list[OfPair]) -> None:
    for each in all_machines:
        i, j = each.pair
        copies = "" if each.originals == each.vectors else f", copies of {each.originals:,} examples"
        click.echo(
            f"{i}/{j}  {each.vectors:>6,} support vectors{copies}, {each.at_bound:,} at C, bias {each.bias:+.4f}"
        )


def _as_json(shown: SupportVector) -> dict[str, Any]:
    return {"coefficient": shown.coefficient, "place": shown.place, "shift_px": list(shown.shift)}


def _write(shown: list[SupportVector], out: Path) -> None:
    """Write pictures of support vectors, each above its coefficient."""
    import numpy as np

    from mnistnn.analysis.plots.captions import captioned_sheet
    from mnistnn.analysis.plots.contact_sheet import encode_png
    from mnistnn.errors import UsageError
    from mnistnn.types import show_shape

    if not shown:
        click.echo("the machine of this pair has no support vectors, so no picture is written", err=True)
        return
    images = np.stack([each.image for each in shown])
    if images.ndim != 3:
        raise UsageError(f"support vectors of the shape {show_shape(images.shape[1:])} are no images")
    captions = [[f"{each.coefficient:+.3f}"] for each in shown]
    pixels = np.rint(255 * images.clip(0.0, 1.0)).astype(np.uint8)
    output.write(out, encode_png(captioned_sheet(pixels, captions, _COLUMNS)))
