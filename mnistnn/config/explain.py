"""Explanation of a key: the values it takes, its default, and the words of the component that it belongs to.

Everything is read from the JSON Schema of the components, so nothing is documented twice. A key is given as
in an override (`optimizer.learning_rate`), with a `type` where components are chosen
(`stopping.lisa_patience.updates`), and may begin at any key or type of the schema (`layers.dense`).
"""

import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from mnistnn.config.expected import Schema, SchemaBook
from mnistnn.config.messages import safe, shorten
from mnistnn.config.other_names import key_here
from mnistnn.errors import ConfigError, did_you_mean, nearest

_WIDTH = 96


@dataclass(frozen=True, slots=True)
class _Meaning:
    """A schema that a key leads to. `owner` is the type of the component that has the key, one of `types`."""

    schema: Schema
    owner: str = ""
    types: frozenset[str] = frozenset()
    required: bool | None = None  # None: not a key of a component, but a component itself


def explain(book: SchemaBook, key: str | None) -> str:
    """Return the text that explains `key`, or the whole experiment. Raises ConfigError for an unknown key."""
    if key is None:
        return "\n".join(_component_lines(book, book.root))
    parts = key.split(".")
    if not all(parts):
        raise _unknown(key, _everything(book), "a key or a type", key)
    meanings = _lookup(book, [_Meaning(book.root)], parts[0]) or _search(book, parts[0])
    if not meanings:
        if (here := key_here(parts[0])) != parts[0]:
            return explain(book, ".".join([here, *parts[1:]]))
        raise _unknown(parts[0], _everything(book), "a key or a type", key)
    for part in parts[1:]:
        above, meanings = meanings, _lookup(book, meanings, part)
        if not meanings:
            raise _unknown(part, _names(book, above), "a part", key)
    same: dict[tuple[str, ...], list[_Meaning]] = {}
    for meaning in meanings:
        same.setdefault(tuple(_meaning_lines(book, meaning)), []).append(meaning)
    return "\n\n".join("\n".join([_heading(key, sharing), *lines]) for lines, sharing in same.items())


def _heading(key: str, sharing: list[_Meaning]) -> str:
    """Name the key, and the types of component for which it means the same."""
    owners = {meaning.owner: None for meaning in sharing if meaning.owner}
    if len(owners) < 2:
        return key + "".join(f"  (type {owner})" for owner in owners)
    if owners.keys() == sharing[0].types:
        return f"{key}  (all types)"
    return textwrap.fill(f"{key}  (types {', '.join(owners)})", _WIDTH, subsequent_indent="    ")


def _unknown(part: str, names: list[str], what: str, key: str) -> ConfigError:
    of = f" of '{safe(shorten(key))}'" if part != key else ""
    advice = did_you_mean(part, names) or f"there are: {', '.join(names)}"
    return ConfigError(f"'{safe(shorten(part))}'{of} is not {what} of an experiment; {advice}", key)


def _components(book: SchemaBook, schema: Schema) -> dict[str, Schema]:
    """Return the components that a value, or an item of it, can be, by type; by '' if it has no type."""
    found: dict[str, Schema] = {}
    for branch in book.branches(schema):
        if inner := _element(book, branch):
            found |= _components(book, inner)
        elif tags := book.tags(branch):
            found |= tags
        elif "properties" in branch:
            found[next(iter(book.types(branch)), "")] = branch
    return found


def _element(book: SchemaBook, schema: Schema) -> Schema:
    """Return the schema of the items of a list or of a mapping with free keys; empty for anything else."""
    for branch in book.branches(schema):
        inner: Schema = branch.get("items") or book.entries(branch)
        if inner:
            return inner
    return {}


