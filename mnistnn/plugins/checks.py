"""Checks of a class that is to be a component: what its fields must be to be keys of YAML, and what it must define.

A mistake names the class, and the field or the method if there is one, for whoever knows the lines of the source.
"""

import inspect
import keyword
import re
from collections.abc import Iterator
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from mnistnn.plugins.kinds import KINDS, Kind
from mnistnn.plugins.names import KEY, TYPE, KindName

_CHANGEABLE = (list, dict, set, bytearray)


class ComponentError(Exception):
    """A class that cannot be a component. `name` is that of the class, `part` that of a field or method of it."""

    def __init__(self, what: str, name: str, part: str = "") -> None:
        super().__init__(what)
        self.name, self.part = name, part


def check_declaration(cls: type, kind_name: KindName) -> None:
    """Raise ComponentError for a class, not yet made a component, that cannot be one of this kind."""
    if not isinstance(cls, type):
        raise ComponentError(f"@{kind_name} is written above a class", getattr(cls, "__name__", str(cls)))
    kind, name = KINDS[kind_name], cls.__name__
    if not issubclass(cls, kind.bases):
        bases = " or ".join(base.__name__ for base in kind.bases)
        raise ComponentError(f"{kind.words} extends {bases}: class {name}({kind.bases[0].__name__})", name)
    if "__init__" in vars(cls):
        raise ComponentError("has an __init__, and its arguments are its fields: leave it out", name, "__init__")
    for field, annotation in inspect.get_annotations(cls).items():
        _check_field(cls, kind, field, annotation)
    for field in _without_annotation(cls):
        value = vars(cls)[field]
        kind_of_value = type(value).__name__ if isinstance(value, bool | int | float | str | list) else "…"
        raise ComponentError(
            f"{field} has no type: write '{field}: {kind_of_value} = …' for a key of YAML, or "
            f"'{field}: ClassVar[{kind_of_value}] = …' for what is the same for all",
            name,
            field,
        )
    _check_type(cls, kind)
    for method in _missing(cls, kind):
        raise ComponentError(f"{kind.words} needs {method}, and {name} does not define it", name)


def _check_field(cls: type, kind: Kind, field: str, annotation: Any) -> None:
    if _is_class_variable(annotation):
        return
    if not KEY.fullmatch(field) or keyword.iskeyword(field):
        raise ComponentError(f"{field} cannot be a key: a key begins with a letter", cls.__name__, field)
    if field in kind.reserved:
        raise ComponentError(f"{field} is a key that all have already", cls.__name__, field)
    if field != "type" and is_part_of_contract(kind, field, cls):
        raise ComponentError(
            f"{field} is what {kind.words} has by its base class, so it is no key: give it another name, or, to change "
            "it, write ClassVar",
            cls.__name__,
            field,
        )
    default = vars(cls).get(field)
    if isinstance(default, _CHANGEABLE):
        made = f"lambda: {default!r:.60}" if default else type(default).__name__
        raise ComponentError(
            f"{field} has a default that can be changed, which all would share: write Field(default_factory={made})",
            cls.__name__,
            field,
        )


def is_part_of_contract(kind: Kind, field: str, cls: type | None = None) -> bool:
    """Tell whether a name is that of something that a base class has, and that is no key there."""
    bases = kind.bases if cls is None else [base for base in kind.bases if issubclass(cls, base)]
    for base in bases:
        keys = getattr(base, "__dataclass_fields__", {})
        if field not in keys and (hasattr(base, field) or field in get_type_hints(base)):
            return True
    return False


def _is_class_variable(annotation: Any) -> bool:
    if isinstance(annotation, str):  # in a file that postpones the evaluation of annotations
        return annotation.startswith(("ClassVar", "typing.ClassVar"))
    return annotation is ClassVar or get_origin(annotation) is ClassVar


def _without_annotation(cls: type) -> Iterator[str]:
    """Yield what looks like a field whose type was forgotten: no method, no constant, nothing that a base has."""
    annotated = inspect.get_annotations(cls)
    inherited = {name for base in cls.__mro__[1:] for name in (*vars(base), *inspect.get_annotations(base))}
    for name, value in vars(cls).items():
        is_other = name.startswith("_") or name.isupper() or isinstance(value, type) or hasattr(value, "__get__")
        if name not in annotated and name not in inherited and not is_other:
            yield name


def _check_type(cls: type, kind: Kind) -> None:
    """Raise ComponentError unless `type` is a literal that is its own default."""
    name = cls.__name__
    known = vars(cls).get("type")
    example = known if isinstance(known, str) and TYPE.fullmatch(known) else _snake_case(name)
    if "type" not in inspect.get_annotations(cls):
        raise ComponentError(
            f"{kind.words} has a type, by which an experiment names it: write "
            f'\'type: Literal["{example}"] = "{example}"\' in {name}',
            name,
        )
    try:
        hint = get_type_hints(cls)["type"]
    except NameError as error:
        raise ComponentError(f"the type of a field is not known here: {error}", name) from error
    words = get_args(hint) if get_origin(hint) is Literal else ()
    if len(words) != 1 or words[0] != known or not isinstance(known, str):
        raise ComponentError(
            f'the type is one word, which is its default too: write \'type: Literal["{example}"] = "{example}"\'',
            name,
            "type",
        )
    if not TYPE.fullmatch(known):
        raise ComponentError(
            f"the type {known!r:.80} is not allowed: a letter, then letters, digits and _, all small, 64 at most",
            name,
            "type",
        )


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_")


def _missing(cls: type, kind: Kind) -> Iterator[str]:
    """Yield what the class must define and does not."""
    bases = [base for base in kind.bases if issubclass(cls, base)]
    for method in kind.methods:
        if any(method in vars(base) and getattr(cls, method) is getattr(base, method) for base in bases):
            yield method
    if kind.some_of and all(getattr(cls, each) is getattr(bases[0], each) for each in kind.some_of):
        yield f"one of {', '.join(kind.some_of)}"
