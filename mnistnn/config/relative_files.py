"""Files that an experiment names: found from the working folder or, where there is none, beside the experiment file.

So a file that lies beside an experiment is found wherever the command is given, and what was found from the working
folder still is.
"""

import os

from mnistnn.config.nodes import Entry, KeyPath, ListNode, MappingNode, Node, Scalar

# Keys whose values are files; a number stands for any place in a list.
_FILES: tuple[KeyPath, ...] = (("data", "sequences", "path"), ("data", "table", "path"), ("preprocess", 0, "file"))


def names_a_file(path: KeyPath) -> bool:
    """Tell whether the value at a path of keys is the name of a file."""
    return tuple(0 if isinstance(part, int) else part for part in path) in _FILES


def with_files_found(root: MappingNode) -> MappingNode:
    """Return the tree in which the name of each file that lies beside the text that names it leads there."""
    for path in _FILES:
        changed = _found(root, path)
        assert isinstance(changed, MappingNode)
        root = changed
    return root


def _found(node: Node, path: KeyPath) -> Node:
    if not path:
        return _leading(node) if isinstance(node, Scalar) else node
    first, rest = path[0], path[1:]
    if isinstance(node, MappingNode) and first in node.entries:
        entry = node.entries[str(first)]
        return MappingNode({**node.entries, str(first): Entry(entry.key_place, _found(entry.value, rest))}, node.place)
    if isinstance(node, ListNode) and isinstance(first, int):
        return ListNode(tuple(_found(item, rest) for item in node.items), node.place)
    return node


def _leading(name: Scalar) -> Scalar:
    """Return the name of a file so that it leads there from the working folder."""
    source = name.place.source
    if not isinstance(name.value, str) or source.path is None or os.path.exists(name.value):
        return name
    if not os.path.isfile(source.path.parent / name.value):
        return name
    beside = os.path.normpath(os.path.join(os.path.dirname(source.name), name.value))
    return Scalar(beside, beside, name.place)
