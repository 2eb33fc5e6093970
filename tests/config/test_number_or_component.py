"""A value that may be a number or a component: only what was meant is spoken of, at its place."""

from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, Field, TypeAdapter

from mnistnn.component import component
from mnistnn.config import load
from mnistnn.config.dump import config_hash, resolved_yaml
from mnistnn.config.explain import explain
from mnistnn.config.load import load_resolved, load_text
from mnistnn.config.validate import Validator, type_first
from mnistnn.errors import ConfigError


@component
class Cosine:
    """Along a cosine."""

    type: Literal["cosine"] = "cosine"
    start: Annotated[float, Field(gt=0)]
    epochs: Annotated[float, Field(gt=0)] | Literal["all"]
    """Length of the curve."""
    end: float = 0.0


@component
class Linear:
    """Along a line."""

    type: Literal["linear"] = "linear"
    start: Annotated[float, Field(gt=0)]


def _check(schedule: Cosine | Linear) -> Cosine | Linear:
    if schedule.start > 10:
        raise ValueError("start: must not exceed 10")
    return schedule


Schedule = Annotated[Cosine | Linear, Field(discriminator="type")]


@component
class Rule:
    rate: Annotated[float, Field(gt=0)] | Schedule
    floor: Annotated[float, Field(gt=0)] | Annotated[Schedule, AfterValidator(_check)] | None = None


@component
class Sgd(Rule):
    type: Literal["sgd"] = "sgd"


@component
class Adam(Rule):
    type: Literal["adam"] = "adam"
    beta: float = 0.9


@component
class Sign(Rule):
    type: Literal["sign"] = "sign"
    beta: float = 0.9


@component
class Named:
    """A thing that the user names."""

    type: Literal["named"] = "named"


@component
class Toy:
    rule: Annotated[Sgd | Adam | Sign, Field(discriminator="type")]
    things: dict[str, Named] = Field(default_factory=dict)


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    validator = Validator(TypeAdapter(Toy))
    monkeypatch.setattr(load, "experiment_validator", lambda plugins: validator)
    return validator


GOOD = """\
rule:
  type: sgd
  rate: 0.1
"""
EITHER = "a number > 0 or a mapping with type 'cosine' or 'linear'"

# (lines in place of the rate, place, what is said, what stands beside the caret)
IN_A_FILE = {
    "unknown type": (
        "rate: {type: cosin, start: 1}",
        "3:16",
        "unknown type for rule.rate, got 'cosin'",
        "^^^^^ did you mean 'cosine'?      valid: cosine, linear",
    ),
    "missing type": (
        "rate: {start: 1}",
        "3:3",
        "missing key 'type' for rule.rate",
        "^^^^ valid: cosine, linear",
    ),
    "empty mapping": ("rate: {}", "3:3", "missing key 'type' for rule.rate", "^^^^ valid: cosine, linear"),
    "misspelt type": (
        "rate: {tpye: cosine, start: 1}",
        "3:10",
        "missing key 'type' for rule.rate",
        "^^^^ did you mean 'type'?      valid: cosine, linear",
    ),
    "out of range": (
        "rate: {type: linear, start: -3}",
        "3:31",
        "expected a number > 0, got -3",
        "^^",
    ),
    "on lines of their own": (
        "rate:\n    type: linear\n    start: -3",
        "5:12",
        "expected a number > 0, got -3",
        "^^",
    ),
    "union inside": (
        "rate: {type: cosine, start: 1, epochs: al}",
        "3:42",
        "expected a number > 0 or 'all', got 'al'",
        "^^ did you mean 'all'?",
    ),
    "missing key": (
        "rate: {type: cosine, start: 1}",
        "3:3",
        "missing key 'epochs' for rule.rate of type cosine",
        "^^^^ add epochs: a number > 0 or 'all'",
    ),
    "null for a key": (
        "rate: {type: linear, start: null}",
        "3:3",
        "missing key 'start' for rule.rate of type linear",
        "^^^^ add start: a number > 0",
    ),
    "misspelt key, once": (
        "rate: {type: cosine, start: 1, epoch: 3}",
        "3:34",
        "unknown key 'epoch' for rule.rate of type cosine",
        "^^^^^ did you mean 'epochs'?      valid: start, epochs, type, end",
    ),
    "key of another type": (
        "rate: {type: linear, start: 1, end: 3}",
        "3:34",
        "unknown key 'end' for rule.rate of type linear",
        "^^^ type cosine has it      valid: start, type",
    ),
    "its own check": (
        "rate: 1\n  floor: {type: linear, start: 11}",
        "4:32",
        "rule.floor.start: must not exceed 10",
        "^^",
    ),
    "inside what is checked": (
        "rate: 1\n  floor: {type: linear, start: 0}",
        "4:32",
        "expected a number > 0, got 0",
        "^",
    ),
    "number out of range": ("rate: -1", "3:9", f"expected {EITHER}, got -1", "^^"),
    "word": ("rate: fast", "3:9", f"expected {EITHER}, got 'fast'", "^^^^"),
    "type alone": ("rate: cosine", "3:9", f"expected {EITHER}, got 'cosine'", "^^^^^^ write {type: cosine}"),
    "list": ("rate: [1]", "3:9", f"expected {EITHER}, got a list of 1", "^"),
}


