"""The text output of `mnistnn sweep`: a trial that has ended, the points as a table or as JSON, the choice."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from mnistnn.cli.table import ENDLESS, columns_of_terminal
from mnistnn.cli.table import table as text_table
from mnistnn.runner.bars import can_draw

if TYPE_CHECKING:
    from mnistnn.sweep.scheduling import Progress
    from mnistnn.sweep.selection import Chosen, PointResult
    from mnistnn.sweep.study import Study


@contextmanager
def following(trials: int, shown: bool) -> Iterator[Callable[[str, int, bool], None]]:
    """Yield a function that prints a line about a trial that has ended, how many are finished, and whether it failed.

    On a terminal there is a bar below the lines, which says how long the others will take. Without `shown`, only
    failures are printed.
    """
    if not shown or not can_draw(sys.stderr):

        def write(text: str, _finished: int, has_failed: bool) -> None:
            if shown or has_failed:
                click.echo(text, err=True)

        yield write
        return
    from tqdm import tqdm

    with tqdm(total=trials, unit="trial", desc="trials", leave=False, file=sys.stderr) as bar:

        def write_above(text: str, finished: int, _has_failed: bool) -> None:
            tqdm.write(text, file=sys.stderr)
            bar.update(finished - bar.n)

        yield write_above


def progress_line(progress: Progress, monitor: str) -> str:
    from mnistnn.types import shown

    ended, trial = progress.ended, progress.trial
    outcome = f"{ended.state}: {ended.problem}" if ended.problem else ended.state
    if ended.state == "busy":
        outcome = f"{ended.problem}; waiting for it"
    if ended.best is not None:
        outcome = (
            f"{monitor} {shown(monitor, ended.best[monitor])} (epoch {ended.best['epoch']:.6g}, {ended.seconds:.1f} s)"
        )
    return f"trial {progress.finished} of {progress.trials}  {trial.id}  {said(trial.values)}  {outcome}"


def how(study: Study) -> str:
    """Say how the points come about, and how many of them are known if that is not all."""
    description = study.description
    known = (
        "" if description.search is None else f", {len(study.suggested)} of {description.search.points} points so far"
    )
    return f"sampler {description.sampler}{known}{', unpromising trials are pruned' if description.prune else ''}"


def said(values: dict[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items()) or "as the file has it"


def table(study: Study, results: list[PointResult]) -> list[str]:
    """Return the points as lines: rank, values, mean and deviation, how many trials are finished."""
    from mnistnn.types import shown_mean

    monitor = study.description.monitor
    keys = list(dict.fromkeys(key for result in results for key in result.values))
    rows = []
    for result in results:
        states = [each.standing.state for each in result.trials]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        values = (result.values.get(key, "") for key in keys)
        rows.append([str(result.point), *values, shown_mean(monitor, result.mean, result.std), counts])
    sides, in_the_middle = "<" * (len(keys) + 3), range(1, len(keys) + 1)
    whole = columns_of_terminal()
    lines = text_table([["point", *keys, monitor, "trials"], *rows], sides, width=ENDLESS)
    if max(map(len, lines)) > whole:
        from mnistnn.analysis.comparison.config_differences import short_names

        headings = ["point", *short_names(keys), monitor, "trials"]
        lines = text_table([headings, *rows], sides, droppable=[len(keys) + 2], cut=in_the_middle)
    problems = [
        f"{each.trial.id}: {each.standing.problem}"
        for result in results
        for each in result.trials
        if each.standing.problem is not None
    ]
    return [*lines, *problems]


def as_json(result: PointResult) -> dict[str, Any]:
    return {
        "point": result.point,
        "values": result.values,
        "mean": result.mean,
        "std": result.std,
        "trials": [
            {
                "id": each.trial.id,
                "seed": each.trial.seed,
                "state": each.standing.state,
                "best": each.standing.best,
                "problem": each.standing.problem,
            }
            for each in result.trials
        ],
    }


def chosen_lines(study: Study, chosen: Chosen) -> list[str]:
    import statistics

    from mnistnn.types import shown_mean

    errors = list(chosen.test_errors.values())
    test = f"{100 * statistics.fmean(errors):.2f}"
    if len(errors) > 1:
        test += f" ± {100 * statistics.stdev(errors):.2f}"
    number = f" ({len(errors)} seeds)" if len(errors) > 1 else ""
    return [
        f"chosen by validation: point {chosen.point}, {said(chosen.values)}",
        f"{chosen.monitor} {shown_mean(chosen.monitor, chosen.mean, chosen.std)}{number}",
        f"test error {test} % on {chosen.test_examples:,} digits{number}; read for this point alone",
        *(f"run: {study.path / 'trials' / name}" for name in chosen.test_errors),
    ]
