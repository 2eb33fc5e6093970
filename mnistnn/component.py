"""Components: the parts that a YAML file can name. The typed fields of a class are its YAML keys.

A layer, optimizer, penalty, stopping policy … is one class. Decorated with `component`, its annotated fields are
validated (types are strict, unknown keys refused, ranges on the fields) and documented (the string below a field);
the same object then runs. What a component needs while it runs is set as plain attributes by its methods. So components
are dataclasses of pydantic and no BaseModels, whose private attributes cost a call each.
"""

import ast
import inspect
from itertools import pairwise
from textwrap import dedent
from typing import Any, TypeVar, cast, dataclass_transform

from pydantic import ConfigDict, GetJsonSchemaHandler
from pydantic.dataclasses import dataclass
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

_Class = TypeVar("_Class", bound=type)

FIELD_DOCS = "__mnistnn_field_docs__"
"""The attribute of a class whose source is in no file: the string below each field, by its name."""

DECLARED_AS = "__mnistnn_declared_as__"
"""The attribute of a class that was derived from a component with larger unions: that component."""

_CONFIG = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


@dataclass_transform(kw_only_default=True, eq_default=False)
def component(cls: _Class) -> _Class:
    """Make `cls` a validated, documented, keyword-only record that may carry further runtime attributes."""
    cls.__get_pydantic_json_schema__ = classmethod(_documented)  # type: ignore[attr-defined]
    return cast("_Class", dataclass(cls, config=_CONFIG, kw_only=True, eq=False))


def declared_as(cls: type) -> type:
    """Return the component that a class is in the source: itself, or what it was derived from."""
    found: type = vars(cls).get(DECLARED_AS, cls)
    return found


def _documented(cls: type, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
    """Return the JSON Schema of a component with the documentation of its fields.

    Only who asks for a schema reads the sources. Pydantic's own way (use_attribute_docstrings) reads them whenever the
    program starts, which takes four tenths of a second.
    """
    schema = handler(core_schema)
    properties: dict[str, Any] = handler.resolve_ref_schema(schema).get("properties", {})
    for base in reversed(cls.__mro__):
        for name, text in _documentation(base).items():
            if name in properties:
                properties[name]["description"] = text
    return schema


def _documentation(cls: type) -> dict[str, str]:
    """Return the string below each annotated field of a class: as was found before, or as its source has it."""
    if (known := vars(cls).get(FIELD_DOCS)) is not None:
        return cast("dict[str, str]", known)
    if not inspect.get_annotations(cls):
        return {}
    (tree,) = ast.parse(dedent(inspect.getsource(cls))).body
    return field_docs(cast("ast.ClassDef", tree))


def field_docs(tree: ast.ClassDef) -> dict[str, str]:
    """Return the string below each annotated field in the syntax tree of a class."""
    found = {}
    for field, below in pairwise(tree.body):
        is_text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and is_text:
            text = below.value.value  # type: ignore[attr-defined]
            if isinstance(text, str):
                found[field.target.id] = inspect.cleandoc(text)
    return found
