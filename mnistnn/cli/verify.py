"""`mnistnn verify`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.found import found_run
from mnistnn.cli.options import RUNS
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.analysis.verification.report import Report
    from mnistnn.run.directory import RunDirectory

_SCHEMA_VERSION = 1
_LABELS = {"ok": "ok    ", "note": "note  ", "problem": "FAILED"}


@click.command(cls=MnistnnCommand)
@click.argument("references", nargs=-1, required=True, metavar="RUN...")
@RUNS
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(references: tuple[str, ...], runs: Path, as_json: bool) -> None:
    """Check that runs are whole and unaltered.

    RUN is a path, the start of a run's id, the name of an experiment, which means its newest run, or 'latest'. Checked
    are all digests, what the files say of each other, and that nothing is missing; nothing is written, and no link is
    followed. Exit code 9 and a list when something is wrong. A run that is being trained is checked as far as it has
    come.
    """
    from mnistnn.analysis.verification.verify import verify as check
    from mnistnn.errors import CheckFailedError

    reports = [check(run) for run in [_find(reference, runs) for reference in references]]
    if as_json:
        click.echo(json.dumps({"schema_version": _SCHEMA_VERSION, "runs": [_as_json(report) for report in reports]}))
    else:
        for report in reports:
            _print(report)
    failed = [f"  - {report.path / each.file}: {each.text}" for report in reports for each in report.problems]
    if failed:
        raise CheckFailedError("\n".join(["not everything is what it should be:", *failed]))


def _find(reference: str, runs: Path) -> RunDirectory:
    """Return a run, also one that has lost its run.json, or has something else in the place of it."""
    from os.path import isfile, islink, lexists

    from mnistnn.run.directory import RunDirectory

    path = Path(reference)
    has_record = isfile(path / "run.json") and not islink(path / "run.json")
    if not has_record and any(lexists(path / name) for name in ("run.json", "config.yaml", "checkpoints")):
        return RunDirectory(path)
    return found_run(reference, runs)


def _as_json(report: Report) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "path": str(report.path),
        "status": report.status,
        "in_use": report.is_in_use,
        "ok": not report.problems,
        "findings": [asdict(each) for each in report.findings],
    }


def _print(report: Report) -> None:
    in_use = ", being trained right now: checked as far as it has come" if report.is_in_use else ""
    if not settings().quiet:
        click.echo(printable(f"{report.path} ({report.status}{in_use})"))
    for each in report.findings:
        if each.verdict == "problem" or not settings().quiet:
            text = f": {each.text}" if each.text else ""
            click.echo(printable(f"{_LABELS[each.verdict]} {each.file or '.'}{text}"))
