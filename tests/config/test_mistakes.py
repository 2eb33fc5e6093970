"""Every kind of mistake is shown at its line and column, with what is valid."""

import pytest

from mnistnn.config.load import load_text
from mnistnn.errors import ConfigError

# (text in the good file, its replacement, place, what is said, what stands beside the caret)
MISTAKES = {
    "unknown key": (
        "units: 30",
        "unit: 30, units: 30",
        "5:25",
        "unknown key 'unit' for layers.hidden of type dense",
        "^^^^ did you mean 'units'?      valid: units, type, activation",
    ),
    "misspelt required key, once": (
        "units: 30",
        "unit: 30",
        "5:25",
        "unknown key 'unit' for layers.hidden of type dense",
        "did you mean 'units'?",
    ),
    "unknown top key": (
        "batches:",
        "batchs:",
        "10:1",
        "unknown key 'batchs' at the top level",
        "^^^^^^ did you mean 'batches'?      valid: name, optimizer, layers, stopping",
    ),
    "unknown key that is null": (
        "units: 30",
        "unit: null, units: 30",
        "5:25",
        "unknown key 'unit' for layers.hidden of type dense",
        "^^^^ did you mean 'units'?      valid: units, type, activation",
    ),
    "misspelt extends": (
        "# A toy.",
        "extend: a",
        "1:1",
        "unknown key 'extend' at the top level",
        "did you mean 'extends'?",
    ),
    "missing key": (
        "{type: sgd, learning_rate: 0.1}",
        "{type: sgd}",
        "3:1",
        "missing key 'learning_rate' for optimizer of type sgd",
        "^^^^^^^^^ add learning_rate: a number > 0",
    ),
    "unknown type": (
        "type: sgd",
        "type: sdg",
        "3:19",
        "unknown type for optimizer, got 'sdg'",
        "^^^ did you mean 'sgd'?      valid: momentum, sgd",
    ),
    "missing type": (
        "type: sgd, ",
        "",
        "3:1",
        "missing key 'type' for optimizer",
        "^^^^^^^^^ valid: momentum, sgd",
    ),
    "misspelt type": (
        "type: sgd",
        "tpye: sgd",
        "3:13",
        "missing key 'type' for optimizer",
        "^^^^ did you mean 'type'?",
    ),
    "type alone": (
        "{type: sgd, learning_rate: 0.1}",
        "sgd",
        "3:12",
        "expected a mapping with type 'momentum' or 'sgd', got 'sgd'",
        "^^^ write {type: sgd}",
    ),
    "text for a number": ("0.1", "fast", "3:39", "expected a number > 0, got 'fast'", "^^^^"),
    "quoted number": (
        "0.1",
        '"0.1"',
        "3:39",
        "expected a number > 0, got '0.1'",
        "^^^^^ leave the quotes out",
    ),
    "out of range": ("0.1", "-1e-3", "3:39", "expected a number > 0, got -1e-3", "^^^^^"),
    "float for an integer": (
        "units: 30",
        "units: 1e3",
        "5:32",
        "expected an integer >= 1, got 1e3",
        "^^^ write 1000",
    ),
    "truth for an integer": (
        "units: 30",
        "units: true",
        "5:32",
        "expected an integer >= 1, got true",
        "^^^^",
    ),
    "number for text": ("name: toy", "name: 7", "2:7", "expected text, got 7", "^ quotes make it text: '7'"),
    "word for truth": (
        "size: 10",
        "shuffle: no",
        "11:12",
        "expected true or false, got 'no'",
        "^^ write false",
    ),
    "literal": (
        "tanh",
        "tahn",
        "5:48",
        "expected 'tanh', 'relu' or 'linear', got 'tahn'",
        "^^^^ did you mean 'tanh'?",
    ),
    "plain union": (
        "size: 10",
        "size: ful",
        "11:9",
        "expected an integer >= 1 or 'full', got 'ful'",
        "^^^ did you mean 'full'?",
    ),
    "inside a union": ("size: 10", "sizes: [1, 0]", "11:14", "expected an integer >= 1, got 0", "^"),
    "mapping for a list": (
        "stopping:\n  - {type: max_epochs, epochs: 5}\n  - type: patience",
        "stopping: {type: patience}",
        "7:11",
        "expected a list, each a mapping with type 'max_epochs' or 'patience', got a mapping",
        "^ write a list",
    ),
    "list for a mapping": (
        "batches:\n  size: 10",
        "batches: [1]",
        "10:10",
        "expected a mapping, got a list of 1",
        "^ valid: size, shuffle",
    ),
    "length of a list": (
        "# A toy.",
        "expect: [1]",
        "1:9",
        "expected a list of 2, each a number or null, got a list of 1",
        "^",
    ),
    "name of a layer": (
        "  hidden:",
        "  Hidden!:",
        "5:3",
        "the name 'Hidden!' is not allowed here",
        "^^^^^^^ a name matches ^[a-z0-9]+$",
    ),
    "item of a list": ("epochs: 5", "epochs: 0", "8:32", "expected an integer >= 1, got 0", "^"),
    "key of a layer named like its type": (
        "units: 10",
        "units: a",
        "6:31",
        "expected an integer >= 1, got 'a'",
        "^",
    ),
    "missing in a layer named like its type": (
        ", units: 10",
        "",
        "6:3",
        "missing key 'units' for layers.dense of type dense",
        "^^^^^ add units",
    ),
    "validator with a key": (
        "{type: sgd, learning_rate: 0.1}",
        "{type: momentum, learning_rate: 1, dampening: 0.95}",
        "3:58",
        "optimizer.dampening: must not exceed momentum",
        "^^^^",
    ),
    "key that is also a type": (
        "{type: sgd, learning_rate: 0.1}",
        "{type: momentum, learning_rate: 1, momentum: 1}",
        "3:57",
        "expected a number in [0, 1), got 1",
        "^",
    ),
    "duplicate key": (
        "  size: 10",
        "  size: 10\n  size: 11",
        "12:3",
        "duplicate key 'size'",
        "^^^^ given again here\n   11 |   size: 10\n      |   ^^^^ first given here",
    ),
    "ambiguous number": (
        "units: 30",
        "units: 030",
        "5:32",
        "a number with a leading zero is ambiguous: some readers take it as octal, got 030",
        "^^^ write 30 for the number, '030' for text",
    ),
    "ambiguous type": ("type: sgd", "type: 010", "3:19", "a number with a leading zero", "^^^"),
    "missing space": ("  size: 10", "  size:10", "11:3", "expected a mapping, got 'size:10'", "^^^^^^^"),
}


