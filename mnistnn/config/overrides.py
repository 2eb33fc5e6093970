"""`optimizer.learning_rate=0.1` on the command line: one value changed, typed and merged as if a file had
said it.

Parts of the key are separated by dots; an item of a list is named by its number, counted from 0. The value
is YAML, so `layers.hidden={type: dense, units: 30}` and `penalties=null` work too. Of two overrides of one
key the later wins; changes of a `type` come first, so that they never discard a value given beside them.
"""

from collections.abc import Sequence
from dataclasses import replace

from mnistnn.config.merge import merge
from mnistnn.config.messages import Problem, ProblemError, shorten
from mnistnn.config.nodes import Entry, ListNode, MappingNode, Node, Scalar, dotted
from mnistnn.config.parse import MAX_DEPTH, parse
from mnistnn.config.source import Place, Source

NAME = "command line"


def apply_overrides(tree: MappingNode, overrides: Sequence[str], problems: list[Problem]) -> MappingNode:
    """Return `tree` with every override in place; an override that cannot be applied becomes a problem."""
    typed_first = sorted(overrides, key=lambda override: not override.partition("=")[0].endswith(".type"))
    node: Node = tree
    for override in typed_first:
        try:
            parts, value = _parse(override, problems)
            node = _set(node, parts, value, ())
        except ProblemError as error:
            problems.append(error.problem)
    assert isinstance(node, MappingNode)
    return node


def _parse(override: str, problems: list[Problem]) -> tuple[list[str], Node]:
    """Return the parts of the key and the value. Raises ProblemError when there is no key or no value."""
    key, equals, text = override.partition("=")
    parts = key.strip().split(".")
    source = Source(NAME, text, override=override)
    if not equals or not all(parts) or len(parts) > MAX_DEPTH:
        raise ProblemError(Problem(Place(source, 0), "expected KEY=VALUE, such as optimizer.learning_rate=0.1"))
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
        index = _index(node, head, value.place, at)
        item = _set(node.items[index], rest, value, (*at, head))
        return replace(node, items=(*node.items[:index], item, *node.items[index + 1 :]))
    if isinstance(node, MappingNode):
        below = node.value(head)
        if below is None or (isinstance(below, Scalar) and below.value is None and rest):
            new = _nest(rest, value)
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


def _index(node: ListNode, part: str, place: Place, at: tuple[str, ...]) -> int:
    count = len(node.items)
    if part.isdecimal() and len(part) < 6 and int(part) < count:
        return int(part)
    items = "1 item" if count == 1 else f"{count} items"
    raise ProblemError(
        Problem(place, f"{dotted(at)} is a list of {items}, counted from 0: it has no '{shorten(part)}'")
    )
