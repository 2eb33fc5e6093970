"""Asking the functions of a student's program, in a process of its own and with a limit of time."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mnistnn.course.finding import WrongAnswerError
from mnistnn.course.values_in_json import decode, encode

LIMIT_S = 30.0
"""No check may take longer: an exercise takes a second, and a loop without end must not hold up anybody."""

_RELATIVE, _ABSOLUTE = 1e-6, 1e-9  # of doubles, after few operations


class Returned:
    """What a call gave: a value, or why there is none."""

    def __init__(self, function: str, value: Any, problem: str | None) -> None:
        self.function, self.problem, self._value = function, problem, value

    @property
    def value(self) -> Any:
        """Raises WrongAnswerError if the call failed, or returned nothing."""
        if self.problem is not None:
            raise WrongAnswerError(self.problem)
        if self._value is None:
            raise WrongAnswerError(f"{self.function} returns None: it is not written yet, or has no `return`.")
        return self._value

    def array(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return an array of this shape. Raises WrongAnswerError for anything else."""
        return as_array(self.value, shape, f"{self.function} returns")

    def several(self, count: int) -> tuple[Any, ...]:
        """Return so many values. Raises WrongAnswerError for another number of them."""
        value = self.value
        if not isinstance(value, tuple) or len(value) != count:
            raise WrongAnswerError(
                f"{self.function} returns {_shown(value)}; expected {count} values, as at the start."
            )
        return value


def ask(path: Path, calls: Sequence[tuple[str, tuple[Any, ...]]], limit_s: float = LIMIT_S) -> list[Returned]:
    """Call functions of a program, each by its name and arguments. Raises WrongAnswerError if that takes too long, or
    ends the process.
    """
    with tempfile.TemporaryDirectory(prefix="mnistnn-exercise-") as folder:
        result = Path(folder) / "result.json"
        wanted = [{"function": name, "arguments": encode(arguments)} for name, arguments in calls]
        request = json.dumps({"file": str(path.resolve()), "calls": wanted, "result": str(result)})
        run_apart("mnistnn.course.student_process", request, path, limit_s, Path(folder))
        done = json.loads(result.read_text(encoding="utf-8"))
    return [
        Returned(name, decode(each.get("value")), each.get("problem"))
        for (name, _), each in zip(calls, done, strict=True)
    ]


def run_apart(module: str, request: str, path: Path, limit_s: float, folder: Path) -> None:
    """Run a module of mnistnn in a process of its own, which executes the file at `path`.

    Code that is trusted there is trusted by the file in `folder` alone. Raises WrongAnswerError if it does not end, or
    fails.
    """
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "MNISTNN_TRUST": str(folder / "trusted.json")}
    command = [sys.executable, "-P", "-m", module]  # -P: no module of the working folder in the place of another
    try:
        done = subprocess.run(
            command, input=request, capture_output=True, text=True, encoding="utf-8", timeout=limit_s, env=environment
        )
    except subprocess.TimeoutExpired as error:
        raise WrongAnswerError(f"{path.name} did not end within {limit_s:g} s. Is there a loop without end?") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise WrongAnswerError(f"{path.name} ended the process with code {done.returncode}: {last}")


def as_array(value: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """Return an array of numbers of this shape. Raises WrongAnswerError for anything else."""
    if isinstance(value, tuple | dict | str) or np.shape(value) != shape:
        raise WrongAnswerError(f"{what} {_shown(value)}; expected {_shape(shape)}.")
    return np.asarray(value, dtype=np.float64)


def close(found: Any, expected: Any) -> bool:
    """Tell whether numbers agree, but for rounding; NaN agrees with nothing."""
    return np.shape(found) == np.shape(expected) and bool(np.allclose(found, expected, _RELATIVE, _ABSOLUTE))


def kind_of_mistake(found: Any, mistakes: Sequence[tuple[Any, str]], otherwise: str) -> str:
    """Return the sentence about the first mistake that gives what was found; `otherwise` if none does."""
    return next((said for value, said in mistakes if close(found, value)), otherwise)


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return _shape(value.shape)
    if isinstance(value, tuple):
        return f"{len(value)} values"
    return f"'{value}'"[:60] if isinstance(value, str) else f"a {type(value).__name__}"


def _shape(shape: tuple[int, ...]) -> str:
    return f"an array of shape {shape}" if shape else "one number"
