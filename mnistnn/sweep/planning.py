"""From what was asked for to the trials of a sweep: every member loaded and checked before the first one is run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from mnistnn.config.dump import config_hash
from mnistnn.config.load import LoadedExperiment, load_experiment
from mnistnn.errors import ConfigError, UsageError
from mnistnn.experiment import Plan
from mnistnn.history import LAST
from mnistnn.machine import usable_cores
from mnistnn.sweep.space import Point, Space
from mnistnn.sweep.study import SCHEMA_VERSION, Description, Trial

MOST_TRIALS = 10_000
_SHOWN_PROBLEMS = 3


@dataclass(frozen=True)
class Planned:
    """The trials, and the experiment of each."""

    trials: list[Trial]
    experiments: list[LoadedExperiment]


def points_of(space: Space, trials: int | None, seed: int) -> list[Point]:
    """Return the points to try: the whole grid, or so many drawn at random. Raises UsageError."""
    if trials is None:
        if space.size is None:
            ranges = ", ".join(axis.key for axis in space.axes if not hasattr(axis, "values"))
            raise UsageError(f"{ranges} is drawn from a range, so it must be said how often: --trials 20")
        if space.size > MOST_TRIALS:
            raise UsageError(f"{space.size:,} combinations are more than the {MOST_TRIALS:,} that are allowed")
        return list(space.grid())
    if not space.axes:
        raise UsageError(
            "--trials: nothing varies; give a key several values (key=a,b) or a range (key=1e-4..1e-1:log)"
        )
    return space.draw(trials, seed)


def plan_trials(
    file: Path, space: Space, points: Sequence[Point], seeds: Sequence[int] | None, workers: int
) -> Planned:
    """Load and check the experiment of every point and seed.

    Numbers of threads are fixed here, so that results depend neither on who does a trial nor beside what: the cores of
    this machine are divided among the workers. Raises ConfigError with what is wrong with which member, UsageError for
    two members that are the same experiment or that validation could not choose between.
    """
    per_trial = [None] if seeds is None else list(seeds)
    if len(points) * len(per_trial) > MOST_TRIALS:
        raise UsageError(f"{len(points) * len(per_trial):,} trials are more than the {MOST_TRIALS:,} that are allowed")
    planned, problems, digests = Planned([], []), [], dict[str, str]()
    for number, point in enumerate(points):
        for seed in per_trial:
            said = [f"{key}={value}" for key, value in point.items()]
            name = f"member {number} ({', '.join(said) or 'as the file has it'})"
            overrides = [*space.fixed, *said, *([] if seed is None else [f"seed={seed}"])]
            try:
                loaded = _loaded(file, overrides, workers)
            except ConfigError as error:
                problems.append(f"{name}:\n{error}")
                break  # with every seed the same
            digest = config_hash(loaded.resolved)
            if digest in digests:
                raise UsageError(f"{name} is the same experiment as {digests[digest]}")
            digests[digest] = name
            planned.experiments.append(loaded)
            planned.trials.append(
                Trial(
                    id=f"{number:04d}-seed{loaded.experiment.seed}",
                    point=number,
                    values=dict(point),
                    seed=loaded.experiment.seed,
                    config_hash=digest,
                )
            )
    if problems:
        more = f"\n… and {len(problems) - _SHOWN_PROBLEMS} more" if len(problems) > _SHOWN_PROBLEMS else ""
        shown = "\n".join(problems[:_SHOWN_PROBLEMS])
        raise ConfigError(f"{shown}{more}\n{len(problems)} of {len(points)} members are not valid; no trial was begun")
    _refuse_what_cannot_be_compared(planned)
    return planned


def _loaded(file: Path, overrides: Sequence[str], workers: int) -> LoadedExperiment:
    """Load an experiment with its number of threads. Raises ConfigError."""
    loaded = load_experiment(file, overrides)
    plan = Plan(loaded)
    if loaded.experiment.backend.threads != "auto":
        return loaded
    threads = min(plan.threads, max(1, usable_cores() // workers))
    return load_experiment(file, [*overrides, f"backend.threads={threads}"])


def _refuse_what_cannot_be_compared(planned: Planned) -> None:
    monitors = {loaded.experiment.checkpoint.monitor for loaded in planned.experiments}
    if len(monitors) > 1:
        raise UsageError(
            f"checkpoint.monitor differs between members ({', '.join(sorted(monitors))}): nothing could choose"
        )
    if monitors == {LAST}:
        raise UsageError("checkpoint.monitor: last leaves no figure to choose by")


def describe(planned: Planned, given: Sequence[str], sampler: Literal["grid", "random"]) -> Description:
    """Return what study.json is to say."""
    first = planned.experiments[0].experiment
    return Description(
        schema_version=SCHEMA_VERSION,
        name=first.name,
        created=datetime.now().astimezone().isoformat(timespec="seconds"),
        given=list(given),
        sampler=sampler,
        monitor=first.checkpoint.monitor,
        trials=planned.trials,
    )
