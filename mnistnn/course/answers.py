"""Answers in words and numbers: the file `answers.yaml` of an exercise, one `key: value` a line."""

from collections.abc import Sequence
from pathlib import Path

from mnistnn.config.extends import read_mapping, read_source
from mnistnn.config.messages import Problem, ProblemError, config_error
from mnistnn.config.nodes import MappingNode, Scalar
from mnistnn.config.scalars import ScalarValue
from mnistnn.course.finding import WrongAnswerError
from mnistnn.errors import did_you_mean

FILE = "answers.yaml"


class Answers:
    """What somebody answered, by key. Each asked for raises WrongAnswerError if it is missing or cannot be one."""

    def __init__(self, values: dict[str, ScalarValue]) -> None:
        self._values = values

    def number(self, key: str) -> float:
        """Return a number."""
        value = self._given(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise WrongAnswerError(f"{key}: expected a number, such as 0.3, not '{value}'.")
        return float(value)

    def count(self, key: str) -> int:
        """Return a whole number."""
        value = self._given(key)
        if isinstance(value, bool) or not isinstance(value, int):
            raise WrongAnswerError(f"{key}: expected a whole number, such as 3, not '{value}'.")
        return value

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """Return one of several words."""
        value = self._given(key)
        said = {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
        if said not in choices:
            raise WrongAnswerError(f"{key}: expected one of {', '.join(choices)}, not '{said}'.")
        return said

    def _given(self, key: str) -> str | int | float | bool:
        value = self._values.get(key)
        if value is None:
            raise WrongAnswerError(f"{key}: not answered yet in {FILE}.")
        return value


def read_answers(folder: Path, keys: Sequence[str]) -> Answers:
    """Read `answers.yaml`. Raises ConfigError, at its line, for what is no YAML, and for a key that nobody wants."""
    path = folder / FILE
    problems: list[Problem] = []
    try:
        root = read_mapping(read_source(path, str(path)), problems)
    except ProblemError as error:
        raise config_error([error.problem]) from error
    values = {} if root is None else _values(root, keys, problems)
    if problems:
        raise config_error(problems)
    return Answers(values)


def _values(root: MappingNode, keys: Sequence[str], problems: list[Problem]) -> dict[str, ScalarValue]:
    values: dict[str, ScalarValue] = {}
    for key, entry in root.entries.items():
        if key not in keys:
            hint = did_you_mean(key, keys)
            problems.append(Problem(entry.key_place, "nobody asked for this", hint=hint, valid=", ".join(keys)))
        elif not isinstance(entry.value, Scalar):
            problems.append(Problem(entry.key_place, f"expected one value for {key}"))
        else:
            values[key] = entry.value.value
    return values
