"""The text output of `mnistnn sweep`: a trial that has ended, the points as a table or as JSON, the choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnistnn.sweep.scheduling import Progress
    from mnistnn.sweep.selection import Chosen, PointResult
    from mnistnn.sweep.study import Study


def progress_line(progress: Progress, monitor: str) -> str:
    ended, trial = progress.ended, progress.trial
    outcome = f"{ended.state}: {ended.problem}" if ended.problem else ended.state
    if ended.best is not None:
        outcome = f"{monitor} {ended.best[monitor]:.4f} (epoch {ended.best['epoch']:.6g}, {ended.seconds:.1f} s)"
    return f"[{progress.finished}/{progress.trials}] {trial.id}  {said(trial.values)}  {outcome}"


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
    monitor = study.description.monitor
    rows = [("point", "values", monitor, "trials")]
    for result in results:
        mean = "" if result.mean is None else f"{result.mean:.4f}"
        deviation = "" if result.std is None else f" ± {result.std:.4f}"
        states = [each.standing.state for each in result.trials]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        rows.append((str(result.point), said(result.values), mean + deviation, counts))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
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

    errors = list(chosen.test_errors.values())
    deviation = "" if chosen.std is None else f" ± {chosen.std:.4f}"
    test = f"{100 * statistics.fmean(errors):.2f}"
    if len(errors) > 1:
        test += f" ± {100 * statistics.stdev(errors):.2f}"
    number = f" ({len(errors)} seeds)" if len(errors) > 1 else ""
    return [
        f"chosen by validation: point {chosen.point}, {said(chosen.values)}",
        f"{chosen.monitor} {chosen.mean:.4f}{deviation}{number}",
        f"test error {test} % on {chosen.test_examples:,} digits{number}; read for this point alone",
        *(f"run: {study.path / 'trials' / name}" for name in chosen.test_errors),
    ]