def _lookup(book: SchemaBook, meanings: list[_Meaning], part: str) -> list[_Meaning]:
    """Return what `part` means below each of `meanings`: a type, a key, a list item or a named thing."""
    found: dict[int, _Meaning] = {}
    owned = [pair for meaning in meanings for pair in _components(book, meaning.schema).items()]
    types = frozenset(owner for owner, _ in owned)
    for owner, component in owned:
        if part == owner:
            found[id(component)] = _Meaning(component)
        elif part in component["properties"]:
            schema = component["properties"][part]
            found[id(schema)] = _Meaning(schema, owner, types, part in component.get("required", []))
    if found:
        return list(found.values())
    # An item of a list by its number, or a thing by the name that the user gave it, unless it looks misspelt.
    if not part.isdecimal() and nearest(part, _names(book, meanings)) is not None:
        return []
    branches = [branch for meaning in meanings for branch in book.branches(meaning.schema)]
    inner = [book.child(branch, 0 if branch.get("type") == "array" else part) for branch in branches]
    return [
        _Meaning(schema)
        for schema, branch in zip(inner, branches, strict=True)
        if schema and (branch.get("type") == "array") == part.isdecimal()
    ]


def _names(book: SchemaBook, meanings: list[_Meaning]) -> list[str]:
    """Return the types and keys that can follow `meanings`."""
    names: dict[str, None] = {}
    for meaning in meanings:
        for owner, component in _components(book, meaning.schema).items():
            names |= dict.fromkeys([*([owner] if owner else []), *book.keys(component)])
    return list(names)


def _reachable(book: SchemaBook) -> Iterator[_Meaning]:
    """Yield the experiment and every component below it, nearest first, each once."""
    waiting, seen = [_Meaning(book.root)], set()
    while waiting:
        meaning = waiting.pop(0)
        for component in _components(book, meaning.schema).values():
            if id(component) not in seen:
                seen.add(id(component))
                yield _Meaning(component)
                waiting += [_Meaning(schema) for schema in component["properties"].values()]


def _search(book: SchemaBook, part: str) -> list[_Meaning]:
    """Return what `part` means at the nearest level that knows it."""
    for meaning in _reachable(book):
        if found := _lookup(book, [meaning], part):
            return found
        for schema in next(iter(_components(book, meaning.schema).values()))["properties"].values():
            if part in _components(book, schema):
                return [_Meaning(_components(book, schema)[part])]
    return []


def _everything(book: SchemaBook) -> list[str]:
    """Return every key and type there is."""
    return list(dict.fromkeys(name for meaning in _reachable(book) for name in _names(book, [meaning])))


def _meaning_lines(book: SchemaBook, meaning: _Meaning) -> Iterator[str]:
    components = _components(book, meaning.schema)
    if meaning.required is not None:
        yield f"  {_values(book, meaning)}"
        yield from _text_lines(meaning.schema.get("description", ""), 2)
    if len(components) == 1:
        yield from _component_lines(book, next(iter(components.values())), 2)
    for name, component in components.items() if len(components) > 1 else ():
        yield f"    {name}"
        yield from _text_lines(component.get("description", "").partition("\n\n")[0], 6)


def _component_lines(book: SchemaBook, component: Schema, indent: int = 0) -> Iterator[str]:
    """Yield the docstring of a component, then each of its keys."""
    yield from _text_lines(component.get("description", ""), indent)
    required = component.get("required", [])
    for key in book.keys(component):
        schema = component["properties"][key]
        yield f"{' ' * indent}  {key}: {_values(book, _Meaning(schema, required=key in required))}"
        yield from _text_lines(schema.get("description", ""), indent + 6)


def _values(book: SchemaBook, meaning: _Meaning) -> str:
    expected = book.describe(meaning.schema)
    if meaning.required:
        return f"{expected}; required"
    if "default" in meaning.schema:
        return f"{expected}; default {json.dumps(meaning.schema['default'])}"
    return f"{expected}; may be left out"


def _text_lines(text: str, indent: int) -> Iterator[str]:
    """Yield a docstring, each of its paragraphs filled anew."""
    margin = " " * indent
    for paragraph in text.split("\n\n") if text else ():
        yield from textwrap.wrap(" ".join(paragraph.split()), _WIDTH, initial_indent=margin, subsequent_indent=margin)
