"""YAML text becomes a tree of nodes, with limits that hold for hostile text too.

Only PyYAML's scanner and parser are used, as a source of events: no resolver, no constructor, no global
state, so no tag can name code and no word is typed by YAML 1.1 rules. Depth, number of nodes and the growth
through aliases are bounded. Mistakes that leave the structure readable (an ambiguous number, a duplicate
key, a tag) are collected; others end the reading of this text.
"""

from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.scanner import Scanner

from mnistnn.config.messages import Problem, ProblemError, shorten
from mnistnn.config.nodes import Entry, ListNode, MappingNode, Node, Scalar
from mnistnn.config.scalars import ScalarError, ScalarValue, resolve_plain
from mnistnn.config.source import Place, Source, place_at

MAX_DEPTH = 32
MAX_NODES = 10_000

_HINTS = {
    "'\\t' that cannot start": "indent with spaces, not with tabs",
    "cannot start any token": "put the value in quotes",
    "mapping values are not allowed": "one 'key: value' per line, indented as its neighbours are; "
    "a value that contains ': ' goes in quotes",
    "expected <block end>": "check the indentation: lines of one mapping start in the same column",
    "could not find expected ':'": "a key is followed by a colon and a space",
    "unexpected end of stream": "a quote or a bracket is never closed",
    "expected ',' or": "a comma or a closing bracket is missing",
}


