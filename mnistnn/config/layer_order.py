"""`after: NAME` and `before: NAME` of a layer: where it stands, in whatever order files and overrides name the layers.

So an experiment that extends another one, or an override, can put a layer in. The two keys say nothing else and are
taken out here: an experiment that is written out whole has its layers in order.
"""

from mnistnn.config.messages import Problem
from mnistnn.config.nodes import Entry, MappingNode, Node, Scalar, find
from mnistnn.errors import did_you_mean

LAYERS = ("model", "layers")
AFTER, BEFORE = "after", "before"
MEANING = {
    AFTER: "The layer directly behind which this one stands; without it, and without `before`, the order is that of "
    "the file.",
    BEFORE: "The layer directly in front of which this one stands.",
}


def with_layers_in_order(tree: Node, problems: list[Problem]) -> Node:
    """Return the tree of an experiment with its layers where their `after` and `before` want them.

    Several layers behind the same one keep their order. A name that no layer has becomes a problem; a layer that is
    null, which removes it, still shows where it stood.
    """
    layers = find(tree, LAYERS)
    if not isinstance(layers, MappingNode):
        return tree
    for name, entry in layers.entries.items():
        if _is_null(entry.value) and entry.value.place.replaced is None:
            what = f"there is no layer '{name}' to be taken out"
            others = [other for other, each in layers.entries.items() if not _is_null(each.value)]
            problems.append(Problem(entry.key_place, what, hint=did_you_mean(name, others), valid=", ".join(others)))
    places = {name: found for name in layers.entries if (found := _place(layers, name, problems)) is not None}
    asks = any(_asks(entry.value) for entry in layers.entries.values())
    return _with_layers(tree, MappingNode(_ordered(layers, places, problems), layers.place)) if asks else tree


def _place(layers: MappingNode, name: str, problems: list[Problem]) -> tuple[str, str] | None:
    """Return where a layer says that it stands, as (`after` or `before`, of which layer); None if it does not."""
    layer = layers.value(name)
    if not isinstance(layer, MappingNode):
        return None
    said = {key: node for key in (AFTER, BEFORE) if (node := layer.value(key)) is not None and not _is_null(node)}
    if not said:
        return None
    key, node = list(said.items())[-1]
    others = [other for other, entry in layers.entries.items() if other != name and not _is_null(entry.value)]
    if len(said) > 1:
        what, hint = "a layer stands after or before another one, and not both", f"'{AFTER}: null' takes one back"
    elif not isinstance(node, Scalar) or not isinstance(node.value, str):
        what, hint = "expected the name of a layer", ""
    elif node.text == name:
        what, hint = f"layer '{name}' cannot stand {key} itself", ""
    elif node.text not in layers.entries:
        what, hint = f"there is no layer '{node.text}' to stand {key}", did_you_mean(node.text, others)
    else:
        return key, node.text
    problems.append(Problem(node.place, what, hint=hint, valid=", ".join(others)))
    return None


def _ordered(layers: MappingNode, places: dict[str, tuple[str, str]], problems: list[Problem]) -> dict[str, Entry]:
    """Return the layers, without what they say of their places, in order."""
    beside: dict[tuple[str, str], list[str]] = {}
    for name, place in places.items():
        beside.setdefault(place, []).append(name)
    order: list[str] = []
    ahead = [(name, False) for name in reversed(list(layers.entries)) if name not in places]
    while ahead:
        name, is_next = ahead.pop()
        if is_next:
            order.append(name)
            continue
        ahead += [(other, False) for other in reversed(beside.get((AFTER, name), ()))]
        ahead.append((name, True))
        ahead += [(other, False) for other in reversed(beside.get((BEFORE, name), ()))]
    circle = [name for name in layers.entries if name not in set(order)]
    if circle:
        what = f"layers stand beside each other in a circle: {', '.join(circle)}"
        problems.append(Problem(layers.entries[circle[0]].key_place, what))
    return {name: _without_place(layers.entries[name]) for name in (*order, *circle)}


def _asks(node: Node) -> bool:
    return isinstance(node, MappingNode) and not {AFTER, BEFORE}.isdisjoint(node.entries)


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.valid and node.value is None


def _without_place(entry: Entry) -> Entry:
    node = entry.value
    if not isinstance(node, MappingNode) or not _asks(node):
        return entry
    kept = {key: each for key, each in node.entries.items() if key not in (AFTER, BEFORE)}
    return Entry(entry.key_place, MappingNode(kept, node.place))


def _with_layers(tree: Node, layers: MappingNode) -> Node:
    assert isinstance(tree, MappingNode)
    model = tree.entries["model"]
    assert isinstance(model.value, MappingNode)
    entries = {**model.value.entries, "layers": Entry(model.value.entries["layers"].key_place, layers)}
    entry = Entry(model.key_place, MappingNode(entries, model.value.place))
    return MappingNode({**tree.entries, "model": entry}, tree.place)
