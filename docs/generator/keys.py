"""The page of all keys of an experiment's file, from the components' schema: what `mnistnn config explain` says."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from generator.markdown import anchor, escaped, from_docstring, page, table

from mnistnn.config.expected import Schema, SchemaBook
from mnistnn.config.load import experiment_validator

_COMPONENTS = re.compile(r"a mapping with type '[^']*'(?:(?:, | or )'[^']*')*|a mapping(?! with)")


@dataclass(frozen=True)
class _Family:
    """Components that can stand at a key; `path` is the first one at which they can."""

    path: str
    description: str
    members: dict[str, Schema]

    @property
    def anchor(self) -> str:
        return f"keys-{self._place}"

    def anchor_of(self, name: str) -> str:
        """Return the anchor of the component of a type; that of the family if it has no types."""
        return f"type-{self._place}-{name.replace('_', '-')}" if name else self.anchor

    @property
    def _place(self) -> str:
        return self.path.lower().replace(".", "-").replace("_", "-")


def page_of_keys() -> str:
    """Return the page."""
    book = experiment_validator().book
    found = families(book)
    homes = {id(schema): family for family in reversed(found) for schema in family.members.values()}
    top = _Family("experiment", "", {"": book.root})
    return page(
        "# Keys of an experiment",
        "Made of the components by `make docs`; not to be edited. `mnistnn config explain KEY` says the same in a "
        "terminal.",
        "A part that has a type is written `{type: …, …}`. A key without a default may be left out unless it is "
        "required: then the defaults of its part hold, or there is no such part. NAME stands for a name of your own.",
        f"{anchor(top.anchor)}\n## The whole file",
        _fields(book, book.root, homes),
        *(part for family in found for part in _family(book, family, homes)),
    )


def families(book: SchemaBook) -> list[_Family]:
    """Return all components below the experiment, each once, at the shortest path that leads to it.

    What belongs to a key of the file follows it.
    """
    keys = book.keys(book.root)
    waiting, seen, found = [("", key, book.root["properties"][key]) for key in keys], set[int](), list[_Family]()
    while waiting:
        above, key, schema = waiting.pop(0)
        path, members = _members(book, f"{above}.{key}".strip("."), schema)
        new = {name: each for name, each in members.items() if id(each) not in seen}
        seen |= {id(each) for each in new.values()}
        if new:
            found.append(_Family(path, schema.get("description", ""), new))
        waiting += [(path, inner, each["properties"][inner]) for each in new.values() for inner in book.keys(each)]
    return sorted(found, key=lambda family: keys.index(family.path.partition(".")[0]))


def _members(book: SchemaBook, path: str, schema: Schema) -> tuple[str, dict[str, Schema]]:
    """Return the components that a value, or an item of it, can be, by type, and the path that they stand at."""
    found: dict[str, Schema] = {}
    for branch in book.branches(schema):
        if inner := branch.get("items") or book.entries(branch):
            below = path if "items" in branch else f"{path}.NAME"
            inner_path, members = _members(book, below, inner)
            path, found = (inner_path if members else path), found | members
        elif tags := book.tags(branch):
            found |= tags
        elif "properties" in branch:
            found[next(iter(book.types(branch)), "")] = branch
    return path, found


def _family(book: SchemaBook, family: _Family, homes: dict[int, _Family]) -> Iterator[str]:
    yield f"{anchor(family.anchor)}\n## {family.path}"
    yield escaped(family.description)
    for name, component in family.members.items():
        if name:
            yield f"{anchor(family.anchor_of(name))}\n### {name}"
        yield from_docstring(component.get("description", ""))
        yield _fields(book, component, homes)


def _fields(book: SchemaBook, component: Schema, homes: dict[int, _Family]) -> str:
    """Return the table of a component's keys; empty if it has none but its type."""
    required = component.get("required", [])
    rows = [
        [
            f"`{key}`",
            _values(book, schema, homes),
            "**required**" if key in required else f"`{json.dumps(schema['default'])}`" if "default" in schema else "",
            escaped(schema.get("description", "")),
        ]
        for key in book.keys(component)
        if key != "type"
        for schema in [component["properties"][key]]
    ]
    return table(["key", "value", "default", "meaning"], rows) if rows else ""


def _values(book: SchemaBook, schema: Schema, homes: dict[int, _Family]) -> str:
    """Say what values a key takes; what is a component is a link to where it is described."""
    words = book.describe(schema)
    links = _links(_members(book, "", schema)[1], homes)
    parts = _COMPONENTS.split(words)
    if not links or len(parts) == 1:
        return _as_words(words)
    return links.join(_as_words(part) if part.strip() else part for part in parts)


def _links(members: dict[str, Schema], homes: dict[int, _Family]) -> str:
    """Return links to components: to the place of all, if they are all that is there, or else to each."""
    families = {homes[id(each)].anchor: homes[id(each)] for each in members.values()}
    family = next(iter(families.values()), None)
    if family is not None and len(families) == 1 and family.members.keys() == members.keys():
        return f"[{family.path}](#{family.anchor})"
    return " or ".join(f"[{name}](#{homes[id(each)].anchor_of(name)})" for name, each in members.items())


def _as_words(text: str) -> str:
    """Return a description of values as Markdown; a pattern that a text must match is code."""
    before, found, pattern = text.partition(" that matches ")
    edges = (" " * (len(before) - len(before.lstrip())), " " * (len(before) - len(before.rstrip())))
    words = f"{edges[0]}{escaped(before)}{edges[1]}"
    return f"{words}{found}`{pattern}`" if found else words
