"""From pydantic's location of an error to the path of keys and items that the user wrote.

Pydantic names the alternatives of a union on its way: `('layers', 'hidden', 'dense', 'units')`, and where a plain
union has a union by `type` among its alternatives, both: `('rate', 'tagged-union[…]', 'cosine', 'epochs')`. A name
cannot tell by itself whether it is a key or an alternative (a layer may be called `dense`), so the schema is walked
alongside.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mnistnn.config.expected import Schema, SchemaBook
from mnistnn.config.nodes import KeyPath

_ABOUT_THE_KEY = "[key]"


@dataclass(frozen=True, slots=True)
class Located:
    """Where an error is.

    path    keys and indices from the root
    schema  what is asked for there; empty for a key that the schema does not know
    parent  what is asked for one step above
    union   the path of the innermost plain union (`integer or 'full'`) passed on the way, and its schema
    about_key  the key itself is at fault, not its value
    """

    path: KeyPath
    schema: Schema
    parent: Schema
    union: tuple[KeyPath, Schema] | None = None
    about_key: bool = False


def locate(book: SchemaBook, location: Sequence[str | int]) -> Located:
    """Walk the schema along a location of pydantic."""
    path: KeyPath = ()
    schema: Schema = book.root
    parent: Schema = {}
    union: tuple[KeyPath, Schema] | None = None
    for part, following in zip(location, [*location[1:], None], strict=True):
        if part == _ABOUT_THE_KEY and following is None:
            return Located(path, schema, parent, union, about_key=True)
        branches = book.branches(schema)
        tags = book.tags(schema)
        if tags and len(branches) == 1:
            schema = tags.get(str(part), {})
        elif len(branches) > 1:
            union = (path, schema)
            schema = _alternative(book, branches, following)
        else:
            parent, schema = schema, book.child(schema, part)
            path = (*path, part)
    return Located(path, schema, parent, union)


def _alternative(book: SchemaBook, branches: list[Schema], following: str | int | None) -> Schema:
    """Return the branch that could hold the part that follows: an index, a type or a key; any branch when none does."""
    for branch in branches:
        if isinstance(following, int):
            fits = branch.get("type") == "array"
        else:
            fits = following in book.tags(branch) or branch.get("type") == "object"
        if fits:
            return branch
    return branches[0]
