"""Pydantic's errors in words for people: what is expected there, what was written, what may have been
meant.

The words come from the schema and from the tree; of pydantic's error only its kind and place are used.
Errors of all alternatives of a union become one problem. A key that is missing because it was misspelt is
reported once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pydantic_core import ErrorDetails

from mnistnn.config.expected import Schema, SchemaBook
from mnistnn.config.locate import Located
from mnistnn.config.messages import Problem, shorten
from mnistnn.config.nodes import KeyPath, ListNode, MappingNode, Node, Scalar, deepest, dotted, find, key_place
from mnistnn.config.other_names import key_here, meant_key, meant_type, meant_word
from mnistnn.config.scalars import ScalarError, resolve_plain
from mnistnn.config.source import Place
from mnistnn.errors import did_you_mean, nearest

UNKNOWN_KEY = "unexpected_keyword_argument"
_MISSING_KEY = "missing"
_EXTENDS = "extends"
_NAMES = {r"^[A-Za-z_][A-Za-z0-9_]*$": "a name has letters, digits and _, and begins with no digit"}
_OF_STEPS = ("optimizer", "stopping")  # keys without which no model is trained
_OPEN = ("model", "loss", "optimizer", "preprocess", "stopping", "pretrain")  # where types of one's own may be
# Errors of a value that is of the right kind.
_BEYOND_THE_KIND = {"union_tag_invalid", "union_tag_not_found", "value_error", "assertion_error"}
_BOOLEAN_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def complaints(
    book: SchemaBook, tree: Node, errors: Sequence[tuple[Located, ErrorDetails]], also_at_root: Iterable[str]
) -> list[Problem]:
    """Return one problem for every mistake. `also_at_root` are further keys that the top level may have."""
    words = _Words(book, tree, list(also_at_root))
    meant = {
        (*located.path[:-1], nearest(str(located.path[-1]), words.keys(located.path[:-1], located.parent)))
        for located, error in errors
        if error["type"] == UNKNOWN_KEY
    }
    meant |= {
        (*located.path[:-1], key_here(str(located.path[-1])))
        for located, error in errors
        if error["type"] == UNKNOWN_KEY
    }
    if any(path == (_EXTENDS,) for path in meant):  # whatever is missing may stand in the file that was meant
        meant |= {located.path for located, error in errors if error["type"] == _MISSING_KEY and len(located.path) == 1}
    if any(error["type"] == "union_tag_invalid" and located.path == ("model",) for located, error in errors):
        meant |= {(key,) for key in _OF_STEPS}  # the type that was meant may be one that is fitted
    return [
        words.problem(located, error)
        for located, error in _one_per_union(errors)
        if error["type"] != _MISSING_KEY or located.path not in meant
    ]


def _one_per_union(
    errors: Sequence[tuple[Located, ErrorDetails]],
) -> list[tuple[Located, ErrorDetails]]:
    """Merge the errors of a union's alternatives into one.

    An alternative that got further than the kind of the value, to its `type`, its own check or something inside it,
    speaks for the union: whoever writes a mapping need not hear that it is no number.
    """
    above = {located.path[:length] for located, _ in errors for length in range(len(located.path))}
    got_further = above | {located.path for located, error in errors if error["type"] in _BEYOND_THE_KIND}
    kept: list[tuple[Located, ErrorDetails]] = []
    seen: set[KeyPath] = set()
    for located, error in errors:
        if located.union and located.path == located.union[0]:
            is_mismatch = error["type"] not in _BEYOND_THE_KIND
            if located.path in seen or (is_mismatch and located.path in got_further):
                continue
            seen.add(located.path)
            located = Located(located.path, located.union[1], located.parent)
        kept.append((located, error))
    return kept


class _Words:
    """Words for the errors of one tree."""

    def __init__(self, book: SchemaBook, tree: Node, also_at_root: list[str]) -> None:
        self.book, self.tree, self.also_at_root = book, tree, also_at_root

    def problem(self, located: Located, error: ErrorDetails) -> Problem:
        """Return what to say about one error, and where."""
        said = self._say(located, error)
        return replace(said, place=self._with_origin(said.place, located.path))

    def _with_origin(self, place: Place, path: KeyPath) -> Place:
        """Note at a place inside an override's value where the value that the override took over was set."""
        if place.source.override is None or place.replaced is not None:
            return place
        value = find(self.tree, path[: _depth(place.source.override)])
        return replace(place, replaced=value.place.replaced) if value is not None else place

    def _say(self, located: Located, error: ErrorDetails) -> Problem:
        if located.about_key:
            return self._bad_name(located, error)
        match error["type"]:
            case "unexpected_keyword_argument":  # UNKNOWN_KEY; a case takes no name
                return self._unknown_key(located)
            case "missing":
                return self._missing_key(located)
            case "union_tag_invalid":
                return self._bad_type(located)
            case "union_tag_not_found":
                return self._no_type(located)
            case "value_error" | "assertion_error":
                return self._refused(located, str(error["ctx"]["error"]))
        return self._mismatch(located, error)

    def keys(self, path: KeyPath, schema: Schema) -> list[str]:
        """Return the keys that the mapping at `path` may have."""
        found = self.book.keys(schema)
        return found if path else [*found, *self.also_at_root]

    def _subject(self, path: KeyPath) -> str:
        """Name the component at `path`: `for optimizer of type sgd`."""
        kind = find(self.tree, (*path, "type"))
        name = f"for {dotted(path)}" if path else "at the top level"
        return f"{name} of type {shorten(kind.text)}" if path and isinstance(kind, Scalar) else name

    def _place(self, path: KeyPath) -> Place:
        """Return the place of a mapping: its key, its start in a list, the whole file at the top level."""
        return key_place(self.tree, path) if path else Place(self.tree.place.source, 0)

    def _unknown_key(self, located: Located) -> Problem:
        *above, key = located.path
        names = self.keys(tuple(above), located.parent)
        return Problem(
            key_place(self.tree, located.path),
            f"unknown key '{shorten(str(key))}' {self._subject(tuple(above))}",
            hint=meant_key(self.book, self.tree, located.path, names),
            valid=", ".join(names),
        )

    def _missing_key(self, located: Located) -> Problem:
        above, key = located.path[:-1], located.path[-1]
        what = f"missing key '{key}' {self._subject(above)}"
        kind = find(self.tree, ("model", "type"))
        if not above and key in _OF_STEPS and isinstance(kind, Scalar):
            what += f": a model of type {shorten(kind.text)} is trained by steps"
        return Problem(self._place(above), what, hint=f"add {key}: {self.book.describe(located.schema)}")

    def _bad_type(self, located: Located) -> Problem:
        names = list(self.book.tags(located.schema))
        node = find(self.tree, (*located.path, "type"))
        return Problem(
            node.place if node else self._place(located.path),
            f"unknown type for {dotted(located.path)}",
            got=_got(node),
            hint=self._meant_type(located, node.text, names) if isinstance(node, Scalar) else "",
            valid=", ".join(names),
        )

    def _meant_type(self, located: Located, word: str, names: list[str]) -> str:
        """Return a hint at the type that is meant: one of mnistnn, of an installed package, or of the user's own."""
        if hint := meant_word(word, names, "type"):
            return hint
        if str(located.path[0]) not in _OPEN:
            return ""
        from mnistnn.plugins.packages import packaged_types

        packages = packaged_types()
        if (near := nearest(word, packages)) is not None:
            return f"did you mean '{near}', of the package {packages[near]}?"
        return "a type of your own is in a file that --code names"

    def _no_type(self, located: Located) -> Problem:
        names = ", ".join(self.book.tags(located.schema))
        what = f"missing key 'type' {self._subject(located.path)}"
        written = find(self.tree, (*located.path, "type"))
        if written is not None:  # a null, or something already reported
            return Problem(written.place, what, valid=names)
        node = find(self.tree, located.path)
        misspelt = nearest("type", node.entries) if isinstance(node, MappingNode) else None
        if misspelt is None:
            parent = find(self.tree, located.path[:-1])
            siblings = parent.entries if isinstance(parent, MappingNode) and located.path else {}
            hint = did_you_mean(str(located.path[-1]), [each for each in siblings if each != located.path[-1]])
            return Problem(self._place(located.path), what, hint=hint, valid=names)
        place = key_place(self.tree, (*located.path, misspelt))
        return Problem(place, what, hint="did you mean 'type'?", valid=names)

    def _bad_name(self, located: Located, error: ErrorDetails) -> Problem:
        pattern = error.get("ctx", {}).get("pattern")
        what = f"the name '{shorten(str(located.path[-1]))}' is not allowed here"
        said = _NAMES.get(pattern or "", f"a name matches {pattern}")
        hint = said if pattern else error["msg"]
        return Problem(key_place(self.tree, located.path), what, hint=hint)

    def _refused(self, located: Located, message: str) -> Problem:
        """Show what a component's own validator said, at the key that its message begins with."""
        key, colon, rest = message.partition(": ")
        parts = (*located.path, *key.split("."))
        if colon and find(self.tree, parts) is not None:
            return Problem(self._value_place(parts), f"{dotted(parts)}: {rest}")
        prefix = f"{dotted(located.path)}: " if located.path else ""
        return Problem(self._place(located.path), prefix + message)

    def _value_place(self, path: KeyPath) -> Place:
        node = find(self.tree, path)
        return node.place if isinstance(node, Scalar) else self._place(path)

    def _mismatch(self, located: Located, error: ErrorDetails) -> Problem:
        node = find(self.tree, located.path)
        if not located.schema or node is None:
            where = deepest(self.tree, located.path)
            return Problem(self._place(where), f"{dotted(located.path)}: {error['msg']}")
        what = f"expected {self.book.describe(located.schema)}"
        hint = self._way_out(located.schema, node, str(located.path[-1]) if located.path else "")
        kinds = [branch.get("type") for branch in self.book.branches(located.schema)]
        named = self.book.types(located.schema)
        keys = self.keys(located.path, located.schema) if kinds == ["object"] and not named else []
        override = node.place.source.override
        if override is not None and len(located.path) > _depth(override):  # the argument alone does not tell which key
            what = f"{dotted(located.path)}: {what}, got {_got(node)}"
        return Problem(node.place, what, _got(node), hint, ", ".join(keys))

    def _way_out(self, schema: Schema, node: Node, key: str) -> str:
        """Guess from the schema what was meant by the value of a key that does not fit."""
        kinds = {str(branch.get("type")) for branch in self.book.branches(schema)}
        if (
            kinds == {"object"}
            and isinstance(node, ListNode)
            and any(map(self.book.entries, self.book.branches(schema)))
        ):
            return "each has a name of its own: 'NAME: {type: …}', and no '- '"
        if kinds == {"array"} and not isinstance(node, ListNode):
            return "write a list: [ … ], or one line with '- ' for each item"
        if not isinstance(node, Scalar):
            return ""
        types = self.book.types(schema)
        if isinstance(node.value, str):
            if (name := meant_type(node.text, types)) is not None:
                return f"write {{type: {name}}}"
            if "boolean" in kinds and node.text.lower() in _BOOLEAN_WORDS:
                return f"write {_BOOLEAN_WORDS[node.text.lower()]}"
            if kinds & {"integer", "number"} and _reads_as_number(node.text):
                return "leave the quotes out"
            return meant_word(node.text, self.book.literals(schema), key)
        if isinstance(node.value, float) and node.value.is_integer() and "integer" in kinds:
            return f"write {int(node.value)}" if abs(node.value) < 1e15 else ""
        if "string" in kinds and not self.book.literals(schema) and node.value is not None:
            return f"quotes make it text: '{shorten(node.text)}'"
        return ""


def _depth(override: str) -> int:
    """Return how many parts the key of an override has, which is how deep its value lies."""
    return override.partition("=")[0].count(".") + 1


def _got(node: Node | None) -> str:
    """Write a value as it was written, shortened."""
    match node:
        case Scalar(value=str()):
            return f"'{shorten(node.text)}'"
        case Scalar():
            return shorten(node.text) or "nothing"
        case ListNode():
            return "a list of 1" if len(node.items) == 1 else f"a list of {len(node.items)}"
        case MappingNode():
            return "a mapping" if node.entries else "an empty mapping"
    return "nothing"


def _reads_as_number(text: str) -> bool:
    try:
        return isinstance(resolve_plain(text), int | float)
    except ScalarError:
        return False
