"""The tables of results: a line for each experiment, and one for each run."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnistnn.analysis.comparison.config_differences import value_at, value_text
from mnistnn.analysis.comparison.run_groups import Group
from mnistnn.analysis.evaluation.results import tested
from mnistnn.run.view import RunView
from mnistnn.tasks.classification import Evaluation


@dataclass(frozen=True)
class ExperimentRow:
    """A line of the table of results: all as text."""

    label: str
    colour: int
    values: list[str]
    runs: str
    status: str
    epochs: str
    best_epoch: str
    valid_error: str
    valid_loss: str
    test_error: str
    seconds: str


def experiment_row(group: Group, colour: int, keys: Sequence[str] = ()) -> ExperimentRow:
    """Sum up the runs of an experiment, with its values of some keys."""
    bests = [each.best for each in group.runs if each.best is not None]
    return ExperimentRow(
        label=group.label,
        colour=colour,
        values=[value_text(value_at(key, group.runs[0].config)) for key in keys],
        runs=str(len(group.runs)),
        status=", ".join(dict.fromkeys(each.status for each in group.runs)),
        epochs=_range([each.rows[-1]["epoch"] for each in group.runs]),
        best_epoch=_range([best["epoch"] for best in bests]),
        valid_error=_mean([best["valid.error"] for best in bests if "valid.error" in best], percent=True),
        valid_loss=_mean([best["valid.loss"] for best in bests if "valid.loss" in best]),
        test_error=_test_error([found for each in group.runs if (found := tested(each)) is not None], len(group.runs)),
        seconds=_range([round(each.record.seconds, 1) for each in group.runs]),
    )


def _test_error(evaluations: Sequence[Evaluation], runs: int) -> str:
    if len(evaluations) != 1:
        return _mean([each.error for each in evaluations], percent=True)
    (one,) = evaluations
    low, high = one.error_interval_95
    of_several = f"one of {runs} runs: " if runs > 1 else ""
    return (
        f"{of_several}{100 * one.error:.2f} % ({one.errors:,} of {one.examples:,}; "
        f"95 % interval {100 * low:.2f} to {100 * high:.2f} %)"
    )


def _mean(values: list[float], percent: bool = False) -> str:
    """Say a mean with its standard deviation over runs, or the value of the only one."""
    if not values:
        return "–"
    scale, unit, digits = (100.0, " %", ".2f") if percent else (1.0, "", ".4g")
    mean = f"{scale * float(np.mean(values)):{digits}}"
    if len(values) == 1:
        return mean + unit
    deviation = f"{scale * float(np.std(values, ddof=1)):{'.2f' if percent else '.2g'}}"
    return f"{mean} ± {deviation}{unit} (n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{len(values)})"


def _range(values: list[float]) -> str:
    if not values:
        return "–"
    low, high = min(values), max(values)
    return f"{low:,.6g}" if low == high else f"{low:,.6g} to {high:,.6g}"


def run_row(one: RunView) -> dict[str, str]:
    """Return what tells a run from the others."""
    best = one.best or {}
    return {
        "id": one.run.path.name,
        "name": one.record.name,
        "seed": str(one.config.get("seed", "")),
        "status": one.status,
        "reason": one.record.reason or "",
        "best_epoch": f"{best['epoch']:.6g}" if best else "–",
        "valid_error": f"{100 * best['valid.error']:.2f} %" if "valid.error" in best else "–",
        "started": one.record.started,
    }
