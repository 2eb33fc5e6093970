"""`mnistnn exercise`: begin an exercise of the course, and check the answer."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.table import table, wrapped
from mnistnn.cli.terminal import printable, shortened

if TYPE_CHECKING:
    from mnistnn.course.exercise import Exercise
    from mnistnn.course.finding import Finding

_SCHEMA_VERSION = 1
_NEXT = "next"


class _ExerciseName(click.ParamType[str]):
    """The name of an exercise."""

    name = "exercise"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from mnistnn.course.exercise import exercise_names

        return [CompletionItem(name) for name in exercise_names() if name.startswith(incomplete)]


@click.command(cls=MnistnnCommand)
@click.argument("name", type=_ExerciseName(), required=False)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    show_default="one of its name",
    help="Where it is done: a new folder, or the one with your answer.",
)
@click.option(
    "--hint",
    is_flag=False,
    flag_value=_NEXT,
    type=click.Choice([_NEXT, "1", "2"]),
    metavar="[1|2]",
    help="Show a hint, and the next time the second one; or the one of this number.",
)
@click.option("--solution", is_flag=True, help="Show a solution. It is noted that it was shown.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: the list, or what the check found.")
def exercise(name: str | None, folder: Path | None, hint: str | None, solution: bool, as_json: bool) -> None:
    """Begin an exercise of the course, or check an answer.

    Without NAME, all are listed. If the folder is not there yet, it is made, with the task in README.md. If it is, the
    answer in it is checked by running it: programs in it are executed, experiments are trained. Exit code 9 if it is
    not solved yet. Files that are there are never overwritten.
    """
    if hint is not None and solution:
        raise click.UsageError("--hint and --solution exclude each other")
    if name is None:
        if folder is not None or hint is not None or solution:
            raise click.UsageError("name an exercise: `mnistnn exercise` lists them")
        _list(as_json)
        return
    from mnistnn.course.beginning import is_begun, usual_folder
    from mnistnn.course.exercise import exercise as named

    asked = named(name)
    if hint is not None:
        _show_hint(asked, hint)
        return
    if solution:
        _show_solution(asked)
        return
    where = usual_folder(asked) if folder is None else folder
    if is_begun(asked, where):
        _check(asked, where, as_json)
    elif as_json:
        raise click.UsageError(f"{where} is not there yet: begin the exercise without --json")
    else:
        _begin(asked, where)


def _list(as_json: bool) -> None:
    from mnistnn.course.exercise import exercise as named
    from mnistnn.course.exercise import exercise_names
    from mnistnn.course.states import State, read_states

    states = read_states()
    found = [(named(name), states.get(name, State(name))) for name in exercise_names()]
    if as_json:
        rows = [
            {"name": each.name, "title": each.title, "page": each.page}
            | {key: value for key, value in asdict(state).items() if key != "name"}
            for each, state in found
        ]
        click.echo(json.dumps({"schema_version": _SCHEMA_VERSION, "exercises": rows}))
        return
    rows_of_text = [(each.name, each.page, state.words, each.title) for each, state in found]
    for line in table([("exercise", "page", "state", ""), *rows_of_text], "<<<<", cut=[3]):
        click.echo(printable(line))
    _say("next: mnistnn exercise NAME")


def _begin(asked: Exercise, folder: Path) -> None:
    from mnistnn.course.beginning import begin, command_for
    from mnistnn.course.states import note
    from mnistnn.storage.timestamp import now

    command = command_for(asked, folder)
    made = begin(asked, folder)
    note(asked.name, folder=str(folder.resolve()), begun=now())
    click.echo(asked.title)
    click.echo("made: " + ", ".join(printable(str(path)) for path in made))
    _say(f"next: read {printable(str(made[0]))}, change the other files, then {printable(command)}")


def _check(asked: Exercise, folder: Path, as_json: bool) -> None:
    from mnistnn.course.beginning import command_for
    from mnistnn.course.judging import findings_of, is_solved
    from mnistnn.course.states import note, state_of
    from mnistnn.errors import CheckFailedError
    from mnistnn.storage.timestamp import now

    if asked.trains:
        _say("checking: the experiment may be trained for that, which takes up to a minute")
    found = findings_of(asked, folder)
    solved = is_solved(found)
    if as_json:
        rows = [asdict(finding) for finding in found]
        click.echo(
            json.dumps({"schema_version": _SCHEMA_VERSION, "exercise": asked.name, "solved": solved, "findings": rows})
        )
    else:
        _print(found)
    before = state_of(asked.name)
    note(asked.name, folder=str(folder.resolve()), passed=before.passed or (now() if solved else None))
    if not solved:
        wrong = sum(not finding.holds for finding in found)
        hint = "" if settings().quiet else f"; a hint: {command_for(asked, folder)} --hint"
        raise CheckFailedError(f"{asked.name} is not solved yet: {wrong} of {len(found)} checks do not hold{hint}")
    if not as_json:
        click.echo(f"solved: {asked.name}")
        _say(f"next: mnistnn course {asked.page}")


def _print(found: list[Finding]) -> None:
    for finding in found:
        first, *more = shortened(finding.said).split("\n")
        mark = "ok   " if finding.holds else "wrong"
        for line in wrapped([f"{mark}  {first}", *(f"       {line}" for line in more)]):
            click.echo(printable(line))


def _show_hint(asked: Exercise, hint: str) -> None:
    from mnistnn.course.exercise import MOST_HINTS
    from mnistnn.course.states import note, state_of

    shown = state_of(asked.name).hints
    number = min(shown + 1, MOST_HINTS) if hint == _NEXT else int(hint)
    note(asked.name, hints=max(shown, number))
    text = " ".join(asked.hints[number - 1].splitlines())
    for line in wrapped([f"hint {number} of {MOST_HINTS}: {text}"]):
        click.echo(line)


def _show_solution(asked: Exercise) -> None:
    from mnistnn.course.states import note, state_of
    from mnistnn.storage.timestamp import now

    note(asked.name, solution=state_of(asked.name).solution or now())
    for number, (file, text) in enumerate(asked.solution.items()):
        click.echo(("\n" if number else "") + f"{file}:")
        click.echo(text, nl=False)


def _say(text: str) -> None:
    if not settings().quiet:
        click.echo(text, err=True)
