"""`mnistnn ls` and `mnistnn show`."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.found import found_run
from mnistnn.cli.history_table import columns_of, fitting, heading, line
from mnistnn.cli.options import RUNS
from mnistnn.cli.table import columns_of_terminal, table
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.run.view import RunView
    from mnistnn.types import History

_SCHEMA_VERSION = 1
_ROWS_SHOWN = 12
_HEADINGS = ("id", "name", "started", "status", "epochs", "best", "valid error", "test error", "changed")


@click.command(cls=MnistnnCommand)
@RUNS
@click.option("--finished", is_flag=True, help="Leave out runs that failed, diverged or are not at their end.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def ls(runs: Path, finished: bool, as_json: bool) -> None:
    """List runs.

    Errors are in percent: the validation error of the best epoch, and the test error where `eval` has read it. The last
    column is what the command line changed in the experiment's file, or why a run cannot be read.
    """
    from mnistnn.run.directory import all_runs
    from mnistnn.run.view import RunView

    listed = [_listed(RunView(run)) for run in all_runs(runs)]
    if finished:
        listed = [each for each in listed if each["status"] == "finished"]
    if as_json:
        click.echo(json.dumps({"schema_version": _SCHEMA_VERSION, "runs": listed}))
        return
    if not listed:
        click.echo(f"no runs in {printable(str(runs))}", err=True)
        return
    rows = [_HEADINGS, *map(_cells, listed)]
    name, started, epochs, best = (_HEADINGS.index(each) for each in ("name", "started", "epochs", "best"))
    status, changed = _HEADINGS.index("status"), len(_HEADINGS) - 1
    is_told = any(each["status"] != "finished" for each in listed)
    for text in table(
        rows, "<<<<>>>><", droppable=[started, *([] if is_told else [status]), best, epochs], cut=[name, changed]
    ):
        click.echo(text)


@click.command(cls=MnistnnCommand)
@click.argument("run", metavar="RUN")
@RUNS
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(run: str, runs: Path, as_json: bool) -> None:
    """Show one run.

    RUN is a path, the start of a run's id, the name of an experiment, which means its newest run, or 'latest'.
    """
    from dataclasses import asdict

    from mnistnn.analysis.evaluation.results import stored_results
    from mnistnn.analysis.evaluation.test_access_log import count_test_accesses, times
    from mnistnn.run.view import RunView
    from mnistnn.tasks.registry import RESULTS

    found = found_run(run, runs)
    stored = stored_results(found)
    results = {kind: [each for each in stored if type(each) is kind] for kind in RESULTS}
    described = {
        **_described(RunView(found)),
        "test_readings": count_test_accesses(found),
        **{kind.plural: [asdict(each) for each in results[kind]] for kind in RESULTS},
    }
    if as_json:
        click.echo(json.dumps(described))
        return
    for key in (
        "path",
        "name",
        "status",
        "reason",
        "started",
        "ended",
        "seconds",
        "threads",
        "config_hash",
        "resumed",
        "seed",
    ):
        if described[key] is not None:
            click.echo(f"{key:<12} {printable(str(described[key]))}")
    click.echo(f"{'test read':<12} {times(described['test_readings'])}")
    click.echo(f"{'checkpoints':<12} {', '.join(described['checkpoints']) or 'none'}")
    for phase in described["phases"]:
        said = f"{phase['name']}: {phase['status']}, {phase['epochs']} epochs, {phase['seconds']:.1f} s"
        click.echo(f"{'before':<12} {printable(said)}")
    click.echo()
    for text in _history_lines(described["rows"], described["best_epoch"]):
        click.echo(printable(text))
    for each in (each for kind in RESULTS for each in results[kind]):
        click.echo(
            f"{each.split} {each.headline} on {each.examples:,}, "
            f"checkpoint {printable(each.checkpoint)} (epoch {each.epoch:.6g})"
        )


def _listed(view: RunView) -> dict[str, Any]:
    """Return a run as a JSON-able line of a listing; of one that cannot be read, why not."""
    from mnistnn.analysis.evaluation.results import tested
    from mnistnn.errors import RunError

    path, problem = view.run.path, view.problem
    best = view.best if problem is None else None
    test = None
    with suppress(RunError):  # of a result that cannot be read `show` and `verify` tell
        test = tested(view) if best else None
    return {
        "id": path.name,
        "path": str(path),
        "name": path.parent.name if problem else view.record.name,
        "status": view.standing,
        "started": None if problem else view.record.started,
        "epochs": None if problem else view.epochs,
        "best_epoch": best["epoch"] if best else None,
        "valid_error": best.get("valid.error") if best else None,
        "test_error": None if test is None else test.error,
        "overrides": [] if problem else view.overrides,
        "problem": problem,
    }


def _cells(listed: dict[str, Any]) -> tuple[str, ...]:
    valid, test = (
        "" if error is None else f"{100 * error:.2f} %" for error in (listed["valid_error"], listed["test_error"])
    )
    started = (listed["started"] or "")[:16].replace("T", " ")
    best = "" if listed["best_epoch"] is None else f"{listed['best_epoch']:.6g}"
    epochs = "" if listed["epochs"] is None else str(listed["epochs"])
    changed = listed["problem"] or " ".join(filter(None, map(_in_short, listed["overrides"])))
    cells = (listed["id"], listed["name"], started, listed["status"], epochs, best, valid, test, changed)
    return tuple(printable(cell) for cell in cells)


def _in_short(override: str) -> str:
    """Return an override with the last part of its key; names of experiments have a column of their own."""
    key, _, value = override.partition("=")
    return "" if key == "name" else f"{key.rpartition('.')[2]}={value}"


def _described(view: RunView) -> dict[str, Any]:
    """Return everything worth showing about one run, as JSON-able values. Raises RunError."""
    from dataclasses import asdict

    return {
        **asdict(view.record),
        "seed": _seed(view),
        "path": str(view.run.path),
        "status": view.status,
        "epochs": view.epochs,
        "best_epoch": view.best["epoch"] if view.best else None,
        "best": view.best,
        "last": view.last,
        "rows": view.rows,
        "phases": [_described_phase(phase) for phase in view.phases],
        "checkpoints": [path.name for path in view.checkpoints],
    }


def _seed(view: RunView) -> int | None:
    """Return the seed of a run; None if its configuration cannot be read, which `verify` tells."""
    from mnistnn.errors import MnistnnError

    with suppress(MnistnnError):
        return int(view.config["seed"])
    return None


def _described_phase(phase: RunView) -> dict[str, Any]:
    return {
        "name": phase.run.path.name,
        "path": str(phase.run.path),
        "status": phase.status,
        "epochs": phase.epochs,
        "seconds": phase.record.seconds,
        "last": phase.last,
    }


def _history_lines(rows: History, best_epoch: float | None) -> list[str]:
    """Return the evaluations as a table: the last few, and the best one."""
    if not rows:
        return ["no evaluations yet"]
    names = fitting(columns_of(rows[-1]), columns_of_terminal(), None)
    shown = [*(row for row in rows[:-_ROWS_SHOWN] if row["epoch"] == best_epoch), *rows[-_ROWS_SHOWN:]]
    lines = [heading(names), *(line(row, names, row["epoch"] == best_epoch) for row in shown)]
    hidden = len(rows) - len(shown)
    if hidden:
        lines.insert(1, f"({hidden} earlier evaluations are in metrics.jsonl)")
    return lines
