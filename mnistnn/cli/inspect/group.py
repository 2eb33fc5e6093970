"""`mnistnn inspect`: what a file is, what a model consists of, whether its gradients are right.

What looks inside trained runs has files of its own.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from mnistnn.cli.command import MnistnnGroup
from mnistnn.cli.inspect.activations import activations
from mnistnn.cli.inspect.component import component
from mnistnn.cli.inspect.confusion import confusion
from mnistnn.cli.inspect.dead_units import dead_units
from mnistnn.cli.inspect.errors import errors
from mnistnn.cli.inspect.filters import filters
from mnistnn.cli.inspect.forecast import forecast
from mnistnn.cli.inspect.gradcheck import gradcheck
from mnistnn.cli.inspect.members import members
from mnistnn.cli.inspect.neighbours import neighbours
from mnistnn.cli.inspect.planned_target import OVERRIDES, TARGET, plan_of
from mnistnn.cli.inspect.stumps import stumps
from mnistnn.cli.inspect.support_vectors import support_vectors
from mnistnn.cli.inspect.trained_options import JSON, SCHEMA_VERSION
from mnistnn.cli.options import CODE, RUNS


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
@TARGET
@OVERRIDES
@CODE
@RUNS
@JSON
def summary(target: str, overrides: tuple[str, ...], code: tuple[Path, ...], runs: Path, as_json: bool) -> None:
    """Show layers, shapes, parameters, memory and cost."""
    from dataclasses import asdict

    from mnistnn.analysis.inspection.summary import layer_rows, plan_lines
    from mnistnn.experiment import cost

    plan = plan_of(target, overrides, code, runs)
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


for _command in (
    component,
    gradcheck,
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
