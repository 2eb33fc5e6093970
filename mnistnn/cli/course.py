"""`mnistnn course`: the chapters of the course, and what is done of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.options import RUNS
from mnistnn.cli.table import table, wrapped
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.course.chapters import Chapter, Page
    from mnistnn.course.states import State

_SCHEMA_VERSION = 1
_HEADINGS = ("page", "", "experiments done", "exercises passed")


class _Part(click.ParamType[str]):
    """The number of a chapter, or the name of a page."""

    name = "part"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from mnistnn.course.chapters import pages

        return [CompletionItem(page.name, help=page.title) for page in pages() if page.name.startswith(incomplete)]


@click.command(cls=MnistnnCommand)
@click.argument("part", metavar="[CHAPTER|PAGE]", type=_Part(), required=False)
@RUNS
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def course(part: str | None, runs: Path, as_json: bool) -> None:
    """List the chapters of the course, and what is done.

    Of each page: how many of its experiments have a finished run, and how many of its exercises were passed. With the
    number of a CHAPTER, or the name of a PAGE, its experiments and exercises are shown. A run belongs to the experiment
    whose name it has. The pages are docs/course/PAGE.md in the documentation.
    """
    from mnistnn.course.chapters import pages
    from mnistnn.course.done import finished
    from mnistnn.course.states import read_states

    chapters = _meant(part)
    states, seconds = read_states(), _seconds() if as_json or part is not None else {}
    done = finished(dict.fromkeys(name for page in pages() for name in page.experiments), runs)
    shown = [
        {
            "number": number,
            "title": chapter.title,
            "pages": [
                _page(page, done, states, seconds) for page in chapter.pages if part in (None, str(number), page.name)
            ],
        }
        for number, chapter in chapters
    ]
    if as_json:
        click.echo(json.dumps({"schema_version": _SCHEMA_VERSION, "chapters": shown}))
    elif part is None:
        _print_all(shown)
    else:
        _print_in_detail(shown[0])


def _meant(part: str | None) -> list[tuple[int, Chapter]]:
    """Return the chapters that are meant, with their numbers. Raises UsageError for what is no chapter and no page."""
    from mnistnn.course.chapters import CHAPTERS, pages
    from mnistnn.errors import UsageError, did_you_mean

    numbered = list(enumerate(CHAPTERS, start=1))
    found = [
        (number, chapter)
        for number, chapter in numbered
        if part in (None, str(number), *(page.name for page in chapter.pages))
    ]
    if not found:
        names = [page.name for page in pages()]
        hint = did_you_mean(str(part), names, before="; ")
        raise UsageError(f"'{part}' is no page, and no number of a chapter from 1 to {len(CHAPTERS)}{hint}")
    return found


def _page(page: Page, done: dict[str, Path], states: dict[str, State], seconds: dict[str, float]) -> dict[str, Any]:
    """Return what is known of a page, as its JSON has it."""
    from mnistnn.course.exercise import exercise

    return {
        "name": page.name,
        "title": page.title,
        "file": f"docs/course/{page.name}.md",
        "experiments": [
            {"name": name, "seconds": seconds.get(name), "run": str(done[name]) if name in done else None}
            for name in page.experiments
        ],
        "exercises": [
            {
                "name": name,
                "title": exercise(name).title,
                "state": states[name].words if name in states else "",
                "passed": states[name].passed if name in states else None,
            }
            for name in page.exercises
        ],
    }


def _seconds() -> dict[str, float]:
    """Return the seconds of training that records of experiments have."""
    from mnistnn.reproduction.listing import records_by_name

    return {name: record.seconds for name, record in records_by_name().items()}


def _print_all(chapters: list[dict[str, Any]]) -> None:
    cells = [
        (
            f"   {page['name']}",
            page["title"],
            _share(page["experiments"], "run"),
            _share(page["exercises"], "passed"),
        )
        for chapter in chapters
        for page in chapter["pages"]
    ]
    headings, *lines = table([(f"   {_HEADINGS[0]}", *_HEADINGS[1:]), *cells], "<<<<", cut=[1])
    click.echo(headings)
    below = iter(lines)
    for chapter in chapters:
        click.echo(f"\n{chapter['number']}. {chapter['title']}")
        for _ in chapter["pages"]:
            click.echo(printable(next(below)))
    if not settings().quiet:
        click.echo("next: mnistnn course PAGE, mnistnn course CHAPTER-NUMBER, mnistnn exercise", err=True)


def _share(items: list[dict[str, Any]], key: str) -> str:
    """Say how many of some items have a value; empty if there are none."""
    return f"{sum(item[key] is not None for item in items)} of {len(items)}" if items else ""


def _print_in_detail(chapter: dict[str, Any]) -> None:
    click.echo(f"{chapter['number']}. {chapter['title']}")
    for page in chapter["pages"]:
        click.echo(f"\n{page['title']}: {page['file']} in the documentation")
        rows = [
            (f"  {each['name']}", "" if each["seconds"] is None else f"{each['seconds']:,.0f}", each["run"] or "none")
            for each in page["experiments"]
        ]
        if rows:
            for line in table([("  experiment", "seconds", "finished run"), *rows], "<><", cut=[2]):
                click.echo(printable(line))
        exercises = [(f"  {each['name']}", each["title"], each["state"]) for each in page["exercises"]]
        if exercises:
            for line in table([("  exercise", "", "state"), *exercises], "<<<", cut=[1]):
                click.echo(printable(line))
        if not rows and not exercises:
            for line in wrapped(["  no experiments, and no exercises that are checked; the page has questions"]):
                click.echo(line)
