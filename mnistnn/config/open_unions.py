"""Forms of an experiment that have more types of components than those of mnistnn.

The unions of components are declared where the components are (`mnistnn/layers/__init__.py` and so on), and the classes
that have such a union among their fields say so in their annotations. For components of somebody else's these classes
are derived anew, with larger unions; what is declared stays as it is, so that two validators share nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from mnistnn.component import DECLARED_AS, FIELD_DOCS, component

Unions = Sequence[tuple[Any, Sequence[type]]]
"""Annotated unions of components, each with the classes that join it."""


def with_more_types(form: type, unions: Unions) -> type:
    """Return a class with the fields of `form`, in which classes join unions, here and in the components below it.

    It extends `form`, and is `form` itself if nothing in it changes.
    """
    joining = [(union, more) for union, more in unions if more]
    return _Forms(joining).derived(form) if joining else form


class _Forms:
    """Derived classes, each made once."""

    def __init__(self, unions: Unions) -> None:
        self._unions = unions
        self._derived: dict[type, type] = {}

    def derived(self, form: type) -> type:
        if form not in self._derived:
            hints = get_type_hints(form, include_extras=True)
            own = {field.name: hints[field.name] for field in fields(form)}
            replaced = {name: self._replaced(hint) for name, hint in own.items()}
            changed = {name: hint for name, hint in replaced.items() if hint is not own[name]}
            self._derived[form] = _subclass(form, changed) if changed else form
        return self._derived[form]

    def _replaced(self, hint: Any) -> Any:
        """Return an annotation with larger unions in it; the annotation itself if there are none."""
        if isinstance(hint, type) and is_dataclass(hint):
            return self.derived(hint)
        joining = next((more for union, more in self._unions if union is hint), ())
        args = get_args(hint)
        if get_origin(hint) is Annotated:
            inside = self._replaced(args[0])
            if joining:
                inside = reduce(or_, joining, inside)
            return hint if inside is args[0] else Annotated[inside, *args[1:]]
        new = tuple(self._replaced(arg) for arg in args)
        if all(a is b for a, b in zip(new, args, strict=True)):
            return hint
        origin = get_origin(hint)
        return reduce(or_, new) if origin in (Union, UnionType) else origin[new]


def _subclass(form: type, annotations: Mapping[str, Any]) -> type:
    """Return a component that is called and documented like `form`, and has other types in some of its fields."""
    derived = {FIELD_DOCS: {}, DECLARED_AS: form, "__annotations__": dict(annotations)}
    about = {name: getattr(form, name) for name in ("__module__", "__qualname__", "__doc__")}
    return component(type(form.__name__, (form,), {**about, **derived}))
