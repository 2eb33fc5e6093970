"""`optimizer.learning_rate=0.1` on the command line: one value changed, typed and merged as if a file had
said it.

Parts of the key are separated by dots; an item of a list is named by its number, counted from 0, or by its `type`, and
a type that no item has adds one. The value is YAML, so `layers.hidden={type: dense, units: 30}` and `penalties=null`
work too. Of two overrides of one key the later wins; changes of a `type` come first, so that they never discard a value
given beside them.
"""

from collections.abc import Sequence
from dataclasses import replace

from mnistnn.config.dump import scalar_yaml
from mnistnn.config.merge import merge
from mnistnn.config.messages import Problem, ProblemError, shorten
from mnistnn.config.nodes import Entry, ListNode, MappingNode, Node, Scalar, dotted
from mnistnn.config.parse import MAX_DEPTH, parse
from mnistnn.config.source import Place, Source
from mnistnn.storage.writing import is_text

NAME = "command line"


def settings_as_overrides(
    name: str | None = None, epochs: int | None = None, device: str | None = None, seed: int | None = None
) -> list[str]:
    """Write settings that stand for configuration keys as overrides; None says nothing."""
    given = {"name": name, "stopping.max_epochs.epochs": epochs, "backend.device": device, "seed": seed}
    return [f"{key}={scalar_yaml(value)}" for key, value in given.items() if value is not None]


def apply_overrides(
    tree: MappingNode, overrides: Sequence[str], problems: list[Problem], name: str = NAME
) -> MappingNode:
    """Return `tree` with every override in place; an override that cannot be applied becomes a problem.

    name  says where they were given
    """
    typed_first = sorted(overrides, key=lambda override: not override.partition("=")[0].endswith(".type"))
    node: Node = tree
    for override in typed_first:
        try:
            parts, value = _parse(override, problems, name)
            node = _set(node, parts, value, ())
        except ProblemError as error:
            problems.append(error.problem)
    assert isinstance(node, MappingNode)
    return node


# Lists at the root whose items are named by their type, also where an experiment leaves the list out.
_LISTS = ("stopping",)


def _parse(override: str, problems: list[Problem], name: str) -> tuple[list[str], Node]:
    """Return the parts of the key and the value. Raises ProblemError when there is no key or no value."""
    key, equals, text = override.partition("=")
    parts = key.strip().split(".")
    source = Source(name, text, override=override)
    if not equals or not all(parts) or len(parts) > MAX_DEPTH:
        raise ProblemError(Problem(Place(source, 0), "expected KEY=VALUE, such as optimizer.learning_rate=0.1"))
    if not is_text(override):
        raise ProblemError(Problem(Place(source, 0), "this is not UTF-8 text"))
    reported = len(problems)
    value = parse(source, problems)
    if value is None:
        if len(problems) > reported:
            raise ProblemError(problems.pop())
        hint = "null unsets a key, '\"\"' is empty text"
        raise ProblemError(Problem(Place(source, 0), "no value after the =", hint=hint))
    return parts, value


def _set(node: Node, parts: Sequence[str], value: Node, at: tuple[str, ...]) -> Node:
    """Return `node` with `value` merged into what is at `parts` below it. `at` is where `node` itself is."""
    if not parts:
        return merge(node, _over(value, node))
    head, rest = parts[0], parts[1:]
    if isinstance(node, ListNode):
        return _set_item(node, head, rest, value, at)
    if isinstance(node, MappingNode):
        below = node.value(head)
        if below is None or (isinstance(below, Scalar) and below.value is None and rest):
            is_list = not at and head in _LISTS and rest and not rest[0].isdecimal()
            new = _set(ListNode((), value.place), rest, value, (head,)) if is_list else _nest(rest, value)
        else:
            new = _set(below, rest, value, (*at, head))
        return merge(node, MappingNode({head: Entry(value.place, new)}, value.place))
    what = f"{dotted(at)} is {shorten(node.text)!r}, which has no keys of its own"
    raise ProblemError(Problem(replace(value.place, replaced=_in_file(node.place)), what))


def _nest(parts: Sequence[str], value: Node) -> Node:
    """Return `value` wrapped in a mapping for each of `parts`."""
    for part in reversed(parts):
        value = MappingNode({part: Entry(value.place, value)}, value.place)
    return value


def _over(value: Node, replaced: Node) -> Node:
    """Return `value` with a note of the place in a file that it takes over."""
    return replace(value, place=replace(value.place, replaced=_in_file(replaced.place)))


def _in_file(place: Place) -> Place | None:
    return place.replaced if place.source.override is not None else place


def _set_item(node: ListNode, head: str, rest: Sequence[str], value: Node, at: tuple[str, ...]) -> ListNode:
    """Return the list with the item that `head` names changed: by its number, or by its `type`.

    A type that no item has adds an item, so `stopping.max_epochs.epochs=3` caps the epochs of any experiment.
    """
    index = _index(node, head)
    if index is not None:
        item = _set(node.items[index], rest, value, (*at, head))
        return replace(node, items=(*node.items[:index], item, *node.items[index + 1 :]))
    if head.isdecimal() or not rest:
        count = len(node.items)
        items = "1 item" if count == 1 else f"{count} items"
        raise ProblemError(
            Problem(value.place, f"{dotted(at)} is a list of {items}, counted from 0: it has no '{shorten(head)}'")
        )
    named = MappingNode({"type": Entry(value.place, Scalar(head, head, value.place))}, value.place)
    return replace(node, items=(*node.items, merge(named, _nest(rest, value))))


def _index(node: ListNode, head: str) -> int | None:
    """Return the number of the item that `head` is the number or the `type` of."""
    if head.isdecimal():
        return int(head) if len(head) < 6 and int(head) < len(node.items) else None
    for index, item in enumerate(node.items):
        kind = item.value("type") if isinstance(item, MappingNode) else None
        if isinstance(kind, Scalar) and kind.value == head:
            return index
    return None