class _Events(Reader, Scanner, Parser):
    """PyYAML's text-to-events part alone."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)


@dataclass(frozen=True, slots=True)
class _Anchored:
    """A node that aliases may repeat, with what each repetition costs."""

    node: Node
    nodes: int
    height: int


def parse(source: Source, problems: list[Problem]) -> Node | None:
    """Return the tree of the one document in `source`; append what is wrong to `problems`.

    None when the text cannot be read to its end, or has no content at all (which is not reported here).
    """
    try:
        return _Builder(source, problems).document()
    except ProblemError as error:
        problems.append(error.problem)
        return None


@dataclass(slots=True)
class _Builder:
    """Turns the events of one text into nodes, depth first.

    Events are typed Any: PyYAML's stubs give the fields of each kind as optional, or not at all.
    """

    source: Source
    problems: list[Problem]
    events: _Events = field(init=False)
    anchors: dict[str, _Anchored] = field(default_factory=dict)
    open_anchors: set[str] = field(default_factory=set)
    nodes: int = 0

    def document(self) -> Node | None:
        self._open()
        self._next()  # the start of the stream
        start = self._next()
        if isinstance(start, yaml.StreamEndEvent):
            return None
        if start.version or start.tags:
            self._stop(self._place(start), "YAML directives (lines that begin with %) are not allowed")
        first = self._next()
        empty = isinstance(first, yaml.ScalarEvent) and not first.value and first.style is None
        root, _ = self._node(first, 1)
        self._next()  # the end of the document
        end = self._next()
        if not isinstance(end, yaml.StreamEndEvent):
            self._stop(self._place(end), "a second document begins here", "a configuration is one document")
        return None if empty else root

    def _open(self) -> None:
        try:
            self.events = _Events(self.source.text)
        except ReaderError as error:
            character = ord(self.source.text[error.position])
            what = f"the character U+{character:04X} is not allowed in YAML"
            self._stop(place_at(self.source, error.position), what)

    def _next(self) -> Any:
        """Return the next event, with every way in which PyYAML fails turned into a problem with a place."""
        try:
            event = self.events.get_event()  # type: ignore[no-untyped-call]
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark or self.events.get_mark()
            problem = error.problem or "not readable"
            hint = next((hint for part, hint in _HINTS.items() if part in problem), "")
            place = Place(self.source, mark.line + 1, mark.column + 1)
            began = error.context_mark if error.context and error.context_mark else mark
            also = (Place(self.source, began.line + 1, began.column + 1), f"{error.context} that begins here")
            what = f"not valid YAML: {problem}"
            raise ProblemError(
                Problem(place, what, hint=hint, also=also if began.line != mark.line else None)
            ) from error
        except (ValueError, IndexError, KeyError, AttributeError, OverflowError, yaml.YAMLError) as error:
            # What PyYAML leaks on hostile text: an escape past the last character, a number of many digits.
            mark = self.events.get_mark()
            place = Place(self.source, mark.line + 1, mark.column + 1)
            self._stop(place, f"not valid YAML: {shorten(str(error))}")
        return event

    def _node(self, event: Any, depth: int) -> tuple[Node, int]:
        """Return the node that begins with `event`, and its height (1 for a scalar)."""
        place = self._place(event)
        self._count(1, depth, place)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth, place)
        anchor, nodes_before = event.anchor, self.nodes
        if anchor is not None:
            self.open_anchors.add(anchor)
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node, height = self._scalar(event, place), 1
        elif isinstance(event, yaml.SequenceStartEvent):
            node, height = self._list(depth, place)
        else:
            node, height = self._mapping(depth, place)
        if event.tag is not None:
            what = f"tags are not allowed: {shorten(event.tag)}"
            self.problems.append(Problem(place, what, hint="leave the tag out; quotes make a value text"))
            node = Scalar(None, "", place, valid=False)
        if anchor is not None:
            self.open_anchors.discard(anchor)
            self.anchors[anchor] = _Anchored(node, self.nodes - nodes_before + 1, height)
        return node, height

    def _alias(self, event: Any, depth: int, place: Place) -> tuple[Node, int]:
        known = self.anchors.get(event.anchor)
        if event.anchor in self.open_anchors:
            self._stop(place, f"the alias '*{shorten(event.anchor)}' stands inside what it repeats")
        if known is None:
            self._stop(place, f"the alias '*{shorten(event.anchor)}' repeats nothing: no such anchor before it")
        self._count(known.nodes, depth + known.height - 1, place)
        return known.node, known.height

    def _list(self, depth: int, place: Place) -> tuple[ListNode, int]:
        items, height = [], 0
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            item, item_height = self._node(event, depth + 1)
            items.append(item)
            height = max(height, item_height)
        return ListNode(tuple(items), place), height + 1

    def _mapping(self, depth: int, place: Place) -> tuple[MappingNode, int]:
        entries: dict[str, Entry] = {}
        height = 0
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key, key_place = self._key(event, depth)
            value, value_height = self._node(self._next(), depth + 1)
            height = max(height, value_height)
            if key is None:
                continue
            if key in entries:
                also = (entries[key].key_place, "first given here")
                what = f"duplicate key '{shorten(key)}'"
                self.problems.append(Problem(key_place, what, hint="given again here", also=also))
                continue
            entries[key] = Entry(key_place, value)
        return MappingNode(entries, place), height + 1

    def _key(self, event: Any, depth: int) -> tuple[str | None, Place]:
        """Return a key and its place; None for a key that is refused, its reason already reported."""
        place = self._place(event)
        reported = len(self.problems)
        node, _ = self._node(event, depth + 1)
        if len(self.problems) > reported:
            return None, place
        if not isinstance(node, Scalar):
            self.problems.append(Problem(place, "a key must be one word of text"))
            return None, place
        if node.text == "<<" and event.style is None:
            hint = "use 'extends: other.yaml' at the top of the file"
            self.problems.append(Problem(place, "merge keys (<<) are not allowed", hint=hint))
            return None, place
        if not isinstance(node.value, str):
            hint = f"put it in quotes: '{shorten(node.text)}'"
            if isinstance(node.value, int | float):
                hint += "; or, if this was a decimal comma, write a point"
            self.problems.append(Problem(place, "a key must be text", got=shorten(node.text) or "nothing", hint=hint))
            return None, place
        return node.value, place

    def _scalar(self, event: Any, place: Place) -> Scalar:
        text: str = event.value
        value: ScalarValue = text
        if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
            self.problems.append(Problem(place, "half a surrogate pair is not a character"))
            return Scalar(None, text, place, valid=False)
        if event.style is None:
            try:
                value = resolve_plain(text)
            except ScalarError as error:
                self.problems.append(Problem(place, str(error), got=shorten(text), hint=shorten(error.hint, 120)))
                return Scalar(None, text, place, valid=False)
        return Scalar(value, text, place)

    def _count(self, nodes: int, depth: int, place: Place) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            self._stop(place, f"more than {MAX_NODES} values, aliases counted each time they are used")
        if depth > MAX_DEPTH:
            self._stop(place, f"nested deeper than {MAX_DEPTH} levels")

    def _place(self, event: Any) -> Place:
        start, end = event.start_mark, event.end_mark
        on_one_line = isinstance(event, yaml.ScalarEvent | yaml.AliasEvent) and start.line == end.line
        return Place(
            self.source,
            start.line + 1,
            start.column + 1,
            max(1, end.column - start.column) if on_one_line else 1,
        )

    def _stop(self, place: Place, what: str, hint: str = "") -> NoReturn:
        raise ProblemError(Problem(place, what, hint=hint))
