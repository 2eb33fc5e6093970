"""`mnistnn eval`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.eval.claim import claims_of_split, said_of
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
@click.option(
    "--on",
    metavar="NAME",
    help="Measure on another data set, with the same classes in images of the same size.",
)
@CHECKPOINT
@click.option(
    "--per-class", is_flag=True, help="Of a classifier: also print precision, recall, F1 and support of each class."
)
@click.option(
    "--top-k",
    type=click.IntRange(1, 1_000_000),
    metavar="K",
    help="Of a classifier: also how often the class is not among the K best scores.",
)
@click.option(
    "--mc-samples",
    type=click.IntRange(1, 100_000),
    metavar="N",
    help="Average the predictions of N sampled masks (dropout, dropconnect) instead of scaling the weights.",
)
@click.option(
    "--mc-mean",
    type=click.Choice(["arithmetic", "geometric"]),
    help="With --mc-samples: of the probabilities, or of their logarithms, which scaled weights approximate; then "
    "normalised.  [default: arithmetic]",
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
    on: str | None,
    checkpoint: str,
    per_class: bool,
    top_k: int | None,
    mc_samples: int | None,
    mc_mean: str | None,
    temperatures: int | None,
    chains: int | None,
    reverse: bool,
    ais: bool,
    expect: bool,
    as_json: bool,
) -> None:
    """Measure a run on one split of the data.

    RUN is a path, the start of a run's id, the name of an experiment, which means its newest run, or 'latest'. Of
    several runs each is measured, and then, of those that differ in their seeds alone, mean, standard deviation and 95
    % interval are said. Readings of the test split are counted in the run. Of a classifier the error is measured; of an
    energy-based model (rbm, boltzmann) the likelihood, exactly if all states can be enumerated, else by annealed
    importance sampling; of an autoencoder how well it reconstructs images; of a regression the mean squared error.

    With --on a classifier is measured on another set: a corrupted one (`data generate --corrupt`), or test digits that
    nobody has seen (qmnist-50k). Such results are kept apart from those on the run's own set, in eval/on/NAME, and
    readings of that test split are counted there. No claim is held against them.
    """
    if on is not None and expect:
        from mnistnn.errors import UsageError

        raise UsageError("--expect is about the run's own data set; leave it out with --on")
    flags = {
        "--per-class": per_class,
        "--top-k": top_k,
        "--mc-samples": mc_samples,
        "--mc-mean": mc_mean,
        "--temperatures": temperatures,
        "--chains": chains,
        "--reverse": reverse,
        "--ais": ais,
    }
    options = {flag: value for flag, value in flags.items() if value}
    found = [found_run(reference, runs) for reference in references]
    measured = []
    for run in found:
        measured.append(_measured(run, split, on, checkpoint, options, expect))
        if not as_json:
            _print(measured[-1], len(found) == 1, per_class)
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
            for claim, value in zip(each.claims, each.values, strict=True):
                claim.hold(value)


class _Measured(NamedTuple):
    """A run's result, the task that says it in words, and the claims about it."""

    run: RunDirectory
    task: Task
    result: Any
    claims: list[HeldClaim]

    @property
    def claim(self) -> HeldClaim:
        """The first of them: what is said of several runs together is about it."""
        return self.claims[0]

    @property
    def values(self) -> list[float]:
        """The metrics that are claimed, or may be."""
        return [getattr(self.result, each.claim.metric) for each in self.claims]

    @property
    def value(self) -> float:
        return self.values[0]

    def as_json(self) -> dict[str, Any]:
        from dataclasses import asdict

        return asdict(self.result)


