"""`mnistnn eval`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.eval.claim import claim_of
from mnistnn.cli.options import CHECKPOINT, RUNS
from mnistnn.cli.progress import progress
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.types import SplitName


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
    help="Of an energy-based model: distributions between, in annealed importance sampling.  [default: 14500]",
)
@click.option(
    "--chains",
    type=click.IntRange(2, 100_000),
    metavar="N",
    help="Of an energy-based model: chains of annealed importance sampling.  [default: 100]",
)
@click.option(
    "--reverse",
    is_flag=True,
    help="Of an energy-based model: anneal the other way as well, which errs on the other side.",
)
@click.option("--ais", is_flag=True, help="Of an energy-based model: estimate log Z even where it can be enumerated.")
@click.option("--expect", is_flag=True, help="Exit with 9 if the metric is outside of what the experiment claims.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def evaluate(
    run: str,
    runs: Path,
    split: SplitName,
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

    RUN is a path, the start of a run's id, or 'latest'. Readings of the test split are counted in the run. Of a
    classifier the error is measured; of an energy-based model (rbm, boltzmann) the likelihood, exactly if all states
    can be enumerated, else by annealed importance sampling; of an autoencoder how well it reconstructs images; of a
    regression the mean squared error.
    """
    from dataclasses import asdict

    from mnistnn.analysis.evaluation import results
    from mnistnn.analysis.evaluation.test_access_log import said
    from mnistnn.run.directory import find

    found = find(run, runs)
    flags = {
        "--mc-samples": mc_samples,
        "--temperatures": temperatures,
        "--chains": chains,
        "--reverse": reverse,
        "--ais": ais,
    }
    options = {flag: value for flag, value in flags.items() if value}
    trained = results.load_to_measure(found, split, checkpoint, _warn)
    task, claim = trained.task, claim_of(trained.task, split)
    task.refuse_options(options)
    if expect:
        claim.refuse_if_none(found)
    with progress() as watch:
        result = results.measure(found, trained, split, options, watch)
    value = getattr(result, claim.claim.metric)
    if as_json:
        click.echo(json.dumps(asdict(result)))
    else:
        for line in task.lines(result, claim.said(value)):
            click.echo(printable(line))
        if split == "test":
            click.echo(said(result.test_readings))
    if expect:
        claim.hold(value)


def _warn(text: str) -> None:
    click.echo(printable(text), err=True)
