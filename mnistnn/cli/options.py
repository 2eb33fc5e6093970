"""Options that several commands share."""

from pathlib import Path

import click

RUNS = click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder of all runs.",
)

CHECKPOINT = click.option(
    "--checkpoint",
    default="best",
    show_default=True,
    metavar="best|last|PATH",
    help="Whose parameters: those of the best epoch, the last ones, or a checkpoint file's.",
)

AXIS = click.option(
    "--x",
    "axis",
    type=click.Choice(["epochs", "updates", "examples", "seconds"]),
    default="epochs",
    show_default=True,
    help="What curves are drawn along.",
)
