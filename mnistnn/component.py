"""What every part that a YAML file can name has in common: its typed fields are its YAML keys.

A layer, optimizer, penalty, stopping policy … is one class. Decorated with `component`, its annotated fields are
validated (types are strict, unknown keys refused, ranges on the fields) and documented (the string below a field);
the same object then runs. What a component needs while it runs is set as plain attributes by its methods.
"""

from typing import TypeVar, cast, dataclass_transform

from pydantic import ConfigDict
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
    return cast("_Class", dataclass(cls, config=_CONFIG, kw_only=True, eq=False))
