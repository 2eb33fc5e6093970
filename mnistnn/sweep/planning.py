"""Planning of a sweep: from the request to its trials; every member loaded and checked before the first one is run."""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mnistnn.backend.machine import usable_cores
from mnistnn.config.dump import config_hash, resolved_yaml
from mnistnn.config.load import LoadedExperiment, load_experiment, load_text
from mnistnn.config.validate import type_first
from mnistnn.errors import ConfigError, RunError, UsageError
from mnistnn.experiment.plan import Plan
from mnistnn.plugins.code import NO_PLUGINS, Plugins
from mnistnn.storage.reading import read_own_file
from mnistnn.storage.timestamp import now
from mnistnn.sweep.description import SCHEMA_VERSION, Description, Sampler, Search, Trial
from mnistnn.sweep.space import Point, Space, parse_space
from mnistnn.sweep.study import Study
from mnistnn.types import LAST

MOST_TRIALS = 10_000
_SHOWN_PROBLEMS = 3
_NOTHING_VARIES = "--trials: nothing varies; give a key several values (key=a,b) or a range (key=1e-4..1e-1:log)"


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
        raise UsageError(_NOTHING_VARIES)
    return space.draw(trials, seed)


def plan_trials(
    file: Path,
    space: Space,
    points: Sequence[Point],
    seeds: Sequence[int] | None,
    workers: int,
    plugins: Plugins = NO_PLUGINS,
) -> Planned:
    """Load and check the experiment of every point and seed.

    The cores of this machine are divided among the workers; no result depends on that. Raises ConfigError with what is
    wrong with which member, UsageError for two members that are the same experiment or that validation could not choose
    between.
    """
    per_trial = [None] if seeds is None else list(seeds)
    if len(points) * len(per_trial) > MOST_TRIALS:
        raise UsageError(f"{len(points) * len(per_trial):,} trials are more than the {MOST_TRIALS:,} that are allowed")
    planned, problems, digests = Planned([], []), [], dict[str, str]()
    threads = most_threads(workers)
    for number, point in enumerate(points):
        for seed in per_trial:
            said = as_overrides(point)
            name = f"member {number} ({', '.join(said) or 'as the file has it'})"
            overrides = [*space.fixed, *said, *([] if seed is None else [f"seed={seed}"])]
            try:
                loaded = with_threads(partial(load_experiment, file, plugins=plugins), overrides, threads)
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


def plan_search(
    file: Path,
    arguments: Sequence[str],
    points: int,
    sweep_seed: int,
    seeds: Sequence[int] | None,
    workers: int,
    plugins: Plugins = NO_PLUGINS,
) -> tuple[Planned, Search, str]:
    """Check what can be checked of points that are not known yet; return the members that were tried for that, what
    the points will be asked with, and the experiment that they change, as text.

    The ends of each range and all values that are listed are members, at the first value of the other keys. Raises
    ConfigError for the invalid ones, UsageError for a space that has not so many points.
    """
    space = parse_space(arguments)
    if not space.axes:
        raise UsageError(_NOTHING_VARIES)
    count = math.prod(axis.count for axis in space.axes)
    if points > count:
        raise UsageError(f"--trials {points}: there are only {count:.0f} combinations")
    if points * len(seeds or [None]) > MOST_TRIALS:
        raise UsageError(f"{points * len(seeds or []):,} trials are more than the {MOST_TRIALS:,} that are allowed")
    ends = plan_trials(file, space, space.ends(), None, workers, plugins)
    try:
        base = load_experiment(file, space.fixed, plugins)
    except ConfigError:  # what varies is what the file lacks
        base = load_experiment(file, [*space.fixed, *as_overrides(space.ends()[0])], plugins)
    text = resolved_yaml(type_first(base.resolved))
    search = Search(
        points=points,
        arguments=list(arguments),
        seeds=None if seeds is None else list(seeds),
        sweep_seed=sweep_seed,
        threads=most_threads(workers),
        base_sha256=hashlib.sha256(text.encode()).hexdigest(),
    )
    return ends, search, text


def read_base(study: Study, search: Search) -> str:
    """Return the experiment that points change. Raises RunError if it was altered."""
    content = read_own_file(study.base)
    if hashlib.sha256(content).hexdigest() != search.base_sha256:
        raise RunError(f"{study.base}: altered: its SHA-256 is not the one in study.json")
    return content.decode()


def load_member(
    base: str, search: Search, space: Space, point: Point, seed: int | None, plugins: Plugins
) -> LoadedExperiment:
    """Return the experiment of a point that was asked for. Raises ConfigError."""
    overrides = [*space.fixed, *as_overrides(point), *([] if seed is None else [f"seed={seed}"])]
    return with_threads(partial(load_text, base, "base.yaml", plugins=plugins), overrides, search.threads)


def as_overrides(point: Point) -> list[str]:
    """Return the values of a point as overrides."""
    return [f"{key}={value}" for key, value in point.items()]


def most_threads(workers: int) -> int:
    """Return how many threads each of so many workers may use: the cores of this machine are divided among them."""
    return max(1, usable_cores() // workers)


def with_threads(
    load: Callable[[Sequence[str]], LoadedExperiment], overrides: Sequence[str], threads: int
) -> LoadedExperiment:
    """Load an experiment, with at most so many threads if it names no number. Raises ConfigError."""
    loaded = load(overrides)
    plan = Plan(loaded)
    if loaded.experiment.backend.threads != "auto" or plan.threads <= threads:
        return loaded
    return load([*overrides, f"backend.threads={threads}"])


def _refuse_what_cannot_be_compared(planned: Planned) -> None:
    monitors = {loaded.experiment.checkpoint.monitor for loaded in planned.experiments}
    if len(monitors) > 1:
        raise UsageError(
            f"checkpoint.monitor differs between members ({', '.join(sorted(monitors))}): nothing could choose"
        )
    if monitors == {LAST}:
        raise UsageError("checkpoint.monitor: last leaves no metric to choose by")


def describe(
    planned: Planned, given: Sequence[str], sampler: Sampler, prune: bool = False, search: Search | None = None
) -> Description:
    """Return what study.json is to say. With a search, what was planned are no trials, but examples."""
    first, plugins = planned.experiments[0].experiment, planned.experiments[0].plugins
    return Description(
        schema_version=SCHEMA_VERSION,
        name=first.name,
        created=now(),
        given=list(given),
        sampler=sampler,
        monitor=first.checkpoint.monitor,
        trials=planned.trials if search is None else [],
        prune=prune,
        search=search,
        code=plugins.digests,
    )
