"""`mnistnn diff`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.found import found_run
from mnistnn.cli.options import RUNS
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.analysis.comparison.run_diff import ArrayDifference, Metrics, RunDifference, Weights
    from mnistnn.config.diff import Difference

_SCHEMA_VERSION = 1
_ARRAYS_SHOWN = 20
_CHANGE_NO_BIT = ("backend.threads", "threads", "cores")


@click.command(cls=MnistnnCommand)
@click.argument("left", metavar="A")
@click.argument("right", metavar="B")
@RUNS
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def diff(left: str, right: str, runs: Path, as_json: bool) -> None:
    """Show in what two runs differ.

    A and B are paths, starts of run ids, names of experiments, which mean their newest runs, or 'latest'. Compared are
    the configuration, the environment, the metrics up to the first difference, and the final and best weights. Runs on
    one machine, by the same versions, have the same bits with any number of threads. The exit code is 0 whether they
    differ or not.
    """
    from mnistnn.analysis.comparison.run_diff import difference_of

    a, b = found_run(left, runs), found_run(right, runs)
    found = difference_of(a, b)
    for problem in found.passed_over:
        click.echo(printable(f"warning: passed over {problem}"), err=True)
    if as_json:
        click.echo(
            json.dumps({"schema_version": _SCHEMA_VERSION, "left": str(a.path), "right": str(b.path)} | _as_json(found))
        )
        return
    for line in _lines(found):
        click.echo(printable(line))


def _as_json(found: RunDifference) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "config": [_difference(each) for each in found.config],
        "environment": [_difference(each) for each in found.environment],
        "metrics": asdict(found.metrics),
        "weights": [asdict(each) | {"same": not each.arrays} for each in found.weights],
        "same": found.are_same,
    }


def _difference(each: Difference) -> dict[str, Any]:
    """Return a difference for JSON; a side that lacks the key is left out."""
    from mnistnn.config.diff import ABSENT

    given = {side: value for side, value in (("left", each.left), ("right", each.right)) if value is not ABSENT}
    return {"key": each.key, "order": each.order} | given


def _lines(found: RunDifference) -> list[str]:
    from mnistnn.config.diff import ABSENT

    lines = []
    for heading, differences in (("config", found.config), ("environment", found.environment)):
        for each in differences:
            a, b = ("absent" if v is ABSENT else json.dumps(v, ensure_ascii=False) for v in (each.left, each.right))
            aside = " (changes no bit)" if each.key in _CHANGE_NO_BIT else ""
            lines.append(f"{heading:<12} {each.key}{' (order)' if each.order else ''}: {a} → {b}{aside}")
        if not differences:
            lines.append(f"{heading:<12} no difference")
    lines.append(f"{'metrics':<12} {_metrics(found.metrics)}")
    for weights in found.weights:
        lines += [f"{f'{weights.which} weights':<12} {text}" for text in _weights(weights)]
    lines.append("the same, bit for bit" if found.are_same else "not the same")
    return lines


def _metrics(found: Metrics) -> str:
    where = found.divergence
    if where is not None:
        a, b = ("absent" if value is None else repr(value) for value in (where.left, where.right))
        return f"differ from row {where.row} on (epoch {where.epoch:.6g}): {where.column} {a} → {b}"
    if found.left_rows == found.right_rows:
        return f"equal ({found.left_rows} rows)"
    return f"equal as far as the shorter goes ({found.left_rows} and {found.right_rows} rows)"


def _weights(found: Weights) -> list[str]:
    updates = f"after {found.left_updates} and {found.right_updates} updates"
    if not found.arrays:
        return [f"equal ({updates})"]
    shown = [_array(each) for each in found.arrays[:_ARRAYS_SHOWN]]
    hidden = len(found.arrays) - len(shown)
    return [f"differ ({updates})", *shown, *([f"  and {hidden} more arrays"] if hidden else [])]


def _array(each: ArrayDifference) -> str:
    how = "cannot be subtracted" if each.largest is None else f"differs by at most {each.largest:.3g}"
    return f"  {each.name} {how}"
