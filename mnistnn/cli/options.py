"""Options that several commands share."""

import math
from pathlib import Path

import click

RUNS = click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder of all runs.",
)

CODE = click.option(
    "--code",
    "code",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE.py",
    help="Python file with components of your own, which is executed, and trusted on this machine from then on. May be "
    "given several times.",
)

CHECKPOINT = click.option(
    "--checkpoint",
    default="best",
    show_default=True,
    metavar="best|last|PATH",
    help="Whose parameters: those of the best epoch, the last ones, or a checkpoint file's.",
)

_AXES = click.Choice(["epochs", "passes", "updates", "examples", "seconds"])
AXIS = click.option("--x", "axis", type=_AXES, default="epochs", show_default=True, help="What curves are drawn along.")
AXES = click.option(
    "--x",
    "axes",
    type=_AXES,
    multiple=True,
    default=["epochs"],
    show_default="epochs",
    help="What curves are drawn along; may be given several times, for panels along each.",
)


UNFINISHED = click.option(
    "--unfinished", is_flag=True, help="Of a folder, take runs too that failed, diverged or are not at their end."
)


def finite(_context: click.Context, option: click.Parameter, value: float | None) -> float | None:
    """Refuse nan and inf, which click takes for numbers of any range."""
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"expected a number, got {value}", param=option)
    return value
