"""`mnistnn inspect`: what a file is, what a model consists of, whether its gradients are right.

What looks inside trained runs has files of its own.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from mnistnn.cli.command import MnistnnGroup
from mnistnn.cli.found import found_run
from mnistnn.cli.inspect.activations import activations
from mnistnn.cli.inspect.confusion import confusion
from mnistnn.cli.inspect.dead_units import dead_units
from mnistnn.cli.inspect.errors import errors
from mnistnn.cli.inspect.filters import filters
from mnistnn.cli.inspect.forecast import forecast
from mnistnn.cli.inspect.members import members
from mnistnn.cli.inspect.neighbours import neighbours
from mnistnn.cli.inspect.stumps import stumps
from mnistnn.cli.inspect.support_vectors import support_vectors
from mnistnn.cli.inspect.trained_options import JSON, SCHEMA_VERSION
from mnistnn.cli.options import CODE, RUNS
from mnistnn.cli.parameters import ExperimentFile
from mnistnn.errors import RunError

if TYPE_CHECKING:
    from mnistnn.experiment.plan import Plan

_TARGET = click.argument("target", metavar="RUN|CONFIG")
_OVERRIDES = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")


class _InspectGroup(MnistnnGroup):
    """Takes files where a verb is expected: `inspect FILE` is short for `inspect file FILE`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        first = args[0]
        is_path = os.path.lexists(first) or any(mark in first for mark in (".", "/", os.sep))
        return super().resolve_command(ctx, ["file", *args] if first not in self.commands and is_path else args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = super().shell_complete(ctx, incomplete)
        return found if incomplete.startswith("-") else [*found, CompletionItem(incomplete, type="file")]


@click.group(cls=_InspectGroup, subcommand_metavar="FILE... | COMMAND [ARGS]...")
def inspect() -> None:
    """Look inside files and models.

    FILE... alone says what each file is, as `inspect file` does.
    """


@inspect.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
def file(files: tuple[Path, ...]) -> None:
    """Say what each file is, one line of JSON each.

    Known are checkpoints, exported models, fitted transforms, data files (IDX, npz, mnist.pkl.gz), experiments, the
    JSON files of runs and data sets, and PNG. Files are told by their content and checked to be whole; what is wrong is
    the `problem` in their line. Exit code 0 if every file is known and whole, 9 otherwise.
    """
    from mnistnn.analysis.identification.identify import identify
    from mnistnn.errors import CheckFailedError

    failed = 0
    for path in files:
        found = identify(path)
        failed += found.problem is not None
        line = {"schema_version": SCHEMA_VERSION, "path": str(path), "kind": found.kind}
        click.echo(json.dumps({**line, "about": found.about, "problem": found.problem}))
    if failed:
        raise CheckFailedError(f"{failed} of {len(files)} files are not known or not whole")


@inspect.command()
@_TARGET
@_OVERRIDES
@CODE
@RUNS
@JSON
def summary(target: str, overrides: tuple[str, ...], code: tuple[Path, ...], runs: Path, as_json: bool) -> None:
    """Show layers, shapes, parameters, memory and cost."""
    from dataclasses import asdict

    from mnistnn.analysis.inspection.summary import layer_rows, plan_lines
    from mnistnn.experiment import cost

    plan = _plan(target, overrides, code, runs)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "schema_version": SCHEMA_VERSION,
                    "layers": [asdict(row) for row in layer_rows(plan)],
                    "parameters": plan.parameters,
                    "updates_per_epoch": plan.pace.updates_per_epoch,
                    "flops_per_epoch": cost.flops_per_epoch(plan),
                    "resident_bytes": cost.resident_bytes(plan),
                }
            )
        )
        return
    for line in plan_lines(plan):
        click.echo(line)


@inspect.command()
@_TARGET
@_OVERRIDES
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

    The model gets random parameters and a batch of random images; no data set is read.
    """
    from dataclasses import asdict

    from mnistnn.analysis.inspection.gradcheck import TOLERANCE, check_experiment
    from mnistnn.errors import CheckFailedError

    in_float64 = [*overrides, "backend.dtype=float64", "backend.device=cpu"]
    rows = check_experiment(_plan(target, in_float64, code, runs), examples)
    failed = [row.name for row in rows if not row.passed]
    if as_json:
        report = {"schema_version": SCHEMA_VERSION, "tolerance": TOLERANCE, "passed": not failed}
        click.echo(json.dumps({**report, "parameters": [_strict(asdict(row)) for row in rows]}))
    else:
        width = max(len(row.name) for row in rows)
        for row in rows:
            verdict = "ok" if row.passed else "WRONG"
            error = f"worst relative error {row.relative_error:.1e}"
            click.echo(f"{row.name:<{width}}  {row.size:>10,} parameters  {error}  {verdict}")
    if failed:
        raise CheckFailedError(f"the gradient of {', '.join(failed)} is wrong by more than {TOLERANCE:.0e}")


def _strict(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row for JSON, which has no infinity: the error of a gradient that is not a number becomes null."""
    return {**row, **{key: row[key] if math.isfinite(row[key]) else None for key in ("worst", "relative_error")}}


def _plan(target: str, overrides: tuple[str, ...] | list[str], code: tuple[Path, ...], runs: Path) -> Plan:
    """Return the plan of a YAML file, of a run or, if there is no run of that name, of an experiment of mnistnn.

    Raises UsageError for code that is given to a run, which has its own.
    """
    from mnistnn.config.examples import example_path
    from mnistnn.config.load import load_experiment
    from mnistnn.experiment.plan import Plan
    from mnistnn.plugins.given import given_code
    from mnistnn.run.config import load_run_config

    if os.path.isfile(target) or target.endswith((".yaml", ".yml")):
        return Plan(load_experiment(Path(target), overrides, given_code(code)))
    try:
        run = found_run(target, runs)
    except RunError:
        if example_path(target) is None:
            raise
        return Plan(load_experiment(ExperimentFile().convert(target, None, None), overrides, given_code(code)))
    if code:
        raise click.UsageError("--code goes with an experiment file: a run has the code that it was trained with")
    return Plan(load_run_config(run, overrides), run)


for _command in (
    filters,
    errors,
    confusion,
    activations,
    dead_units,
    forecast,
    members,
    neighbours,
    stumps,
    support_vectors,
):
    inspect.add_command(_command)
