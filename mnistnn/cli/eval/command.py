"""`mnistnn eval`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.eval.claim import claim_of_error
from mnistnn.cli.eval.report_result import Asked, measured_what, tell
from mnistnn.cli.options import CHECKPOINT, RUNS
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.analysis.evaluation.classification import Evaluation
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
    help="Of a machine: machines between, in annealed importance sampling.  [default: 14500]",
)
@click.option(
    "--chains",
    type=click.IntRange(2, 100_000),
    metavar="N",
    help="Of a machine: chains of annealed importance sampling.  [default: 100]",
)
@click.option(
    "--reverse", is_flag=True, help="Of a machine: anneal the other way as well, which errs on the other side."
)
@click.option("--ais", is_flag=True, help="Of a machine: estimate log Z even where it can be enumerated.")
@click.option("--expect", is_flag=True, help="Exit with 9 if the error is outside of what the experiment claims.")
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

    RUN is a path, the start of a run's id, or 'latest'. Readings of the test split are counted in the run. Of a machine
    (rbm, boltzmann) it is the likelihood that is measured, exactly if all states can be gone through, else by annealed
    importance sampling; of an autoencoder, how well it gives images back; of a model that tells numbers, how far off
    they are.
    """
    from mnistnn.analysis.evaluation import classification as analysis
    from mnistnn.cli.eval.likelihood import measure_machine
    from mnistnn.cli.eval.reconstruction import measure_autoencoder
    from mnistnn.cli.eval.regression import measure_numbers
    from mnistnn.errors import UsageError
    from mnistnn.run.config import load_run_config
    from mnistnn.run.directory import find

    found = find(run, runs)
    experiment = load_run_config(found).experiment
    asked = Asked(found, split, checkpoint, expect, experiment.expect, as_json, warn)
    kind = experiment.model.type
    of_machines = {"--temperatures": temperatures, "--chains": chains, "--reverse": reverse, "--ais": ais}
    if kind != "sequential" and mc_samples is not None:
        raise UsageError(f"--mc-samples is for models that read digits, and this is one of type {kind}")
    if kind in ("rbm", "boltzmann"):
        given = {"temperatures": temperatures, "chains": chains}
        given = {name: value for name, value in given.items() if value is not None}
        measure_machine(asked, {**given, "reverse": reverse, "always": ais})
        return
    if wrong := [name for name, value in of_machines.items() if value]:
        raise UsageError(f"{', '.join(wrong)}: is for machines, and this model is of type {kind}")
    if kind == "autoencoder":
        measure_autoencoder(asked)
        return
    if experiment.loss.type == "mean_squared_error":
        if mc_samples is not None:
            raise UsageError("--mc-samples averages probabilities of classes, and this model tells numbers")
        measure_numbers(asked)
        return
    tell(
        asked,
        claim_of_error(experiment.expect, split),
        lambda: analysis.evaluate(found, split, checkpoint, warn, mc_samples),
        lambda result: result.error,
        _show,
    )


def warn(text: str) -> None:
    click.echo(printable(text), err=True)


def _show(result: Evaluation, claim: str | None) -> None:
    from mnistnn.analysis.evaluation.confusion import confusion_lines, pairs_line

    low, high = result.error_interval_95
    sampled = "" if result.mc_samples is None else f", mean of {result.mc_samples:,} sampled masks"
    click.echo(f"{measured_what(result)}{sampled}")
    click.echo(
        f"error {100 * result.error:.2f} %  ({result.errors:,} of {result.examples:,}; "
        f"95 % interval {100 * low:.2f} to {100 * high:.2f} %)"
    )
    click.echo(f"loss  {result.loss:.5f}")
    if claim is not None:
        click.echo(f"claim {claim}")
    click.echo()
    for line in confusion_lines(result.confusion, result.error_per_class):
        click.echo(line)
    if pairs := pairs_line(result.most_confused):
        click.echo(pairs)
