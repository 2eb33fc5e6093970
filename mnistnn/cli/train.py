"""`mnistnn train` and `mnistnn resume`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.engine import ADDRESS, engine_option, refuse_what_no_engine_can, trainer_of
from mnistnn.cli.found import found_run
from mnistnn.cli.options import CODE, RUNS
from mnistnn.cli.parameters import Duration, ExperimentFile, Seeds
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.config.load import LoadedExperiment
    from mnistnn.experiment.plan import Plan
    from mnistnn.plugins.code import Plugins
    from mnistnn.run.directory import RunDirectory
    from mnistnn.runner.session import Outcome, Verbosity

_TIME_BUDGET = click.option(
    "--time-budget", type=Duration(), help="Save and stop after this time (55m, 1h30m); exit code 75."
)
_ENGINE = engine_option("Train a committee's members")
_DASK_HAS_MEMBERS = "--engine dask trains the members of a committee, and goes with nothing else"


def _workers(text: str) -> Callable[[Any], Any]:
    """Return the option `--workers`, which is None where nothing was said."""
    return click.option(
        "--workers",
        type=click.IntRange(1, 1024),
        show_default="1; with --engine dask, as many as its workers take",
        help=text,
    )


@click.command(cls=MnistnnCommand)
@click.argument("config", type=ExperimentFile())
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--name", help="Name of the experiment, and of the folder of its runs.")
@CODE
@RUNS
@click.option("--run-dir", type=click.Path(path_type=Path), help="The run directory itself, new or empty.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of all randomness.")
@click.option("--seeds", type=Seeds(), help="One run for each seed: 0..4 or 0,3,7.")
@_workers("With --seeds, or of a committee's members: so many runs at a time, each with its share of the cores.")
@_ENGINE
@ADDRESS
@click.option("--epochs", type=click.IntRange(min=1), help="Stop after so many epochs at the latest.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Where to compute.")
@click.option("--no-pretrain", is_flag=True, help="Leave out what layers learn before: the control experiment.")
@click.option("--no-check", is_flag=True, help="Do not check the gradients of code of your own before training.")
@click.option("--dry-run", is_flag=True, help="Show what would be run: config, shapes, sizes, cost, time.")
@_TIME_BUDGET
@click.option(
    "--resume",
    type=click.Choice(["auto"]),
    help="auto: go on with this experiment's unfinished run, if there is one.",
)
def train(
    config: Path,
    overrides: tuple[str, ...],
    name: str | None,
    code: tuple[Path, ...],
    runs: Path,
    run_dir: Path | None,
    seed: int | None,
    seeds: list[int] | None,
    workers: int | None,
    engine: str,
    address: str | None,
    epochs: int | None,
    device: str | None,
    no_pretrain: bool,
    no_check: bool,
    dry_run: bool,
    time_budget: float | None,
    resume: str | None,
) -> None:
    """Train the experiment of a YAML file.

    KEY=VALUE replaces a value of the file: optimizer.learning_rate=0.1, model.layers.hidden.units=800.
    """
    from mnistnn.config.overrides import settings_as_overrides
    from mnistnn.experiment.plan import Plan
    from mnistnn.plugins.given import given_code

    refuse_what_no_engine_can(engine, address)
    if seeds is not None and (seed is not None or run_dir is not None):
        raise click.UsageError("--seeds makes several runs and goes with neither --seed nor --run-dir")
    flags = [*settings_as_overrides(name, epochs, device), *(["pretrain=[]"] if no_pretrain else [])]
    per_run = [[f"seed={s}"] for s in seeds or ([] if seed is None else [seed])] or [[]]
    # Every experiment is loaded and checked before the first is run.
    plugins = given_code(code)
    loaded = [_load(config, [*overrides, *flags, *of_seed], plugins, workers or 1) for of_seed in per_run]
    plans = [Plan(each) for each in loaded]
    _warn_of_a_name_of_another(loaded[0])
    _say_what_follows(loaded[0])
    if engine == "dask" and not plans[0].members:
        raise click.UsageError(_DASK_HAS_MEMBERS)
    if workers is not None and workers > 1 and seeds is None and not plans[0].members:
        raise click.UsageError("--workers does several runs at a time and goes with --seeds, or with a committee")
    if no_check and workers is not None and workers > 1:
        raise click.UsageError("--no-check goes with one run at a time")
    if workers is not None and workers > 1 and seeds is not None and engine == "local" and not dry_run:
        _train_at_a_time(loaded, workers, runs, time_budget, resume == "auto")
        return
    outcomes = []
    for number, plan in enumerate(plans, start=1):
        if dry_run:
            _print_plan(plan, run_dir, runs)
        else:
            if len(plans) > 1 and not settings().quiet:
                click.echo(f"seed {plan.experiment.seed}, {number} of {len(plans)}", err=True)
            before = _finished_before(plan, runs) if resume == "auto" and seeds is not None else None
            outcomes.append(
                before or _train(plan, runs, run_dir, time_budget, resume == "auto", workers, address, not no_check)
            )
            print_outcome(outcomes[-1], is_alone=len(plans) == 1)
    if len(outcomes) > 1:
        _print_all(outcomes)


@click.command(cls=MnistnnCommand)
@click.argument("run", metavar="RUN")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@RUNS
@click.option("--epochs", type=click.IntRange(min=1), help="Stop after so many epochs at the latest.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Where to compute.")
@_workers("Of a committee: so many members at a time.")
@_ENGINE
@ADDRESS
@_TIME_BUDGET
def resume(
    run: str,
    overrides: tuple[str, ...],
    runs: Path,
    epochs: int | None,
    device: str | None,
    workers: int | None,
    engine: str,
    address: str | None,
    time_budget: float | None,
) -> None:
    """Go on with a run where it stopped.

    RUN is a path, the start of a run's id, the name of an experiment, which means its newest run, or 'latest'. Only
    stopping, checkpoint and device may change.
    """
    from mnistnn.config.overrides import settings_as_overrides
    from mnistnn.run.view import RunView
    from mnistnn.runner import session
    from mnistnn.runner.signals import StopRequest

    refuse_what_no_engine_can(engine, address)
    changes = [*overrides, *settings_as_overrides(epochs=epochs, device=device)]
    found, view = found_run(run, runs), view_of_training()
    _refuse_without_members(found, workers, engine)
    with StopRequest() as stop, trainer_of(found.path, workers, address) as trainer:
        before = RunView(found)
        done = before.last if before.problem is None else None
        outcome = session.resume(found, changes, view, time_budget, stop, trainer, runs)
        print_outcome(outcome)
        if done is not None and outcome.last == done and not settings().quiet:
            click.echo("it was at its end already; --epochs, or another value below stopping, lets it go on", err=True)


@click.command(cls=MnistnnCommand)
@click.argument("run", metavar="RUN")
@RUNS
@click.option(
    "--until",
    type=click.Choice(["epochs", "loss"]),
    default="epochs",
    show_default=True,
    help="How long: for the epochs of the best evaluation, or until its training loss is reached.",
)
@_TIME_BUDGET
def refit(run: str, runs: Path, until: str, time_budget: float | None) -> None:
    """Train a finished run anew, on all training digits.

    RUN is a path, the start of a run's id, the name of an experiment, which means its newest run, or 'latest'. Training
    and validation digits are learned from together, for as long as the run's early stopping found best.
    """
    from mnistnn.experiment.plan import Plan
    from mnistnn.run.provenance import KeptFacts
    from mnistnn.runner.refit import refit_experiment

    found = found_run(run, runs)
    plan = Plan(refit_experiment(found, until))  # type: ignore[arg-type] # click checked the choice
    plan.source.hold_to(KeptFacts(found).digests)
    print_outcome(_train(plan, runs, None, time_budget, resume_auto=False))


def _refuse_without_members(run: RunDirectory, workers: int | None, engine: str) -> None:
    """Raise UsageError for options that train several members of a committee at a time, if the run is of none."""
    from mnistnn.experiment.members import members_of
    from mnistnn.run.config import load_run_config

    asks_for_several = workers is not None and workers > 1
    if (engine == "dask" or asks_for_several) and not members_of(load_run_config(run)):
        raise click.UsageError(
            _DASK_HAS_MEMBERS
            if engine == "dask"
            else "--workers does several members at a time and goes with a committee"
        )


def _say_what_follows(loaded: LoadedExperiment) -> None:
    """Name the values that overrides changed beside those that they are of."""
    for override in loaded.followed:
        classes, dataset = override.rpartition("=")[2], loaded.experiment.data.dataset
        click.echo(printable(f"note: {override}: an output for each of the {classes} classes of {dataset}"), err=True)


def _load(config: Path, overrides: list[str], plugins: Plugins, workers: int) -> LoadedExperiment:
    """Load an experiment; where several runs share the cores, with the number of its threads."""
    from functools import partial

    from mnistnn.config.load import load_experiment

    load = partial(load_experiment, config, plugins=plugins)
    if workers == 1:
        return load(overrides)
    from mnistnn.sweep.planning import most_threads, with_threads

    return with_threads(load, overrides, most_threads(workers))


def _train_at_a_time(
    experiments: list[LoadedExperiment], workers: int, runs: Path, time_budget: float | None, resume_auto: bool
) -> None:
    """Do several runs at a time, tell of each as it ends, and end as they have."""
    from mnistnn.errors import InterruptedRunError, SweepError, TimeBudgetError
    from mnistnn.sweep.seeds import SeedEnded, train_seeds

    states: list[str] = []
    outcomes: dict[int, Outcome] = {}

    def tell(ended: SeedEnded) -> None:
        states.append(ended.state)
        if ended.outcome is not None:
            outcomes[ended.seed] = ended.outcome
            click.echo(_seed_line(ended.seed, ended.outcome, ended.problem))
        elif ended.state == "failed" or not settings().quiet:
            how = "failed: " if ended.state == "failed" else ""
            click.echo(printable(f"seed {ended.seed}: {how}{ended.problem}"), err=True)

    stopped_by = train_seeds(experiments, workers, runs, resume_auto, time_budget, tell)
    done = f"{states.count('finished')} of {len(experiments)} runs are finished"
    if stopped_by is not None:
        raise InterruptedRunError(f"interrupted; {done}, and what was under way is saved: --resume auto", stopped_by)
    if failed := states.count("failed"):
        raise SweepError(f"{failed} of {len(experiments)} runs failed")
    if len(outcomes) > 1:
        _print_all([outcomes[seed] for seed in sorted(outcomes)])
    if "out of time" in states:
        raise TimeBudgetError(f"time budget spent; {done}, and what was under way is saved: --resume auto")


def _print_all(outcomes: list[Outcome]) -> None:
    """Say mean and standard deviation over seeds of what the runs monitor, and the command that most want next."""
    from mnistnn.analysis.statistics import mean_and_deviation
    from mnistnn.run.directory import as_argument
    from mnistnn.types import shown_mean

    monitor = outcomes[0].record.monitor
    bests = [each.best[monitor] for each in outcomes if each.best is not None and monitor in each.best]
    if len(bests) > 1:
        click.echo(f"{len(bests)} seeds: best {monitor} {shown_mean(monitor, *mean_and_deviation(bests))}")
    paths = " ".join(printable(as_argument(each.run.path)) for each in outcomes)
    click.echo(f"next: mnistnn eval {paths}")


def _warn_of_a_name_of_another(loaded: LoadedExperiment) -> None:
    """Say that an experiment is called like the one whose file it extends: their runs would lie in one folder."""
    own, where = loaded.sources[0][0], loaded.origins["name"]
    if len(loaded.sources) > 1 and where.rpartition(":")[0] not in ("", own) and not settings().quiet:
        name = loaded.experiment.name
        click.echo(
            printable(f"note: {own} has no name of its own, so its runs are called {name} too; 'name: …' gives it one"),
            err=True,
        )


def _seed_line(seed: int, outcome: Outcome, note: str | None = None) -> str:
    from mnistnn.run.metrics import said_of_best

    record = outcome.record
    note = f"{note}, " if note else ""
    best = "" if outcome.best is None else f"; {said_of_best(outcome.best, record.monitor)}"
    return printable(f"seed {seed}: {note}{record.reason} ({record.seconds:.1f} s){best}; run {outcome.run.path}")


def _train(
    plan: Plan,
    runs: Path,
    run_dir: Path | None,
    time_budget: float | None,
    resume_auto: bool,
    workers: int | None = None,
    address: str | None = None,
    check_gradients: bool = True,
) -> Outcome:
    from mnistnn.runner import training
    from mnistnn.runner.signals import StopRequest

    # Signals are heeded until the trainer's processes have ended.
    with StopRequest() as stop, trainer_of(run_dir or runs, workers, address) as trainer:
        view = view_of_training()
        return training.train(
            plan, runs, run_dir, view, stop, resume_auto, time_budget, trainer, check_gradients=check_gradients
        )


def _finished_before(plan: Plan, runs: Path) -> Outcome | None:
    """Return how the run of one of several seeds has ended, if it is finished already; say that."""
    from mnistnn.runner.resuming import finished_run
    from mnistnn.runner.session import outcome_of

    run = finished_run(plan.loaded, runs)
    if run is not None and not settings().quiet:
        click.echo(f"seed {plan.experiment.seed} is finished already", err=True)
    return None if run is None else outcome_of(run)


def view_of_training() -> Verbosity:
    """Return how much of training is shown here."""
    from mnistnn.runner import session

    return session.usual_verbosity(settings().quiet)


def _print_plan(plan: Plan, run_dir: Path | None, runs: Path) -> None:
    from mnistnn.analysis.inspection.summary import plan_lines
    from mnistnn.backend import jit, threads
    from mnistnn.config.dump import resolved_yaml
    from mnistnn.config.validate import type_first
    from mnistnn.experiment.duration import estimate
    from mnistnn.run.directory import new_run_path

    click.echo(resolved_yaml(type_first(plan.loaded.resolved)))
    for line in plan_lines(plan):
        click.echo(line)
    with threads.allowed(plan.threads), jit.Compiled(plan.needs_loops).in_use():
        duration = estimate(plan)
    if duration is not None:
        click.echo(f"time: {duration}, by that of a few updates")
    click.echo(f"run directory: {printable(str(run_dir or new_run_path(runs, plan.experiment.name)))}")
    click.echo("dry run: nothing was run")


def print_outcome(outcome: Outcome, is_alone: bool = True) -> None:
    """Print what became of a run and, if it is the only one, the command that most people want next."""
    from mnistnn.run.directory import as_argument
    from mnistnn.run.metrics import said_of_best

    record, best = outcome.record, outcome.best
    click.echo(f"{record.name}: {record.reason} ({record.seconds:.1f} s)")
    if best is not None:
        click.echo(said_of_best(best, record.monitor))
    click.echo(f"run: {printable(str(outcome.run.path))}")
    if is_alone:
        click.echo(f"next: mnistnn eval {printable(as_argument(outcome.run.path))}")