@pytest.mark.parametrize(("old", "new", "place", "what", "beside"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_shown_at_its_place(toy, good, old, new, place, what, beside):
    assert old in good
    with pytest.raises(ConfigError) as caught:
        load_text(good.replace(old, new, 1), "x.yaml")
    message = str(caught.value)
    assert message.startswith(f"error: x.yaml:{place}: {what}")
    assert beside in message
    assert message.endswith("\n1 error, nothing was run.")


def test_three_mistakes_give_three_messages_in_order(toy, good):
    text = good.replace("size", "sise").replace("sgd", "sdg").replace("tanh", "tanhh")
    with pytest.raises(ConfigError) as caught:
        load_text(text, "x.yaml")
    assert str(caught.value) == (
        "error: x.yaml:3:19: unknown type for optimizer, got 'sdg'\n"
        "    3 | optimizer: {type: sdg, learning_rate: 0.1}\n"
        "      |                   ^^^ did you mean 'sgd'?      valid: momentum, sgd\n"
        "error: x.yaml:5:48: expected 'tanh', 'relu' or 'linear', got 'tanhh'\n"
        "    5 |   hidden: {type: dense, units: 30, activation: tanhh}\n"
        "      |                                                ^^^^^ did you mean 'tanh'?\n"
        "error: x.yaml:11:3: unknown key 'sise' for batches\n"
        "   11 |   sise: 10\n"
        "      |   ^^^^ did you mean 'size'?      valid: size, shuffle, every_s, sizes\n"
        "3 errors, nothing was run."
    )


def test_missing_top_keys_are_reported_for_the_file(toy):
    with pytest.raises(ConfigError) as caught:
        load_text("seed: 1\n", "x.yaml")
    assert "error: x.yaml: missing key 'name' at the top level\n      add name: text\n" in str(caught.value)
    assert "3 errors, nothing was run." in str(caught.value)


def test_text_and_value_mistakes_are_reported_together(toy, good):
    text = good.replace("units: 30", "units: 030").replace("size: 10", "size: 0")
    with pytest.raises(ConfigError, match="2 errors, nothing was run"):
        load_text(text, "x.yaml", ())


def test_caret_stays_under_its_place_on_a_long_line(toy, good):
    text = good.replace("units: 30", " " * 300 + "unts: 30, units: 30")
    with pytest.raises(ConfigError) as caught:
        load_text(text, "x.yaml")
    _, line, carets, _ = str(caught.value).split("\n")
    assert line.index("unts") == carets.index("^^^^")
    assert len(line) < 120


def test_line_ends_of_other_systems_keep_line_numbers(toy, good):
    with pytest.raises(ConfigError, match=r"x\.yaml:11:9: expected"):
        load_text(good.replace("size: 10", "size: 0").replace("\n", "\r\n"), "x.yaml")


def test_error_found_later_is_shown_at_the_value(toy, good):
    error = load_text(good, "x.yaml").error("too small for the input", "layers.hidden.units")
    assert str(error).startswith("error: x.yaml:5:32: too small for the input\n    5 |   hidden:")
    assert error.key == "layers.hidden.units"


def test_error_found_later_about_a_component_is_shown_at_its_key(toy, good):
    error = load_text(good, "x.yaml").error("does not fit", "layers.dense")
    assert str(error).startswith("error: x.yaml:6:3: does not fit\n")


def test_error_found_later_about_a_default_is_shown_at_what_holds_it(toy, good):
    assert str(load_text(good, "x.yaml").error("no", "batches.shuffle")).startswith("error: x.yaml:10:1: no")
    assert str(load_text(good, "x.yaml").error("no", "expect")).startswith("error: x.yaml: no\n")


def test_error_found_later_about_an_override_names_the_command_line(toy, good):
    error = load_text(good, "x.yaml", ["batches.size=7"]).error("no", "batches.size")
    assert str(error).startswith("error: command line: batches.size=7: no (in the place of the value at x.yaml:11)")
