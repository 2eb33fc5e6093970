"""`mnistnn eval`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.eval.claim import claim_of
from mnistnn.cli.found import found_run
from mnistnn.cli.options import CHECKPOINT, RUNS
from mnistnn.cli.progress import progress
from mnistnn.cli.table import columns_of_terminal
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.cli.eval.claim import HeldClaim
    from mnistnn.run.directory import RunDirectory
    from mnistnn.tasks.contract import Task
    from mnistnn.types import SplitName

_SCHEMA_VERSION = 1


@click.command("eval", cls=MnistnnCommand)
@click.argument("references", nargs=-1, required=True, metavar="RUN...")
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
    references: tuple[str, ...],
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

    RUN is a path, the start of a run's id, the name of an experiment, which means its newest run, or 'latest'. Of
    several runs, such as one for each seed, each is measured, and then mean, standard deviation and 95 % interval are
    said. Readings of the test split are counted in the run. Of a classifier the error is measured; of an energy-based
    model (rbm, boltzmann) the likelihood, exactly if all states can be enumerated, else by annealed importance
    sampling; of an autoencoder how well it reconstructs images; of a regression the mean squared error.
    """
    flags = {
        "--mc-samples": mc_samples,
        "--temperatures": temperatures,
        "--chains": chains,
        "--reverse": reverse,
        "--ais": ais,
    }
    options = {flag: value for flag, value in flags.items() if value}
    found = [found_run(reference, runs) for reference in references]
    measured = []
    for run in found:
        measured.append(_measured(run, split, checkpoint, options, expect))
        if not as_json:
            _print(measured[-1], is_alone=len(found) == 1)
    if len(found) == 1:
        if as_json:
            click.echo(json.dumps(measured[0].as_json()))
    elif as_json:
        click.echo(json.dumps(_together_as_json(measured)))
    else:
        for line in _together_lines(measured):
            click.echo(printable(line))
    if expect:
        for each in measured:
            each.claim.hold(each.value)


class _Measured(NamedTuple):
    """A run's result, the task that says it in words, and the claim about it."""

    run: RunDirectory
    task: Task
    result: Any
    claim: HeldClaim

    @property
    def value(self) -> float:
        """The metric that may be claimed."""
        value: float = getattr(self.result, self.claim.claim.metric)
        return value

    def as_json(self) -> dict[str, Any]:
        from dataclasses import asdict

        return asdict(self.result)


def _measured(run: RunDirectory, split: SplitName, checkpoint: str, options: dict[str, Any], expect: bool) -> _Measured:
    from mnistnn.analysis.evaluation import results

    trained = results.load_to_measure(run, split, checkpoint, _warn)
    task, claim = trained.task, claim_of(trained.task, split)
    task.refuse_options(options)
    if expect:
        claim.refuse_if_none(run)
    with progress() as watch:
        return _Measured(run, task, results.measure(run, trained, split, options, watch), claim)


def _print(measured: _Measured, is_alone: bool) -> None:
    """Print all of a result that is the only one, and in a line what is claimed of others."""
    from mnistnn.analysis.evaluation.test_access_log import said

    result, claim = measured.result, measured.claim
    if not is_alone:
        click.echo(printable(f"{measured.run.path}: {result.split} {result.headline} on {result.examples:,}"))
        return
    for line in measured.task.lines(result, claim.said(measured.value), columns_of_terminal()):
        click.echo(printable(line))
    if result.split == "test":
        click.echo(said(result.test_readings))


def _together_lines(measured: list[_Measured]) -> list[str]:
    """Say mean, deviation and interval of several runs, if they are about the same metric."""
    claim = measured[0].claim.claim
    if (summed := _summed(measured)) is None:
        return ["no mean: these runs are measured by different metrics"]
    mean, deviation, interval = summed
    value = claim.shown(mean, deviation).removeprefix(claim.prefix)
    of_mean = "" if interval is None else f" (mean ± std; 95 % interval of the mean {claim.shown_band(interval)})"
    return [f"{measured[0].result.split} {claim.name} of {len(measured)} runs: {value}{of_mean}"]


def _together_as_json(measured: list[_Measured]) -> dict[str, Any]:
    mean, deviation, interval = _summed(measured) or (None, None, None)
    return {
        "schema_version": _SCHEMA_VERSION,
        "metric": measured[0].claim.claim.metric,
        "mean": mean,
        "std": deviation,
        "interval_95": interval,
        "results": [{"path": str(each.run.path), **each.as_json()} for each in measured],
    }


def _summed(measured: list[_Measured]) -> tuple[float, float | None, tuple[float, float] | None] | None:
    """Return mean, standard deviation and 95 % interval (Student's) over runs; None for different metrics."""
    from mnistnn.analysis.statistics import mean_and_deviation, student_interval

    if len({each.claim.claim.key for each in measured}) > 1:
        return None
    values = [each.value for each in measured]
    return *mean_and_deviation(values), student_interval(values)


def _warn(text: str) -> None:
    click.echo(printable(text), err=True)
