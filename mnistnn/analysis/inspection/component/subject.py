"""The component that is judged: of a file of code or of mnistnn, with the values of its keys."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mnistnn.config.messages import Problem, config_error
from mnistnn.config.nodes import MappingNode, plain
from mnistnn.config.overrides import apply_overrides
from mnistnn.config.source import Place, Source
from mnistnn.config.validate import Validator
from mnistnn.errors import UsageError, did_you_mean
from mnistnn.plugins.decorators import kind_of
from mnistnn.plugins.execution import classes_of, line_of
from mnistnn.plugins.given import given_code
from mnistnn.plugins.kinds import KINDS
from mnistnn.plugins.names import KindName

_VALUES: tuple[Any, ...] = (0.05, 3, 0.5, 1, 2.0, 8, [3], [3, 3], True, "a")
"""What a key may be that has no default, if nobody says: the first that it takes."""


@dataclass(frozen=True)
class Subject:
    """A component with values for its keys.

    name     its type, as an experiment has it
    place    file and line; None for one of mnistnn
    keys     the values that differ from the defaults, as given or made up
    made_up  the keys among them that nobody gave
    """

    kind: KindName
    name: str
    cls: type
    place: str | None
    keys: dict[str, Any]
    made_up: tuple[str, ...]

    @property
    def words(self) -> str:
        """What it is, in words: the layer maxout (maxout.py:12)."""
        kind = KINDS[self.kind].words.partition(" ")[2]
        return f"{kind} {self.name}" + ("" if self.place is None else f" ({self.place})")

    def make(self) -> Any:
        """Return a fresh instance."""
        return TypeAdapter(self.cls).validate_json(json.dumps(self.keys))


def subjects_of(target: str, settings: Sequence[str], only: str | None = None) -> list[Subject]:
    """Return the components of a file of code, or the one of mnistnn that has a type.

    settings  KEY=VALUE for its keys, if it is one
    only      the type of the one that is meant, of several

    Raises ConfigError for code that cannot be loaded, and for a value that a key cannot have; UsageError for a type
    that there is not, or a component that needs more than values.
    """
    found = _of_file(Path(target)) if target.endswith(".py") else _of_mnistnn(target)
    if only is not None:
        known = [_type_of(cls) for _, cls, _ in found]
        found = [each for each in found if _type_of(each[1]) == only]
        if not found:
            raise UsageError(f"{target} has no {only}; it has {', '.join(known)}{did_you_mean(only, known, '; ')}")
    if settings and len(found) > 1:
        raise UsageError(
            f"{target} has {', '.join(_type_of(cls) for _, cls, _ in found)}; --type says whose keys these are"
        )
    return [_subject(kind, cls, place, settings) for kind, cls, place in found]


def _of_file(path: Path) -> list[tuple[KindName, type, str | None]]:
    found: list[tuple[KindName, type, str | None]] = []
    for file in given_code(path).files:
        for cls in classes_of(file):
            kind = kind_of(cls)
            assert kind is not None
            found.append((kind, cls, f"{file.name}:{line_of(cls)}"))
    return found


def _of_mnistnn(name: str) -> list[tuple[KindName, type, str | None]]:
    known: dict[str, list[tuple[KindName, type, str | None]]] = {}
    for kind_name, kind in KINDS.items():
        for type_name, cls in kind.types.items():
            if issubclass(cls, kind.bases):
                known.setdefault(type_name, []).append((kind_name, cls, None))
    if name not in known:
        raise UsageError(
            f"'{name}' is neither a file of Python, whose name ends with .py, nor the type of a layer, an optimizer, a "
            f"loss of classifiers, a transform, a policy or a fitted model of mnistnn{did_you_mean(name, known, '; ')}"
        )
    return known[name]


def _type_of(cls: type) -> str:
    declared: dict[str, Any] = cls.__dataclass_fields__  # type: ignore[attr-defined]
    return str(declared["type"].default)


def _subject(kind: KindName, cls: type, place: str | None, settings: Sequence[str]) -> Subject:
    if hasattr(cls, "find_members_by"):
        raise UsageError(f"{_type_of(cls)} consists of runs, and is nothing without them")
    adapter: TypeAdapter[Any] = TypeAdapter(cls)
    problems: list[Problem] = []
    start = MappingNode({}, Place(Source("command line", ""), 0))
    given = plain(apply_overrides(start, settings, problems))
    made_up = {} if problems else _made_up(adapter, given, _type_of(cls))
    overrides = [*settings, *(f"{key}={json.dumps(value)}" for key, value in made_up.items())]
    tree = apply_overrides(start, overrides, problems := [])
    instance, _ = Validator(adapter).validate(tree, problems)
    if problems or instance is None:
        raise config_error(problems)
    return Subject(kind, _type_of(cls), cls, place, given | made_up, tuple(made_up))


def _made_up(adapter: TypeAdapter[Any], given: dict[str, Any], name: str) -> dict[str, Any]:
    """Return values for the keys that have no default and are not given. Raises UsageError where none is found."""
    made_up: dict[str, Any] = {}
    while (missing := _errors(adapter, given | made_up, "missing")) and missing[0] not in made_up:
        key = missing[0]
        words = adapter.json_schema().get("properties", {}).get(key, {}).get("enum", [])
        for value in (*words, *_VALUES):
            if key not in _errors(adapter, given | made_up | {key: value}):
                made_up[key] = value
                break
        else:
            raise UsageError(f"{name} needs a value for {key}: give {key}=…")
    return made_up


def _errors(adapter: TypeAdapter[Any], values: dict[str, Any], kind: str | None = None) -> list[str]:
    """Return the keys whose values are wrong, or wrong in one way."""
    try:
        adapter.validate_json(json.dumps(values))
    except ValidationError as error:
        return [str(each["loc"][0]) for each in error.errors() if each["loc"] and kind in (None, each["type"])]
    return []
