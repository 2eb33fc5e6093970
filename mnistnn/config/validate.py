"""A tree of nodes becomes a validated object, or a list of problems at the places that the user can see.

Pydantic does the checking, in its JSON mode, because components are strict: only there is a list fit for a
tuple and 1 for 1.0. It reports everything in one go. Each of its errors is turned into words from the
schema, so that a new component needs no messages of its own. A validator of a component may begin its
message with one of its keys and a colon (`momentum: must not …`); the message is then shown at that key.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from mnistnn.config.complain import UNKNOWN_KEY, complaints
from mnistnn.config.expected import SchemaBook
from mnistnn.config.locate import Located, locate
from mnistnn.config.messages import Problem
from mnistnn.config.nodes import MappingNode, Node, Scalar, find, plain, without

T = TypeVar("T")


@dataclass(frozen=True)
class Validator(Generic[T]):
    """Checks trees against one type. `also_at_root` are keys that were allowed and used before validation."""

    adapter: TypeAdapter[T]
    also_at_root: tuple[str, ...] = ()

    @cached_property
    def book(self) -> SchemaBook:
        """The JSON Schema; it is only needed to explain errors."""
        return SchemaBook(self.adapter.json_schema())

    def complete(self, found: T, tree: Node, is_claimed: bool) -> None:
        """Change an object that is valid as its tree, and what is known of its file, want it: not at all."""

    def validate(
        self, tree: Node, problems: list[Problem], gives_up: Callable[[], bool] = lambda: False
    ) -> tuple[T | None, Node]:
        """Return the object, and the tree without the keys that a null unset; None, and problems, if invalid.

        Without problems where it `gives_up`, which is asked before the words are looked for: that takes half a second.

        A null is a value where the schema has null; elsewhere it unsets its key, and the default counts. A key that
        the schema does not have is a mistake, whatever its value.
        """
        while True:
            try:
                return self.adapter.validate_json(json.dumps(plain(tree))), tree
            except ValidationError as error:
                if gives_up():
                    return None, tree
                errors = [(locate(self.book, e["loc"]), e) for e in error.errors(include_url=False)]
            unset = {located.path for located, error in errors if _is_unset(tree, located, error["type"])}
            if not unset:
                break
            tree = without(tree, unset)
        reported = {_position(problem) for problem in problems}
        found = complaints(self.book, tree, errors, self.also_at_root)
        problems += [problem for problem in found if _position(problem) not in reported]
        return None, tree

    def dump(self, value: T) -> dict[str, Any]:
        """Return plain data, every default written out, that validates to an equal object."""
        data: dict[str, Any] = self.adapter.dump_python(value, mode="json")
        return data


def type_first(data: Any) -> Any:
    """Return plain data for people to read: `type` comes first in every component, also before inherited fields.

    The order of everything else stays, also that of layers, one of which may be called `type`. Digests are taken of
    the order of `Validator.dump`, so that the way of showing a configuration is no part of its identity.
    """
    if isinstance(data, list):
        return [type_first(item) for item in data]
    if not isinstance(data, dict):
        return data
    first = {"type": data["type"]} if isinstance(data.get("type"), str) else {}
    return first | {key: type_first(value) for key, value in data.items()}


def _position(problem: Problem) -> tuple[int, int, int]:
    return id(problem.place.source), problem.place.line, problem.place.column


def _is_unset(tree: Node, located: Located, kind: str) -> bool:
    """Tell whether the error is about a null that stands for `as if this key were not there`."""
    node = find(tree, located.path)
    return (
        kind != UNKNOWN_KEY
        and isinstance(node, Scalar)
        and node.valid
        and node.value is None
        and not located.about_key
        and isinstance(find(tree, located.path[:-1]), MappingNode)
    )
