"""Common options of the commands that inspect a trained model, and the lines that say which model it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mnistnn.cli.found import found_run
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.experiment.trained import Trained
    from mnistnn.run.directory import RunDirectory
    from mnistnn.types import SplitName

_Function = TypeVar("_Function", bound=Callable[..., Any])

SCHEMA_VERSION = 1

RUN = click.argument("run", metavar="RUN")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
FORCE = click.option("--force", is_flag=True, help="Replace the file if it is there.")


def split_option(default: str) -> Callable[[_Function], _Function]:
    """Return the option for the split whose examples are shown to the model."""
    return click.option(
        "--split",
        type=click.Choice(["valid", "test", "train"]),
        default=default,
        show_default=True,
        help="Whose examples. A reading of the test split is counted, as by eval.",
    )


def open_trained(reference: str, runs: Path, checkpoint: str) -> tuple[RunDirectory, Trained]:
    """Find a run and load its model; say which checkpoints were passed over."""
    from mnistnn.experiment.trained import load_trained

    run = found_run(reference, runs)
    trained = load_trained(run, checkpoint)
    warn_of(trained.passed_over)
    return run, trained


def warn_of(passed_over: list[str]) -> None:
    """Say on stderr what was wrong with checkpoints that were passed over."""
    for problem in passed_over:
        click.echo(printable(f"warning: passed over {problem}"), err=True)


def counted_readings(run: RunDirectory, trained: Trained, split: SplitName) -> int | None:
    """Count a reading of the test split, before anything of it is shown; return how many there are. None for others."""
    from mnistnn.analysis.evaluation.test_access_log import log_test_access

    return log_test_access(run, trained) if split == "test" else None


def said_of_readings(readings: int | None) -> None:
    """Print how often the test split was read, if it was."""
    from mnistnn.analysis.evaluation.test_access_log import said

    if readings is not None:
        click.echo(said(readings))


def of_checkpoint(trained: Trained) -> dict[str, Any]:
    """Return the keys of JSON that say which parameters a model has."""
    return {"checkpoint": trained.label, "checkpoint_file": trained.file, "epoch": trained.epoch}


def about(run: RunDirectory, trained: Trained, split: SplitName, readings: int | None) -> dict[str, Any]:
    """Return the keys with which the JSON of these commands begins."""
    from mnistnn.run.record import read_record

    return {
        "schema_version": SCHEMA_VERSION,
        "run": read_record(run).id,
        "split": split,
        **of_checkpoint(trained),
        **({} if readings is None else {"test_readings": readings}),
    }


def title(run: RunDirectory, trained: Trained, split: SplitName) -> str:
    """Return a line that says which model was asked about what."""
    from mnistnn.run.record import read_record

    return printable(f"{read_record(run).id}, {split} split, checkpoint {trained.label} (epoch {trained.epoch:.6g})")
