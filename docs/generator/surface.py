"""Pictures that `mnistnn plot --surface` draws, below the command and what it prints."""

import shlex
from collections.abc import Sequence
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
    return Surface(svg, _alternative(arguments[0], said), f"{_NOT_RUN}\n{fence(_command(arguments) + said, 'console')}")


@cache
def _run(arguments: tuple[str, ...]) -> tuple[str, str]:
    """Return the picture, and what is printed."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "surface.svg"
        done = CliRunner().invoke(plot, ["--surface", *arguments, "--out", str(out), "-q"])
        if done.exit_code:
            said = str(done.exception) if done.output == "" else done.output
            raise BlockError(f"surface: {said.strip()}")
        return out.read_text(encoding="utf-8"), done.output


def _command(arguments: Sequence[str]) -> str:
    """Return the command as it is typed; a long one over several lines."""
    words = ["$ mnistnn plot --surface", shlex.quote(arguments[0])]
    for word in arguments[1:]:
        words += [shlex.quote(word)] if not word.startswith("--") else [f"\0{word}"]
    line = " ".join(words).replace("\0", "")
    if len(line) > _LONGEST:
        line = " ".join(words).replace(" \0", " \\\n    ")
    return f"{line}\n"


def _alternative(name: str, said: str) -> str:
    """Return a text in the place of the picture: the surface, and the rules whose paths are on it."""
    rules = [line.partition(": ")[0] for line in said.splitlines() if not line.startswith("warning: ")]
    if not rules:
        return f"the surface {name}"
    return f"the path{'s' if len(rules) > 1 else ''} of {'; '.join(rules)} on the surface {name}"
