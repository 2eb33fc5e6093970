"""The identity of a file; an error of a reader becomes a part of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mnistnn.errors import ConfigError, MnistnnError

UNKNOWN = "unknown"

About = dict[str, Any]


@dataclass(frozen=True)
class Identity:
    """The identity of a file. `about` depends on the kind; `problem` says why the file is not whole, or not known."""

    kind: str
    about: About = field(default_factory=dict)
    problem: str | None = None


def attempt(kind: str, path: Path, look: Callable[[], Identity]) -> Identity:
    """Return what `look` finds, or a file of this kind with a problem."""
    try:
        return look()
    except ConfigError as error:
        return Identity(kind, {"mistakes": error.mistakes}, _reason(error, path))
    except MnistnnError as error:
        return Identity(kind, problem=_reason(error, path))
    except MemoryError:
        return Identity(kind, problem="there is not enough memory to look at it")


def _reason(error: MnistnnError, path: Path) -> str:
    """Return the first line of a message, without the path with which it begins."""
    line = str(error).splitlines()[0].removeprefix("error: ").removeprefix(str(path)).removeprefix(": ")
    return f"line {line[1:]}" if line.startswith(":") else line