@pytest.mark.parametrize(("lines", "place", "what", "beside"), IN_A_FILE.values(), ids=IN_A_FILE)
def test_mistake_in_a_file_is_shown_at_its_place(lines, place, what, beside):
    with pytest.raises(ConfigError) as caught:
        load_text(GOOD.replace("rate: 0.1", lines), "x.yaml")
    head, _, carets, *end = str(caught.value).split("\n")
    assert head == f"error: x.yaml:{place}: {what}"
    assert carets.removeprefix("      | ").lstrip() == beside
    assert end == ["1 error, nothing was run."]


# (override, what is said after it, advice below)
ON_THE_COMMAND_LINE = {
    "unknown type": (
        "rule.rate={type: cosin}",
        "unknown type for rule.rate (in the place of the value at x.yaml:3)",
        "did you mean 'cosine'?      valid: cosine, linear",
    ),
    "missing type": (
        "rule.rate={start: 3}",
        "missing key 'type' for rule.rate (in the place of the value at x.yaml:3)",
        "valid: cosine, linear",
    ),
    "out of range": (
        "rule.rate={type: linear, start: -3}",
        "rule.rate.start: expected a number > 0, got -3 (in the place of the value at x.yaml:3)",
        "",
    ),
    "out of range, further inside": (
        "rule={type: adam, rate: {type: linear, start: -3}}",
        "rule.rate.start: expected a number > 0, got -3 (in the place of the value at x.yaml:2)",
        "",
    ),
    "misspelt key, once": (
        "rule.rate={type: cosine, start: 1, epoch: 3}",
        "unknown key 'epoch' for rule.rate of type cosine (in the place of the value at x.yaml:3)",
        "did you mean 'epochs'?      valid: start, epochs, type, end",
    ),
    "missing key": (
        "rule.rate={type: linear}",
        "missing key 'start' for rule.rate of type linear (in the place of the value at x.yaml:3)",
        "add start: a number > 0",
    ),
    "where nothing was set": (
        "rule.floor={type: linear, start: 0}",
        "rule.floor.start: expected a number > 0, got 0",
        "",
    ),
    "number out of range": ("rule.rate=-1", f"expected {EITHER} (in the place of the value at x.yaml:3)", ""),
    "word": ("rule.rate=fast", f"expected {EITHER} (in the place of the value at x.yaml:3)", ""),
}


@pytest.mark.parametrize(("override", "what", "advice"), ON_THE_COMMAND_LINE.values(), ids=ON_THE_COMMAND_LINE)
def test_mistake_in_an_override_names_the_key_and_what_it_replaced(override, what, advice):
    with pytest.raises(ConfigError) as caught:
        load_text(GOOD, "x.yaml", [override])
    lines = [f"error: command line: {override}: {what}", *([f"      {advice}"] if advice else [])]
    assert str(caught.value).split("\n") == [*lines, "1 error, nothing was run."]


def test_mistakes_in_two_such_values_are_both_reported():
    lines = "rate: {type: linear, start: 0}\n  floor: {type: lin, start: 1}"
    with pytest.raises(ConfigError) as caught:
        load_text(GOOD.replace("rate: 0.1", lines), "x.yaml")
    message = str(caught.value)
    assert "x.yaml:3:31: expected a number > 0, got 0\n" in message
    assert "x.yaml:4:17: unknown type for rule.floor, got 'lin'\n" in message
    assert message.endswith("2 errors, nothing was run.")


EXPLAINED = {
    "rule.rate": (
        f"rule.rate  (all types)\n  {EITHER}; required\n"
        "    cosine\n      Along a cosine.\n    linear\n      Along a line."
    ),
    "rule.beta": "rule.beta  (types adam, sign)\n  a number; default 0.9",
    "rule.rate.linear": (
        "rule.rate.linear\n  Along a line.\n    start: a number > 0; required\n    type: 'linear'; default \"linear\""
    ),
    "rule.rate.cosine.epochs": (
        "rule.rate.cosine.epochs  (type cosine)\n  a number > 0 or 'all'; required\n  Length of the curve."
    ),
    "rule.rate.end": "rule.rate.end  (type cosine)\n  a number; default 0.0",
}


@pytest.mark.parametrize(("key", "text"), EXPLAINED.items())
def test_what_is_the_same_for_several_types_is_explained_once(toy, key, text):
    assert explain(toy.book, key) == text


def test_type_comes_first_in_what_is_shown():
    loaded = load_text(GOOD.replace("0.1", "{start: 1, type: linear}"), "x.yaml")
    shown = type_first(loaded.resolved)
    assert shown == loaded.resolved
    assert list(shown["rule"]) == ["type", "rate", "floor"]
    assert list(shown["rule"]["rate"]) == ["type", "start"]


def test_thing_that_is_called_type_keeps_its_place():
    loaded = load_text(GOOD + "things: {a: {type: named}, type: {type: named}}\n", "x.yaml")
    assert list(type_first(loaded.resolved)["things"]) == ["a", "type"]


def test_digest_survives_the_way_of_showing(tmp_path):
    loaded = load_text(GOOD, "x.yaml")
    path = tmp_path / "config.yaml"
    path.write_text(resolved_yaml(type_first(loaded.resolved)))
    again = load_resolved(path)
    assert again.resolved == loaded.resolved
    assert config_hash(again.resolved) == config_hash(loaded.resolved)
