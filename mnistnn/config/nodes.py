"""The tree that a configuration text becomes: mappings, lists and scalars, each with its place.

Trees are never changed in place: merging and unsetting build new ones that share their parts. They are what
messages point into, so they stay with a loaded experiment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mnistnn.config.scalars import ScalarValue
from mnistnn.config.source import Place

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Scalar:
    """One value. `text` is what was written; `valid` is false once a problem was reported for it."""

    value: ScalarValue
    text: str
    place: Place
    valid: bool = True


@dataclass(frozen=True, eq=False, slots=True)
class ListNode:
    """A list."""

    items: tuple["Node", ...]
    place: Place


@dataclass(frozen=True, eq=False, slots=True)
class Entry:
    """One key of a mapping, with the place of the key and its value."""

    key_place: Place
    value: "Node"


@dataclass(frozen=True, eq=False, slots=True)
class MappingNode:
    """A mapping with text keys, in the order of the file."""

    entries: Mapping[str, Entry] = field(repr=False)
    place: Place

    def value(self, key: str) -> "Node | None":
        """Return the value of `key`, or None when the mapping lacks it."""
        entry = self.entries.get(key)
        return entry.value if entry else None


Node = Scalar | ListNode | MappingNode


def plain(node: Node) -> Any:
    """Return the tree as dicts, lists and scalars, ready for JSON. A value that is not valid becomes None."""
    match node:
        case MappingNode():
            return {key: plain(entry.value) for key, entry in node.entries.items()}
        case ListNode():
            return [plain(item) for item in node.items]
        case Scalar():
            return node.value if node.valid else None


def find(node: Node, path: Sequence[str | int]) -> Node | None:
    """Return the node at `path`, or None. An index of a list may be given as text."""
    for part in path:
        child = _child(node, part)
        if child is None:
            return None
        node = child
    return node


def _child(node: Node, part: str | int) -> Node | None:
    if isinstance(node, MappingNode):
        return node.value(str(part))
    if isinstance(node, ListNode) and str(part).isdecimal() and len(str(part)) < 6:
        index = int(part)
        return node.items[index] if index < len(node.items) else None
    return None


def deepest(node: Node, path: KeyPath) -> KeyPath:
    """Return the longest beginning of `path` that exists in the tree."""
    for length in range(len(path), 0, -1):
        if find(node, path[:length]) is not None:
            return path[:length]
    return ()


def key_place(root: Node, path: KeyPath) -> Place:
    """Return the place of the key that holds the node at `path`; of the node in a list and at the root."""
    parent = find(root, path[:-1]) if path else None
    if isinstance(parent, MappingNode) and path[-1] in parent.entries:
        return parent.entries[str(path[-1])].key_place
    node = find(root, path)
    return node.place if node is not None else root.place


def without(node: Node, paths: set[KeyPath], at: KeyPath = ()) -> Node:
    """Return the tree without the mapping entries at `paths`."""
    match node:
        case MappingNode():
            kept = {
                key: Entry(entry.key_place, without(entry.value, paths, (*at, key)))
                for key, entry in node.entries.items()
                if (*at, key) not in paths
            }
            return MappingNode(kept, node.place)
        case ListNode():
            return ListNode(
                tuple(without(item, paths, (*at, index)) for index, item in enumerate(node.items)), node.place
            )
        case Scalar():
            return node


def dotted(path: Sequence[str | int]) -> str:
    """Write a path as people do on the command line: `stopping.0.epochs`."""
    return ".".join(str(part) for part in path)