def _measured(
    run: RunDirectory, split: SplitName, on: str | None, checkpoint: str, options: dict[str, Any], expect: bool
) -> _Measured:
    from mnistnn.analysis.evaluation import results
    from mnistnn.analysis.evaluation.elsewhere import on_another_set
    from mnistnn.runner.signals import StopRequest

    if on is None:
        trained = results.load_to_measure(run, split, checkpoint, _warn)
    else:
        trained = on_another_set(results.load(run, checkpoint, _warn), on, progress=not settings().quiet)
    task, claims = trained.task, claims_of_split(trained.task, split)
    if on is not None:
        claims = [claim._replace(band=None) for claim in claims]
    task.refuse_options(options)
    if expect:
        claims[0].refuse_if_none(run)
    said = "interrupted; the same command measures it"
    with StopRequest() as stop, stop.at_once(said), progress() as watch:
        return _Measured(run, task, results.measure(run, trained, split, options, watch), claims)


def _print(measured: _Measured, is_alone: bool, per_class: bool) -> None:
    """Print all of a result that is the only one, and in a line what is claimed of others; a table of the classes if
    that is wanted.
    """
    from mnistnn.analysis.evaluation.test_access_log import said

    result, claimed = measured.result, said_of(measured.task, measured.claims, measured.values)
    table = measured.task.lines_per_class(result) if per_class else []
    dataset = result.dataset if result.elsewhere else None
    if not is_alone:
        of = "" if dataset is None else f" of {dataset}"
        click.echo(printable(f"{measured.run.path}: {result.split} {result.headline} on {result.examples:,}{of}"))
        for line in table:
            click.echo(printable(line))
        return
    for line in [*measured.task.lines(result, claimed, columns_of_terminal()), *([""] if table else []), *table]:
        click.echo(printable(line))
    if result.split == "test":
        click.echo(said(result.test_readings, dataset))


def _by_experiment(measured: list[_Measured]) -> list[tuple[str, list[_Measured]]]:
    """Return the label of each experiment, and what was measured of its runs, which differ in their seeds alone."""
    from mnistnn.analysis.comparison.run_groups import grouped
    from mnistnn.run.view import RunView

    by_path = {each.run.path: each for each in measured}
    groups = grouped([RunView(each.run) for each in by_path.values()])
    return [(group.label, [by_path[one.run.path] for one in group.runs]) for group in groups]


def _together_lines(measured: list[_Measured]) -> list[str]:
    """Say mean, deviation and interval of the runs of each experiment."""
    from mnistnn.analysis.statistics import mean_and_deviation, student_interval

    groups, lines = _by_experiment(measured), []
    for label, runs in groups:
        claim, values = runs[0].claim.claim, [each.value for each in runs]
        interval = student_interval(values)
        value = claim.shown(*mean_and_deviation(values)).removeprefix(claim.prefix)
        of_mean = "" if interval is None else f" (mean ± std; 95 % interval of the mean {claim.shown_band(interval)})"
        whose = f"{label}: " if len(groups) > 1 else ""
        number = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
        on = f" on {runs[0].result.dataset}" if runs[0].result.elsewhere else ""
        lines.append(f"{whose}{runs[0].result.split} {claim.name} of {number}{on}: {value}{of_mean}")
        seeds = [each.task.experiment.seed for each in runs]
        if repeated := sorted({seed for seed in seeds if seeds.count(seed) > 1}):
            lines.append(f"warning: several of these runs have the seed {', '.join(map(str, repeated))}")
    return lines


def _together_as_json(measured: list[_Measured]) -> dict[str, Any]:
    from mnistnn.analysis.statistics import mean_and_deviation, student_interval

    experiments = []
    for label, runs in _by_experiment(measured):
        values = [each.value for each in runs]
        mean, deviation = mean_and_deviation(values)
        paths = [str(each.run.path) for each in runs]
        summed = {"metric": runs[0].claim.claim.metric, "mean": mean, "std": deviation}
        experiments.append({"label": label, "runs": paths, **summed, "interval_95": student_interval(values)})
    return {
        "schema_version": _SCHEMA_VERSION,
        "experiments": experiments,
        "results": [{"path": str(each.run.path), **each.as_json()} for each in measured],
    }


def _warn(text: str) -> None:
    click.echo(printable(text), err=True)
