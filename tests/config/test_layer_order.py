"""Layers put in by `after` and `before`, by files that extend others and by overrides, and taken out by null."""

from pathlib import Path

import pytest

from mnistnn.config.dump import resolved_yaml
from mnistnn.config.load import load_experiment, load_resolved
from mnistnn.errors import ConfigError

BASE = """\
name: base
model:
  type: sequential
  layers:
    hidden: {type: dense, units: 8, activation: relu}
    output: {type: dense, units: 10}
loss: {type: softmax_nll}
batches: {size: 20}
optimizer: {type: sgd, learning_rate: 0.1}
stopping: [{type: max_epochs, epochs: 2}]
"""


@pytest.fixture
def order(tmp_path):
    """Return the names of the layers of a file that extends `base`, with these lines for its layers."""
    (tmp_path / "base.yaml").write_text(BASE)

    def load(lines: str = "", *overrides: str) -> list[str]:
        path = tmp_path / "own.yaml"
        path.write_text("extends: base.yaml\nname: own\n" + (f"model: {{layers: {{{lines}}}}}\n" if lines else ""))
        loaded = load_experiment(path, overrides)
        again = tmp_path / "again.yaml"
        again.write_text(resolved_yaml(loaded.resolved))
        assert load_resolved(again).resolved == loaded.resolved
        assert "after: " not in again.read_text()
        return list(loaded.resolved["model"]["layers"])

    return load


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("drop: {type: dropout, keep: 0.5, after: hidden}", ["hidden", "drop", "output"]),
        ("drop: {type: dropout, keep: 0.5, before: hidden}", ["drop", "hidden", "output"]),
        ("a: {type: dense, units: 4, after: hidden}, b: {type: dense, units: 4, after: hidden}", "hidden a b output"),
        ("a: {type: dense, units: 4, before: output}, b: {type: dense, units: 4, before: output}", "hidden a b output"),
        ("a: {type: dense, units: 4, after: b}, b: {type: dense, units: 4, after: hidden}", "hidden b a output"),
        ("a: {type: dense, units: 4, before: b}, b: {type: dense, units: 4, after: hidden}", "hidden a b output"),
        ("hidden: {after: a}, a: {type: dense, units: 4, before: output}", "a hidden output"),
        ("hidden: null", ["output"]),
        ("hidden: null, a: {type: dense, units: 4, after: hidden}", "a output"),
        ("a: {type: dense, units: 4, before: output, after: null}", "hidden a output"),
        ("after: {type: dense, units: 4, before: output}", "hidden after output"),
    ],
)
def test_layers_stand_where_they_say(order, lines, expected):
    assert order(lines) == (expected.split() if isinstance(expected, str) else expected)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["model.layers.drop={type: dropout, keep: 0.5, after: hidden}"], "hidden drop output"),
        (["model.layers.drop.after=hidden", "model.layers.drop.keep=0.5", "model.layers.drop.type=dropout"], None),
        (["model.layers.hidden=null"], "output"),
        (["model.layers.hidden=null", "model.layers.a={type: dense, units: 3, before: output}"], "a output"),
    ],
)
def test_overrides_put_layers_in_and_take_them_out(order, overrides, expected):
    assert order("", *overrides) == (expected or "hidden drop output").split()


def test_file_moves_the_layer_of_the_file_that_it_extends(tmp_path, order):
    order("drop: {type: dropout, keep: 0.5, after: hidden}")
    third = tmp_path / "third.yaml"
    third.write_text("extends: own.yaml\nname: third\nmodel: {layers: {drop: {after: null, before: hidden}}}\n")
    assert list(load_experiment(third).resolved["model"]["layers"]) == ["drop", "hidden", "output"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("a: {type: dense, units: 4, after: hiden}", "there is no layer 'hiden' to stand after"),
        ("a: {type: dense, units: 4, after: hiden}", "did you mean 'hidden'?"),
        ("a: {type: dense, units: 4, after: a}", "layer 'a' cannot stand after itself"),
        ("a: {type: dense, units: 4, after: 3}", "expected the name of a layer"),
        ("a: {type: dense, units: 4, after: [hidden]}", "expected the name of a layer"),
        ("a: {type: dense, units: 4, after: hidden, before: output}", "and not both"),
        ("hidden: {after: output}, output: {after: hidden}", "in a circle: hidden, output"),
        ("a: {type: dense, units: 4, afer: hidden}", "did you mean 'after'?"),
        ("outptu: null", "there is no layer 'outptu' to be taken out"),
        ("outptu: null", "did you mean 'output'?"),
    ],
)
def test_places_that_do_not_exist_are_refused_at_their_line(order, lines, message):
    with pytest.raises(ConfigError) as caught:
        order(lines)
    assert message in str(caught.value)
    assert ("base" if "circle" in message else "own") + ".yaml:" in str(caught.value)


def test_override_that_takes_out_no_layer_is_refused(order):
    with pytest.raises(ConfigError, match="there is no layer 'hiden' to be taken out"):
        order("", "model.layers.hiden=null")


def test_long_chain_is_put_in_order(tmp_path):
    lines = "".join(f"    l{n}: {{type: activation, activation: relu, after: l{n + 1}}}\n" for n in range(600))
    text = BASE.replace("    output:", lines + "    l600: {type: activation, activation: relu}\n    output:")
    path = Path(tmp_path / "long.yaml")
    path.write_text(text)
    names = list(load_experiment(path).resolved["model"]["layers"])
    assert names == ["hidden", *(f"l{n}" for n in range(600, -1, -1)), "output"]


def test_editors_and_explanations_know_the_keys(command):
    assert '"after"' in command("config", "schema").out
    assert "directly behind which" in command("config", "explain", "layers.dense.after").out
