"""`mnistnn trust`."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.found import found_run
from mnistnn.cli.options import RUNS
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mnistnn.plugins.code import CodeFile

_SCHEMA_VERSION = 1
_BLANK = "\u034f\u115f\u1160\u3164\uffa0"  # a joiner, and fillers of Hangul, which may be names in Python


@click.command(cls=MnistnnCommand)
@click.argument("targets", nargs=-1, metavar="[RUN|STUDY|FILE.py]...")
@RUNS
@click.option("--list", "listed", is_flag=True, help="Show what is trusted on this machine.")
@click.option("--remove", "removed", metavar="DIGEST", help="Trust this code no more; its first characters are enough.")
@click.option("--json", "as_json", is_flag=True, help="With --list: print one JSON object.")
def trust(targets: tuple[str, ...], runs: Path, listed: bool, removed: str | None, as_json: bool) -> None:
    """Trust the code of a run, or of a file, on this machine.

    A run keeps the code of components that are none of mnistnn's, in source/code/. Where it came from elsewhere, that
    code is executed only once you have trusted it: read it first, since it may do whatever you may. RUN is a path, the
    start of a run's id, the name of an experiment, which means its newest run, or 'latest'; STUDY is the folder of a
    sweep. Nothing is executed here. What you give by --code is trusted without this.
    """
    if (bool(targets), listed, removed is not None).count(True) != 1:
        raise click.UsageError("name runs or files to trust, or give one of --list and --remove")
    if as_json and not listed:
        raise click.UsageError("--json goes with --list")
    if listed:
        _list(as_json)
    elif removed is not None:
        _remove(removed)
    else:
        _trust([file for target in targets for file in _files_of(target, runs)])


def _files_of(target: str, runs: Path) -> Sequence[CodeFile]:
    """Return the files of code that are meant. Raises UsageError if a run or a sweep has none."""
    from mnistnn.errors import UsageError
    from mnistnn.plugins.code import read_code
    from mnistnn.run.code import kept_plugins
    from mnistnn.sweep.study import open_study

    if target.endswith(".py"):
        return [read_code(Path(target))]
    is_study = (Path(target) / "study.json").is_file()
    if is_study and (Path(target) / "run.json").exists():
        raise UsageError(f"{target}: is a run and a sweep at once: run.json or study.json does not belong there")
    files = open_study(Path(target)).plugins.files if is_study else kept_plugins(found_run(target, runs)).files
    if not files:
        raise UsageError(f"{target}: has no code of its own, so nothing has to be trusted")
    return files


def _trust(files: Sequence[CodeFile]) -> None:
    from mnistnn.plugins.trust import trust as trust_files

    new = trust_files(files)
    for file in files:
        since = "trusted from now on" if file in new else "trusted already"
        lines = "1 line" if file.lines == 1 else f"{file.lines:,} lines"
        click.echo(printable(f"{file.name}  sha256 {file.sha256}  {lines}: {since}"))
        if hidden := _hidden(file):
            click.echo(printable(f"warning: {file.name}: has characters that editors do not show: {hidden}"), err=True)


def _hidden(file: CodeFile) -> str:
    """Return the names of characters by which a text looks like another one; empty if it has none."""
    text = file.content.decode(errors="replace").replace("\r\n", "\n")  # other U+000D hide what stands before them
    return ", ".join(sorted(f"U+{ord(c):04X}" for c in {*text} - {*"\t\n"} if _is_hidden(c)))


def _is_hidden(c: str) -> bool:
    """Tell whether a character has no picture, or another one than a space: also those that Unicode calls letters."""
    return (
        unicodedata.category(c) in ("Cf", "Cc", "Zl", "Zp")
        or c in _BLANK
        or "VARIATION SELECTOR" in unicodedata.name(c, "")
    )


def _list(as_json: bool) -> None:
    from dataclasses import asdict

    from mnistnn.plugins.trust import read_trusted, trust_file

    trusted = read_trusted()
    if as_json:
        rows = [asdict(each) for each in trusted]
        click.echo(json.dumps({"schema_version": _SCHEMA_VERSION, "file": str(trust_file()), "trusted": rows}))
        return
    for each in trusted:
        click.echo(printable(f"{each.sha256}  {each.name}  {each.lines:,} lines, since {each.since}"))
    if not settings().quiet:
        click.echo(printable(f"{len(trusted)} trusted, in {trust_file()}"), err=True)


def _remove(beginning: str) -> None:
    from mnistnn.plugins.trust import forget

    each = forget(beginning)
    click.echo(printable(f"{each.name}  sha256 {each.sha256}: trusted no more"))
