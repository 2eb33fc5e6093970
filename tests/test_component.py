"""What `component` gives every class: strict validation, documentation, room for runtime attributes."""

import pytest
from pydantic import TypeAdapter, ValidationError

from mnistnn.component import component


@component
class Base:
    """Abstract."""

    size: int = 1
    """How many."""


@component
class Derived(Base):
    """Concrete."""

    name: str = "x"
    """What it is called."""


def schema(cls):
    return TypeAdapter(cls).json_schema()["properties"]


def test_fields_are_documented_by_the_string_below_them():
    assert schema(Base)["size"]["description"] == "How many."


def test_inherited_fields_keep_their_documentation_and_default():
    properties = schema(Derived)
    assert list(properties) == ["size", "name"]
    assert properties["size"]["description"] == "How many."
    assert Derived().size == 1


def test_inherited_fields_stay_strict():
    with pytest.raises(ValidationError, match="valid integer"):
        Derived(size="1")  # type: ignore[arg-type]


def test_unknown_keys_are_refused():
    with pytest.raises(ValidationError, match="Unexpected keyword argument"):
        TypeAdapter(Derived).validate_json('{"sise": 1}')


def test_runtime_attributes_are_plain():
    derived = Derived()
    derived.working_memory = [1]  # type: ignore[attr-defined]
    assert derived.working_memory == [1]  # type: ignore[attr-defined]


def test_components_are_told_apart_by_identity():
    assert Derived() != Derived()
