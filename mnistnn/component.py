"""What every part that a YAML file can name has in common: its typed fields are its YAML keys.

A layer, optimizer, penalty, stopping policy … is one class. Decorated with `component`, its annotated fields are
validated (types are strict, unknown keys refused, ranges on the fields) and documented (the string below a field);
the same object then runs. What a component needs while it runs is set as plain attributes by its methods.
"""

import inspect
from dataclasses import fields
from typing import Annotated, TypeVar, cast, dataclass_transform

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

_Class = TypeVar("_Class", bound=type)

_CONFIG = ConfigDict(
    extra="forbid",
    strict=True,
    allow_inf_nan=False,
    use_attribute_docstrings=True,
)


@dataclass_transform(kw_only_default=True, eq_default=False)
def component(cls: _Class) -> _Class:
    """Make `cls` a validated, documented, keyword-only record that may carry further runtime attributes."""
    _document_inherited_fields(cls)
    return cast("_Class", dataclass(cls, config=_CONFIG, kw_only=True, eq=False))


def _document_inherited_fields(cls: type) -> None:
    """Annotate the fields of base components once more in `cls`, with their documentation.

    Pydantic reads the string below a field from the source of the class that it decorates only.
    """
    annotations = inspect.get_annotations(cls)
    for base in cls.__mro__[1:]:
        documented = getattr(base, "__pydantic_fields__", {})
        for field in fields(base) if documented else ():
            description = documented[field.name].description
            if field.name not in annotations and description is not None:
                annotations[field.name] = Annotated[field.type, Field(description=description)]
    cls.__annotations__ = annotations
