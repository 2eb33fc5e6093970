"""`mnistnn eval`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.options import CHECKPOINT, RUNS
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.analysis.evaluation import Evaluation
    from mnistnn.config.schema import Expect


@click.command("eval", cls=MnistnnCommand)
@click.argument("run", metavar="RUN")
@RUNS
@click.option(
    "--split",
    type=click.Choice(["test", "valid", "train"]),
    default="test",
    show_default=True,
    help="What to measure on.",
)
@CHECKPOINT
@click.option(
    "--mc-samples",
    type=click.IntRange(1, 100_000),
    metavar="N",
    help="Average the predictions of N sampled masks (dropout, dropconnect) instead of scaling the weights.",
)
@click.option("--expect", is_flag=True, help="Exit with 9 if the error is outside of what the experiment claims.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def evaluate(
    run: str, runs: Path, split: str, checkpoint: str, mc_samples: int | None, expect: bool, as_json: bool
) -> None:
    """Measure a run on one split of the data.

    RUN is a path, the start of a run's id, or 'latest'. Readings of the test split are counted in the run.
    """
    from dataclasses import asdict

    from mnistnn.analysis import evaluation as analysis
    from mnistnn.errors import CheckFailedError, UsageError
    from mnistnn.run.directory import find
    from mnistnn.run_config import load_run_config

    found = find(run, runs)
    claim = load_run_config(found).experiment.expect
    band = claim.test_error if split == "test" else claim.valid_error if split == "valid" else None
    if expect and band is None:
        raise UsageError(f"{found.path}: its experiment claims nothing about the {split} error (key expect)")
    result = analysis.evaluate(
        found,
        split,  # type: ignore[arg-type] # click checked the choice
        checkpoint,
        _warn,
        mc_samples,
    )
    if as_json:
        click.echo(json.dumps(asdict(result)))
    else:
        _print(result, band, claim)
    if expect and band is not None and not band[0] <= result.error <= band[1]:
        raise CheckFailedError(
            f"{split} error {result.error:.4f} is outside of what the experiment claims, {band[0]:.4f} to {band[1]:.4f}"
        )


def _warn(text: str) -> None:
    click.echo(printable(text), err=True)


def _print(result: Evaluation, band: list[float] | None, claim: Expect) -> None:
    from mnistnn.analysis import ledger
    from mnistnn.analysis.confusion import confusion_lines, pairs_line

    low, high = result.error_interval_95
    sampled = "" if result.mc_samples is None else f", mean of {result.mc_samples:,} sampled masks"
    click.echo(
        f"{printable(result.run)}, {result.split} split, "
        f"checkpoint {printable(result.checkpoint)} (epoch {result.epoch:.6g}){sampled}"
    )
    click.echo(
        f"error {100 * result.error:.2f} %  ({result.errors:,} of {result.examples:,}; "
        f"95 % interval {100 * low:.2f} to {100 * high:.2f} %)"
    )
    click.echo(f"loss  {result.loss:.5f}")
    if band is not None:
        verdict = "within" if band[0] <= result.error <= band[1] else "OUTSIDE"
        source = f" ({printable(claim.source)})" if claim.source else ""
        click.echo(f"claim {100 * band[0]:.2f} to {100 * band[1]:.2f} %{source}: {verdict}")
    click.echo()
    for line in confusion_lines(result.confusion, result.error_per_class):
        click.echo(line)
    if pairs := pairs_line(result.most_confused):
        click.echo(pairs)
    if result.split == "test":
        click.echo(ledger.said(result.test_readings))
