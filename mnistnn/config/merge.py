"""How a later configuration changes an earlier one: mappings merge key by key, everything else is replaced.

Order is kept: keys of the earlier one stay where they are, new keys follow. A mapping whose `type` changes
is replaced whole, since the keys of one component mean nothing to another. A later null takes the place of
what was there; validation then unsets keys that are null where null is no value.
"""

from dataclasses import replace

from mnistnn.config.nodes import Entry, MappingNode, Node, Scalar


def merge(earlier: Node, later: Node) -> Node:
    """Return `earlier` changed by `later`."""
    if not _merge_by_key(earlier, later):
        if isinstance(later, Scalar) and later.value is None and later.place.replaced is None:
            later = replace(later, place=replace(later.place, replaced=earlier.place))  # so that it can be seen to
        return later
    assert isinstance(earlier, MappingNode)
    assert isinstance(later, MappingNode)
    entries = dict(earlier.entries)
    for key, entry in later.entries.items():
        entries[key] = _merge_entries(entries[key], entry) if key in entries else entry
    return MappingNode(entries, earlier.place)


def _merge_entries(earlier: Entry, later: Entry) -> Entry:
    # What a merged mapping lacks, or holds together, is the matter of the place that began it.
    owner = earlier if _merge_by_key(earlier.value, later.value) else later
    return Entry(owner.key_place, merge(earlier.value, later.value))


def _merge_by_key(earlier: Node, later: Node) -> bool:
    """Tell whether both are mappings of the same `type`; a mapping that names none takes the other's."""
    if not isinstance(earlier, MappingNode) or not isinstance(later, MappingNode):
        return False
    types = {_type(earlier), _type(later)} - {None}
    return len(types) < 2


def _type(node: MappingNode) -> str | None:
    """Return the type that a mapping names; None when it names none, or unsets it."""
    kind = node.value("type")
    return kind.text if isinstance(kind, Scalar) and kind.value is not None else None
