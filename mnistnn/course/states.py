"""What somebody did with the exercises: begun, hints and solutions shown, passed; in a file of the user's.

The file is $MNISTNN_COURSE, or course.json in the user's data folder.
"""

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from mnistnn.course.exercise import MOST_HINTS
from mnistnn.errors import RunError
from mnistnn.storage.changing import changing
from mnistnn.storage.reading import read_file
from mnistnn.storage.sealed_json import parse_as, seal_json
from mnistnn.storage.writing import write_atomically

SCHEMA_VERSION = 1
_MAX_BYTES = 1 << 22
_STRICT = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, config=_STRICT)
class State:
    """How somebody stands with one exercise. Times are ISO 8601 with zone.

    folder    where it was begun, or checked last
    begun     when its folder was made
    hints     how many were shown
    solution  when it was first shown
    passed    when its check was first passed
    """

    name: str
    folder: str | None = None
    begun: str | None = None
    hints: Annotated[int, Field(ge=0, le=MOST_HINTS)] = 0
    solution: str | None = None
    passed: str | None = None

    @property
    def words(self) -> str:
        """How it stands, in a few words; empty if nothing was done."""
        if self.passed is not None:
            how = ", after its solution was shown" if self.solution is not None and self.solution <= self.passed else ""
            return f"passed {self.passed[:10]}{how}"
        if self.solution is not None:
            return "solution shown"
        hints = ("", ", one hint shown", ", two hints shown")[self.hints]
        return f"begun{hints}" if self.begun else hints.removeprefix(", ")


@dataclass(frozen=True, config=_STRICT)
class _Content:
    schema_version: int
    exercises: list[State]


_CONTENT = TypeAdapter(_Content)


def states_file() -> Path:
    """Return where states are kept; the file need not exist."""
    named = os.environ.get("MNISTNN_COURSE")
    return Path(named).expanduser() if named else Path(platformdirs.user_data_dir("mnistnn")) / "course.json"


def read_states() -> dict[str, State]:
    """Return the states of exercises by their names, of those that have one. Raises RunError for a damaged file."""
    path = states_file()
    if not path.exists():
        return {}
    try:
        content = parse_as(_CONTENT, read_file(path, _MAX_BYTES), str(path), "states of exercises", SCHEMA_VERSION)
    except RunError as error:
        raise RunError(f"{error}; remove that file: no exercise counts as passed then, and answers stay") from error
    return {state.name: state for state in content.exercises}


def state_of(name: str) -> State:
    """Return the state of one exercise. Raises RunError as `read_states`."""
    return read_states().get(name, State(name))


def note(name: str, **changes: Any) -> State:
    """Change the state of an exercise, and return it. Raises RunError, ResourceError, BusyError."""
    path = states_file()
    with changing(path):
        states = read_states()
        states[name] = replace(states.get(name, State(name)), **changes)
        write_atomically(path, seal_json(asdict(_Content(SCHEMA_VERSION, list(states.values())))))
    return states[name]
