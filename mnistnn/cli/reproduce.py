"""`mnistnn reproduce`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import click

from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.options import RUNS
from mnistnn.cli.parameters import Seeds
from mnistnn.cli.terminal import can_draw, printable

_EXPERIMENTS = Path("experiments")
_RESULTS = _EXPERIMENTS / "results"
_TABLE = "RESULTS.md"


@click.command(cls=MnistnnCommand)
@click.argument("names", nargs=-1, metavar="[FILE|GROUP]...")
@click.option("--seeds", type=Seeds(), default="0", show_default=True, help="One run for each: 0..4 or 0,3,7.")
@click.option("--all", "everything", is_flag=True, help="Every experiment that makes a claim; takes hours.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=_RESULTS,
    show_default=True,
    help=f"Folder of the records. Any but the default one gets its own {_TABLE}.",
)
@click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="Where to compute."
)
@RUNS
@click.option("--table-only", is_flag=True, help=f"Train nothing; renew {_TABLE} from the records.")
def reproduce(
    names: tuple[str, ...],
    seeds: list[int],
    everything: bool,
    results: Path,
    device: Literal["cpu", "cuda"],
    runs: Path,
    table_only: bool,
) -> None:
    """Run experiments and hold them to their claims.

    A GROUP is a folder of experiments/, or quick, the default: what experiments/quick.txt lists. An experiment's record
    is replaced, whatever seeds the old one had; the exit code is 9 if any error lies outside of its band.
    """
    from mnistnn.errors import CheckFailedError
    from mnistnn.reproduction.collection import select
    from mnistnn.reproduction.reproduce import reproduce as reproduce_members
    from mnistnn.reproduction.table import renew_table
    from mnistnn.runner import session

    if everything and names:
        raise click.UsageError("--all takes every experiment and goes with no names")
    if table_only and (names or everything):
        raise click.UsageError("--table-only trains nothing and goes with neither names nor --all")
    table = Path(_TABLE) if results == _RESULTS else results / _TABLE
    failures: list[str] = []
    if not table_only:
        members = select(_EXPERIMENTS, names, everything)
        # The runs' own lines would bury the results.
        shown = settings().verbose
        verbosity = session.Verbosity(shown=shown, bars=shown and can_draw(sys.stderr))
        failures = reproduce_members(members, seeds, device, runs, results, verbosity, _tell)
    renew_table(_EXPERIMENTS, results, table)
    click.echo(f"results: {printable(str(table))}")
    if failures:
        listed = "\n".join(f"  {failure}" for failure in failures)
        raise CheckFailedError(f"{len(failures)} of {len(members)} experiments were not reproduced:\n{listed}")


def _tell(text: str) -> None:
    if not settings().quiet:
        click.echo(printable(text), err=True)
