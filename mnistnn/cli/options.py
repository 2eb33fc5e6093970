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
