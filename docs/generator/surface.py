"""Pictures that `mnistnn plot --surface` draws, below the command and what it prints."""

import re
import shlex
from collections.abc import Sequence
from contextlib import chdir
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from click.testing import CliRunner
from generator.blocks import BlockError
from generator.markdown import fence

from mnistnn.cli.plot import plot

# Else the tests of pages would draw each picture once more.
_NOT_RUN = "<!-- not run: the picture and these lines are compared by tests/docs/test_course.py -->"
_LONGEST = 110  # characters of a line of the command
_END = re.compile(r"(.*): (?:after \d+ steps?|diverged) at .*")


@dataclass(frozen=True)
class Surface:
    """A picture, what stands in its place, and the fence with its command."""

    svg: str
    alternative: str
    fence: str


def drawn(arguments: Sequence[str]) -> Surface:
    """Return what the command draws and prints with these arguments behind --surface.

    Raises BlockError with what the command says if it draws nothing.
    """
    if not arguments:
        raise BlockError("surface needs the arguments of mnistnn plot --surface")
    svg, said = _run(tuple(arguments))
    text = f"{_NOT_RUN}\n{fence(_command(arguments) + said, 'console')}"
    return Surface(svg, _alternative(arguments[0], said), text)


@cache
def _run(arguments: tuple[str, ...]) -> tuple[str, str]:
    """Return the picture, and what is printed."""
    file = _file(arguments)
    with TemporaryDirectory() as folder, chdir(folder):
        done = CliRunner().invoke(plot, ["--surface", *arguments, "--out", file])
        if done.exit_code:
            said = str(done.exception) if done.output == "" else done.output
            raise BlockError(f"surface: {said.strip()}")
        return Path(file).read_text(encoding="utf-8"), done.output


def _file(arguments: Sequence[str]) -> str:
    return f"{arguments[0]}.svg"


def _command(arguments: Sequence[str]) -> str:
    """Return the command as it is typed; a long one over several lines, which are not broken within an option."""
    options = [["$ mnistnn plot --surface"]]
    for word in (*arguments, "--out", _file(arguments)):
        if word.startswith("--"):
            options.append([])
        options[-1].append(shlex.quote(word))
    lines = [""]
    for option in map(" ".join, options):
        if lines[-1] and len(lines[-1]) + len(option) > _LONGEST:
            lines.append("   ")
        lines[-1] = f"{lines[-1]} {option}" if lines[-1] else option
    return " \\\n".join(lines) + "\n"


def _alternative(name: str, said: str) -> str:
    """Return a text in the place of the picture: the surface, and the rules whose paths are on it."""
    rules = [found[1] for line in said.splitlines() if (found := _END.fullmatch(line))]
    if not rules:
        return f"the surface {name}"
    return f"the path{'s' if len(rules) > 1 else ''} of {'; '.join(rules)} on the surface {name}"
