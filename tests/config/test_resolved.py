"""What a configuration comes to: text that loads again, digest, differences, explanations."""

import json
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mnistnn.config.diff import ABSENT, Difference, differences
from mnistnn.config.dump import config_hash, resolved_yaml, scalar_yaml
from mnistnn.config.explain import explain
from mnistnn.config.load import load_resolved, load_text
from mnistnn.config.messages import Problem
from mnistnn.config.nodes import plain
from mnistnn.config.parse import parse
from mnistnn.config.source import Source
from mnistnn.errors import ConfigError


def _read(text):
    problems: list[Problem] = []
    node = parse(Source("x", text), problems)
    assert not problems
    assert node is not None
    return plain(node)


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.sampled_from(["no", "010", "12:30", "1e-3", "null", "~", "", "- a", "a: b", "#x", ".inf", "<<", "0x10", "1_0"])
)
documents = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab:1 "), inner, max_size=3),
        max_leaves=8,
    ),
    min_size=1,
    max_size=4,
)


@given(documents)
def test_written_text_reads_back_equal(document):
    assert json.dumps(_read(resolved_yaml(document))) == json.dumps(document)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(["no", "010", "1:30", "y", "0b1", "1_0"]))
def test_written_scalars_mean_the_same_to_yaml_1_1_readers(value):
    assert yaml.safe_load(scalar_yaml(value)) == value


def test_resolved_text_loads_to_the_same_experiment(toy, tmp_path, good):
    loaded = load_text(good, "x.yaml", ["batches.every_s=null"])
    path = tmp_path / "config.yaml"
    path.write_text(resolved_yaml(loaded.resolved, loaded.origins))
    again = load_resolved(path)
    assert again.resolved == loaded.resolved
    assert config_hash(again.resolved) == config_hash(loaded.resolved)


def test_origins_name_file_line_command_line_or_default(toy, good):
    origins = load_text(good, "x.yaml", ["seed=3"]).origins
    assert origins["name"] == "x.yaml:2"
    assert origins["stopping.0.epochs"] == "x.yaml:8"
    assert origins["seed"] == "command line"
    assert origins["batches.shuffle"] == "default"


def test_sources_and_overrides_are_kept_as_given(toy, good):
    loaded = load_text(good, "x.yaml", ["seed=3"])
    assert loaded.sources == [("x.yaml", good)]
    assert loaded.overrides == ["seed=3"]


def test_hash_depends_on_values_and_order_not_on_layout(toy, good):
    base = config_hash(load_text(good, "x.yaml").resolved)
    assert base == config_hash(load_text(good + "seed: 0\n", "y.yaml").resolved)
    assert base != config_hash(load_text(good, "x.yaml", ["seed=1"]).resolved)
    lines = good.splitlines()
    lines[4], lines[5] = lines[5], lines[4]
    assert base != config_hash(load_text("\n".join(lines), "x.yaml").resolved)


def test_normal_file_loads_fast(toy, good):
    load_text(good, "x.yaml")
    times = []
    for _ in range(5):
        start = time.perf_counter()
        load_text(good, "x.yaml")
        times.append(time.perf_counter() - start)
    assert min(times) < 0.05


def test_differences_list_values_absences_and_order():
    left = {"a": 1, "b": {"x": 1, "y": 2}, "c": [1, 2], "d": 0}
    right = {"a": 1.0, "b": {"y": 2, "x": 1}, "c": [1], "e": 0}
    assert differences(left, right) == [
        Difference("a", 1, 1.0),
        Difference("b", ["x", "y"], ["y", "x"], order=True),
        Difference("c.1", 2, ABSENT),
        Difference("d", 0, ABSENT),
        Difference("e", ABSENT, 0),
    ]


def test_equal_configurations_have_no_differences():
    assert differences({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}) == []


EXPLAINED = {
    "optimizer.learning_rate": [
        "(type sgd)\n  a number > 0; required\n  The length of a step.",
        "(type momentum)",
    ],
    "optimizer.momentum.momentum": ["a number in [0, 1); default 0.9"],
    "layers.dense": ["Fully connected.\n    units: an integer >= 1; required"],
    "layers.anything.units": ["an integer >= 1; required"],
    "stopping.patience.updates": ["an integer >= 1; default 5000"],
    "stopping.1.updates": ["default 5000"],
    "stopping": ["max_epochs\n      Stop after a number of epochs.", "may be left out"],
    "batches.size": ["an integer >= 1 or 'full'; default 20\n  Examples per batch."],
    "size": ["Examples per batch."],
    "patience": ["Stop when nothing improves."],
}


@pytest.mark.parametrize(("key", "parts"), EXPLAINED.items())
def test_key_is_explained_from_its_component(toy, key, parts):
    text = explain(toy.book, key)
    assert text.startswith(key)
    assert all(part in text for part in parts)


def test_explanation_without_a_key_lists_the_top_level(toy):
    text = explain(toy.book, None)
    assert text.startswith("A toy experiment.\n  name: text; required\n")
    assert "  batches: a mapping; may be left out" in text


UNKNOWN = {
    "optimzer": "did you mean 'optimizer'",
    "optimizer.learning_rat": "did you mean 'learning_rate'",
    "layers.dens": "did you mean 'dense'",
    "stopping.lisa": "there are: max_epochs, epochs, type, patience, updates",
    "batches.size.x": "is not a part",
    "": "is not a key",
    "a\x1b": r"'a\x1b'",
}


@pytest.mark.parametrize(("key", "message"), UNKNOWN.items())
def test_unknown_key_is_refused_with_a_suggestion(toy, key, message):
    with pytest.raises(ConfigError) as caught:
        explain(toy.book, key)
    assert message in str(caught.value)
