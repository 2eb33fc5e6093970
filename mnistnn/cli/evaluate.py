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
@click.option(
    "--temperatures",
    type=click.IntRange(3, 1_000_000),
    metavar="N",
    help="Of an rbm: machines between, in annealed importance sampling.  [default: 14500]",
)
@click.option(
    "--chains",
    type=click.IntRange(2, 100_000),
    metavar="N",
    help="Of an rbm: chains of annealed importance sampling.  [default: 100]",
)
@click.option("--reverse", is_flag=True, help="Of an rbm: anneal the other way as well, which errs on the other side.")
@click.option("--ais", is_flag=True, help="Of an rbm: estimate log Z even where it can be enumerated.")
@click.option("--expect", is_flag=True, help="Exit with 9 if the error is outside of what the experiment claims.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def evaluate(
    run: str,
    runs: Path,
    split: str,
    checkpoint: str,
    mc_samples: int | None,
    temperatures: int | None,
    chains: int | None,
    reverse: bool,
    ais: bool,
    expect: bool,
    as_json: bool,
) -> None:
    """Measure a run on one split of the data.

    RUN is a path, the start of a run's id, or 'latest'. Readings of the test split are counted in the run. Of an rbm it
    is the likelihood that is measured: exactly with up to 20 hidden units, else by annealed importance sampling.
    """
    from dataclasses import asdict

    from mnistnn.analysis import evaluation as analysis
    from mnistnn.cli.likelihood import measure_machine
    from mnistnn.errors import CheckFailedError, UsageError
    from mnistnn.run.directory import find
    from mnistnn.run_config import load_run_config

    found = find(run, runs)
    experiment = load_run_config(found).experiment
    claim = experiment.expect
    of_machines = {"--temperatures": temperatures, "--chains": chains, "--reverse": reverse, "--ais": ais}
    if experiment.model.type == "rbm":
        if mc_samples is not None:
            raise UsageError("--mc-samples is for models that read digits, and this is an rbm")
        asked = {"temperatures": temperatures, "chains": chains}
        asked = {name: value for name, value in asked.items() if value is not None}
        annealing = {**asked, "reverse": reverse, "always": ais}
        measure_machine(found, split, checkpoint, annealing, expect, claim, warn, as_json)
        return
    if wrong := [name for name, value in of_machines.items() if value]:
        raise UsageError(f"{', '.join(wrong)}: is for an rbm, and this model reads digits")
    band = claim.test_error if split == "test" else claim.valid_error if split == "valid" else None
    if expect and band is None:
        raise UsageError(f"{found.path}: its experiment claims nothing about the {split} error (key expect)")
    result = analysis.evaluate(
        found,
        split,  # type: ignore[arg-type] # click checked the choice
        checkpoint,
        warn,
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


def warn(text: str) -> None:
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
