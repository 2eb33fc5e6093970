"""`mnistnn inspect gradcheck`."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.inspect.planned_target import OVERRIDES, TARGET, plan_of
from mnistnn.cli.inspect.trained_options import JSON, SCHEMA_VERSION
from mnistnn.cli.options import CODE, RUNS

if TYPE_CHECKING:
    from mnistnn.objectives.gradient_check import GradientRow


@click.command(cls=MnistnnCommand)
@TARGET
@OVERRIDES
@CODE
@RUNS
@JSON
@click.option(
    "--examples", type=click.IntRange(1, 1000), default=8, show_default=True, help="Size of the random batch."
)
def gradcheck(
    target: str, overrides: tuple[str, ...], code: tuple[Path, ...], runs: Path, as_json: bool, examples: int
) -> None:
    """Compare hand-written gradients with finite differences, in float64.

    The model gets random parameters and a batch of random images; no data set is read. Along random directions, and
    number by number, the slope that the backward pass gives is held to (f(θ + h d) − f(θ − h d)) / 2h, with a step h of
    1e-5. Shown is the direction that comes nearest to what is allowed, or exceeds it. Allowed is 1e-6 of both slopes
    together, and what rounding makes of the difference: 16 eps |f| / h, with eps = 2.2e-16 and the loss f.

    Of energy-based models, an update's gradient is held to mean energies of random states. The input is checked where a
    gradient by it is computed. Exit code 9 if a gradient is wrong.
    """
    from mnistnn.analysis.inspection.gradcheck import check_experiment
    from mnistnn.errors import CheckFailedError
    from mnistnn.objectives.gradient_check import TOLERANCE

    in_float64 = [*overrides, "backend.dtype=float64", "backend.device=cpu"]
    rows = check_experiment(plan_of(target, in_float64, code, runs), examples)
    failed = [row for row in rows if not row.passed]
    if as_json:
        report = {"schema_version": SCHEMA_VERSION, "tolerance": TOLERANCE, "passed": not failed}
        click.echo(json.dumps({**report, "parameters": [_as_json(row) for row in rows]}))
    else:
        for line in _lines(rows):
            click.echo(line)
    if failed:
        raise CheckFailedError("; ".join(row.said for row in failed))


def _lines(rows: Sequence[GradientRow]) -> list[str]:
    """Return a row for each parameter, with the slope that is worst."""
    from mnistnn.cli.table import table

    cells = [("by", "numbers", "slopes", "backward", "difference", "error", "allowed", "")]
    for row in rows:
        worst = row.worst
        slopes = (f"{worst.analytic:.4e}", f"{worst.numeric:.4e}", f"{worst.error:.1e}", f"{worst.allowed:.1e}")
        cells.append((row.name, f"{row.size:,}", str(row.compared), *slopes, "ok" if row.passed else "WRONG"))
    return table(cells, "<>>>>>><", droppable=(2, 1), cut=(0,))


def _as_json(row: GradientRow) -> dict[str, Any]:
    """Return a row for JSON, which has no infinity: what is not a number becomes null."""
    worst = row.worst
    figures = {
        "backward": worst.analytic,
        "difference": worst.numeric,
        "error": worst.error,
        "allowed": worst.allowed,
        "relative_error": worst.relative_error,
    }
    strict = {name: value if math.isfinite(value) else None for name, value in figures.items()}
    return {"name": row.name, "size": row.size, "compared": row.compared, **strict, "passed": row.passed}
