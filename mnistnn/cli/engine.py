"""Where several runs are done, trials of a sweep or members of a committee: what their commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistnn.cli.command import settings
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.runner.members import Trainer
    from mnistnn.sweep.engines import Engine

ADDRESS = click.option("--address", metavar="tcp://HOST:PORT", help="Of the Dask scheduler.")


def engine_option(does: str) -> Callable[[Any], Any]:
    """Return the option `--engine`, whose help begins with what is done there."""
    return click.option(
        "--engine",
        type=click.Choice(["local", "dask"]),
        default="local",
        show_default=True,
        help=f"{does} in processes of this machine, or on the workers of a Dask scheduler.",
    )


def refuse_what_no_engine_can(engine: str, address: str | None) -> None:
    """Raise UsageError for half of what Dask needs, ResourceError if it is not installed."""
    if engine == "dask" and address is None:
        raise click.UsageError("--engine dask needs the --address of a scheduler, such as tcp://127.0.0.1:8786")
    if engine != "dask" and address is not None:
        raise click.UsageError("--address goes with --engine dask")
    if engine == "dask":
        from mnistnn.extras import require

        require("distributed", "--engine dask")


def engine_for(folder: Path, workers: int, address: str | None) -> Engine:
    """Return what does the runs of a folder: the scheduler at an address, or so many processes of this machine.

    A folder that is yet to be made lies in one that all workers must see.
    """
    from mnistnn.sweep.cluster import Dask
    from mnistnn.sweep.engines import Local

    if address is None:
        return Local(workers)
    whole = folder.resolve()
    return Dask(address, next(path for path in (whole, *whole.parents) if path.exists()))


def trainer_of(folder: Path, workers: int | None, address: str | None) -> AbstractContextManager[Trainer | None]:
    """Return the context of what trains several members of a committee at a time; of nothing for one.

    folder  of the committee's run, or where it will lie
    """
    if address is None and (workers or 1) == 1:
        return nullcontext()
    from mnistnn.sweep.members import members_at_a_time

    return members_at_a_time(engine_for(folder, workers or 1, address), workers, _tell)


def _tell(text: str) -> None:
    """Say something on stderr, above the bars if there are any."""
    from tqdm import tqdm

    if not settings().quiet:
        tqdm.write(printable(text), file=sys.stderr)
