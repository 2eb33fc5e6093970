"""`mnistnn inspect`: what a model consists of, and whether its gradients are right."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistnn.cli.command import MnistnnGroup
from mnistnn.cli.options import RUNS

if TYPE_CHECKING:
    from mnistnn.experiment import Plan

_SCHEMA_VERSION = 1

_TARGET = click.argument("target", metavar="RUN|CONFIG")
_OVERRIDES = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group(cls=MnistnnGroup)
def inspect() -> None:
    """Look inside a model."""


@inspect.command()
@_TARGET
@_OVERRIDES
@RUNS
@_JSON
def summary(target: str, overrides: tuple[str, ...], runs: Path, as_json: bool) -> None:
    """Show layers, shapes, parameters, memory and cost."""
    from dataclasses import asdict

    from mnistnn.analysis.summary import layer_rows, plan_lines

    plan = _plan(target, overrides, runs)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "schema_version": _SCHEMA_VERSION,
                    "layers": [asdict(row) for row in layer_rows(plan)],
                    "parameters": plan.parameters,
                    "updates_per_epoch": plan.updates_per_epoch,
                    "flops_per_epoch": plan.flops_per_epoch,
                    "resident_bytes": plan.resident_bytes,
                }
            )
        )
        return
    for line in plan_lines(plan):
        click.echo(line)


@inspect.command()
@_TARGET
@_OVERRIDES
@RUNS
@_JSON
@click.option(
    "--examples", type=click.IntRange(1, 1000), default=8, show_default=True, help="Size of the random batch."
)
def gradcheck(target: str, overrides: tuple[str, ...], runs: Path, as_json: bool, examples: int) -> None:
    """Compare hand-written gradients with finite differences, in float64.

    The model gets random parameters and a batch of random images; no data set is read.
    """
    from dataclasses import asdict

    from mnistnn.analysis.gradcheck import TOLERANCE, check_experiment
    from mnistnn.errors import CheckFailedError

    in_float64 = [*overrides, "backend.dtype=float64", "backend.device=cpu"]
    rows = check_experiment(_plan(target, in_float64, runs), examples)
    failed = [row.name for row in rows if not row.passed]
    if as_json:
        report = {"schema_version": _SCHEMA_VERSION, "tolerance": TOLERANCE, "passed": not failed}
        click.echo(json.dumps({**report, "parameters": [_strict(asdict(row)) for row in rows]}))
    else:
        width = max(len(row.name) for row in rows)
        for row in rows:
            verdict = "ok" if row.passed else "WRONG"
            click.echo(
                f"{row.name:<{width}}  {row.size:>10,} parameters  worst relative error {row.worst:.1e}  {verdict}"
            )
    if failed:
        raise CheckFailedError(f"the gradient of {', '.join(failed)} is wrong by more than {TOLERANCE:.0e}")


def _strict(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row for JSON, which has no infinity: the error of a gradient that is not a number becomes null."""
    return {**row, "worst": row["worst"] if math.isfinite(row["worst"]) else None}


def _plan(target: str, overrides: tuple[str, ...] | list[str], runs: Path) -> Plan:
    """Return the plan of a YAML file, or of a run."""
    from mnistnn.config.load import load_experiment, load_resolved
    from mnistnn.experiment import Plan
    from mnistnn.run.directory import find

    if os.path.isfile(target) or target.endswith((".yaml", ".yml")):
        return Plan(load_experiment(Path(target), overrides))
    run = find(target, runs)
    return Plan(load_resolved(run.config, overrides), run)
