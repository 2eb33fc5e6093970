"""`mnistnn sweep`: many runs of one experiment with other values, and the choice among them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from mnistnn.cli import sweep_lines as lines
from mnistnn.cli.command import MnistnnGroup, settings
from mnistnn.cli.engine import ADDRESS, engine_for, engine_option, refuse_what_no_engine_can
from mnistnn.cli.options import AXIS, CODE, RUNS
from mnistnn.cli.parameters import ExperimentFile, Seeds
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.analysis.comparison.curves import Axis
    from mnistnn.sweep.description import Sampler
    from mnistnn.sweep.engines import Engine
    from mnistnn.sweep.scheduling import Progress
    from mnistnn.sweep.study import Study

_SCHEMA_VERSION = 1
_POLL_S = 1.0

_STUDY = click.argument("path", metavar="STUDY", type=click.Path(path_type=Path))
_WORKERS = click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    default=1,
    show_default=True,
    help="Trials done at a time; with TPE, points under way.",
)
_ENGINE = engine_option("Do trials")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group(cls=MnistnnGroup)
def sweep() -> None:
    """Try many values, choose by validation.

    A sweep is a folder: its trials are fixed before the first one begins, each is a run directory, and a killed sweep
    goes on where it stopped, with the same results to the last bit.
    """


@sweep.command()
@click.argument("config", type=ExperimentFile())
@click.argument("values", nargs=-1, metavar="[KEY=A,B,C | KEY=LOW..HIGH[:log] | KEY=VALUE]...")
@click.option("--trials", type=click.IntRange(1, 10_000), help="Try so many points, instead of all.")
@click.option(
    "--sampler",
    type=click.Choice(["grid", "random", "tpe"]),
    help="How points come about: all of them (without --trials), at random (with --trials), or each by what became of "
    "those before (TPE; the first ten are random).",
)
@click.option(
    "--prune",
    is_flag=True,
    help="End a trial early, from its third epoch on, when its best metric is above the median of five or more "
    "finished trials. With several workers that depends on who finishes first: results are not the same each time.",
)
@click.option("--seeds", type=Seeds(), help="Each point once for each seed: 0..4 or 0,3,7.")
@click.option("--sweep-seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the drawing.")
@_WORKERS
@_ENGINE
@ADDRESS
@click.option("--name", help="Name of the experiment.")
@CODE
@RUNS
@click.option("--study", "path", type=click.Path(path_type=Path), help="The folder of the sweep, new.")
@click.option("--epochs", type=click.IntRange(min=1), help="Stop each trial after so many epochs at the latest.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Where to compute.")
@click.option("--dry-run", is_flag=True, help="Show the trials. Run nothing.")
@click.option("--prepare", is_flag=True, help="Make the sweep's folder, and begin no trial (see `sweep emit`).")
def run(
    config: Path,
    values: tuple[str, ...],
    trials: int | None,
    sampler: str | None,
    prune: bool,
    seeds: list[int] | None,
    sweep_seed: int,
    workers: int,
    engine: str,
    address: str | None,
    name: str | None,
    code: tuple[Path, ...],
    runs: Path,
    path: Path | None,
    epochs: int | None,
    device: str | None,
    dry_run: bool,
    prepare: bool,
) -> None:
    """Try every combination of values, or so many points.

    optimizer.learning_rate=0.1,0.03 tries each of the values; penalties.l2.strength=1e-6..1e-3:log draws from the
    range, evenly in the logarithm, with --trials. Anything else is an override for all, as in `train`.
    --sampler tpe and --prune need: pip install 'mnistnn[sweep]'.
    """
    from mnistnn.config.overrides import settings_as_overrides
    from mnistnn.plugins.given import given_code
    from mnistnn.run.directory import new_run_path
    from mnistnn.sweep.optuna_seam import load_optuna
    from mnistnn.sweep.planning import describe, plan_search, plan_trials, points_of
    from mnistnn.sweep.space import parse_space
    from mnistnn.sweep.study import create_study

    refuse_what_no_engine_can(engine, address)
    chosen = _sampler(sampler, trials)
    if prune or chosen == "tpe":
        load_optuna("--prune" if prune else "--sampler tpe")  # now, and not after an hour
    arguments = [*values, *settings_as_overrides(name, epochs, device)]
    plugins = given_code(code)
    search, base = None, None
    if chosen == "tpe":
        assert trials is not None
        planned, search, base = plan_search(config, arguments, trials, sweep_seed, seeds, workers, plugins)
    else:
        space = parse_space(arguments)
        planned = plan_trials(config, space, points_of(space, trials, sweep_seed), seeds, workers, plugins)
    if dry_run:
        for trial in planned.trials:
            click.echo(printable(f"{trial.id}  {lines.said(trial.values)}"))
        if search is None:
            click.echo(f"dry run: {len(planned.trials)} trials, nothing was run")
        else:
            click.echo(f"dry run: checked the ends of {trials} points that tpe would choose, nothing was run")
        return
    description = describe(planned, [str(config), *values], chosen, prune, search)
    place = path or new_run_path(runs, description.name).with_name(new_run_path(runs, "sweep").name + "-sweep")
    study = create_study(place, description, [] if search else planned.experiments, base, plugins)
    points = len({trial.point for trial in planned.trials}) if search is None else search.points
    click.echo(printable(f"sweep {study.path}: {study.expected_trials} trials of {points} points"), err=True)
    if prepare:
        click.echo(printable(str(study.path)))
        return
    _do(study, engine_for(study.path, workers, address), workers)


def _sampler(given: str | None, trials: int | None) -> Sampler:
    """Return how points come about. Raises UsageError for what does not go together."""
    if given is None:
        return "grid" if trials is None else "random"
    if (given == "grid") != (trials is None):
        raise click.UsageError(
            "--sampler grid tries all points and goes without --trials"
            if given == "grid"
            else f"--sampler {given} needs the number of points: --trials 20"
        )
    return cast("Sampler", given)


@sweep.command()
@_STUDY
@_WORKERS
@_ENGINE
@ADDRESS
@click.option("--retry-failed", is_flag=True, help="Begin failed trials anew; what they left is kept in failed/.")
def resume(path: Path, workers: int, engine: str, address: str | None, retry_failed: bool) -> None:
    """Do what is left of a sweep.

    Finished trials stay as they are, interrupted ones go on from their last checkpoint.
    """
    from mnistnn.sweep.study import open_study, set_aside, standing

    refuse_what_no_engine_can(engine, address)
    study = open_study(path)
    study.refuse_untrusted()
    if retry_failed:
        for trial in study.trials:
            if standing(study, trial).state == "failed" and trial.config_hash:
                set_aside(study, trial)
    _do(study, engine_for(study.path, workers, address), workers)


@sweep.command()
@_STUDY
@_JSON
def status(path: Path, as_json: bool) -> None:
    """Show how the points of a sweep stand, best first."""
    from mnistnn.sweep.selection import results_of
    from mnistnn.sweep.study import open_study

    study = open_study(path)
    results = results_of(study)
    if as_json:
        whole = {
            "schema_version": _SCHEMA_VERSION,
            "sampler": study.description.sampler,
            "prune": study.description.prune,
            "monitor": study.description.monitor,
            "expected_trials": study.expected_trials,
            "points": [lines.as_json(result) for result in results],
        }
        click.echo(json.dumps(whole))
        return
    for line in [*lines.table(study, results), lines.how(study)]:
        click.echo(printable(line))


@sweep.command()
@_STUDY
@click.option("--so-far", is_flag=True, help="Choose among what is finished, though trials are yet to be done.")
@_JSON
def best(path: Path, so_far: bool, as_json: bool) -> None:
    """Choose by validation, then read the test split.

    The point with the lowest mean validation metric over its seeds is chosen; the test split is read for its trials
    alone, once, and counted.
    """
    from dataclasses import asdict

    from mnistnn.sweep.selection import read_test_of_chosen
    from mnistnn.sweep.study import open_study

    study = open_study(path)
    chosen = read_test_of_chosen(study, so_far, lambda text: click.echo(printable(text), err=True))
    if as_json:
        click.echo(json.dumps(asdict(chosen)))
        return
    for line in lines.chosen_lines(study, chosen):
        click.echo(printable(line))


@sweep.command()
@_STUDY
@click.option("--out", type=click.Path(path_type=Path), default=Path("report.html"), show_default=True)
@AXIS
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
def report(path: Path, out: Path, axis: Axis, force: bool) -> None:
    """Put a sweep on one HTML page, as `mnistnn report` does: its points in order, the best one first."""
    from mnistnn.analysis.report.page import Swept
    from mnistnn.cli.report import write_report
    from mnistnn.sweep.study import open_study

    study = open_study(path)
    for trial in study.trials:
        study.run(trial)  # refuses what leads out of the folder
    keys = dict.fromkeys(key for trial in study.trials for key in trial.values)
    swept = Swept(f"{study.description.name}, sweep {study.path.resolve().name}", [*keys])
    write_report((str(path / "trials"),), path, True, out, axis, force, swept)


@sweep.command()
@_STUDY
def emit(path: Path) -> None:
    """Print a shell line for each trial that is to be done.

    For job arrays: each line does one trial and can be given to any machine that sees the folder.
    """
    from mnistnn.errors import UsageError
    from mnistnn.run.directory import as_argument
    from mnistnn.sweep.study import DONE, open_study, standing

    study = open_study(path)
    if study.description.search is not None:
        raise UsageError(
            f"{path}: its trials are not known beforehand, since {study.description.sampler} chooses each by those "
            f"before; do it with: mnistnn sweep resume {as_argument(path)}"
        )
    for trial in study.trials:
        if standing(study, trial).state not in DONE:
            click.echo(f"mnistnn sweep trial {as_argument(path)} {trial.id}")


@sweep.command()
@_STUDY
@click.argument("name", metavar="TRIAL")
def trial(path: Path, name: str) -> None:
    """Do one trial of a sweep."""
    import time

    from mnistnn.errors import InterruptedRunError, ResourceError, SweepError
    from mnistnn.sweep.study import open_study
    from mnistnn.sweep.trial import run_trial

    open_study(path).refuse_untrusted()
    ended = run_trial(str(path), name)
    if ended.state == "busy":
        if not settings().quiet:
            click.echo(printable(f"{name}: {ended.problem}; waiting for it"), err=True)
        while ended.state == "busy":
            time.sleep(_POLL_S)
            ended = run_trial(str(path), name)
    if ended.state == "failed":
        raise SweepError(f"{name}: {ended.problem}")
    if ended.state == "refused":
        raise ResourceError(f"{name}: {ended.problem}")
    if ended.stopped_by is not None:
        raise InterruptedRunError(f"{name}: {ended.problem or 'not begun'}", ended.stopped_by)
    click.echo(printable(f"{name}: {ended.state}"))


def _do(study: Study, engine: Engine, workers: int) -> None:
    """Do all that is left, tell of each trial, and end as the whole has."""
    from mnistnn.errors import InterruptedRunError, SweepError
    from mnistnn.run.directory import as_argument
    from mnistnn.sweep.scheduling import run_study

    with lines.following(study.expected_trials, shown=not settings().quiet) as follow:

        def tell(progress: Progress) -> None:
            text = printable(lines.progress_line(progress, study.description.monitor))
            follow(text, progress.finished, progress.ended.state == "failed")

        stopped_by = run_study(study, engine, tell, workers)
    again = f"mnistnn sweep resume {as_argument(study.path)}"
    if stopped_by is not None:
        raise InterruptedRunError(f"interrupted; finished trials are kept. Go on with: {again}", stopped_by)
    from mnistnn.sweep.selection import results_of

    results = results_of(study)
    for line in lines.table(study, results):
        click.echo(printable(line))
    states = [each.standing.state for result in results for each in result.trials]
    if failed := states.count("failed"):
        raise SweepError(f"{failed} of {len(states)} trials failed; try them again with: {again} --retry-failed")
    if not any(result.is_complete for result in results):
        raise SweepError("no point can be chosen: of each a trial diverged or was pruned")
    click.echo(f"next: mnistnn sweep best {as_argument(study.path)}")
