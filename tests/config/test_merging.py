"""`extends`, overrides, null and changes of type."""

import pytest

from mnistnn.config.load import load_experiment, load_resolved, load_text
from mnistnn.errors import ConfigError


def _write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder / f"{next(iter(files))}.yaml"


def test_extending_file_wins_and_order_is_kept(toy, tmp_path, good):
    child = "extends: base.yaml\nlayers:\n  last: {type: dropout}\n  hidden: {units: 7}\n"
    loaded = load_experiment(_write(tmp_path, child=child, base=good))
    assert list(loaded.resolved["layers"]) == ["hidden", "dense", "last"]
    assert loaded.resolved["layers"]["hidden"] == {"type": "dense", "units": 7, "activation": "tanh"}


def test_extends_is_relative_to_the_file_that_says_it(toy, tmp_path, good):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "root.yaml").write_text(good)
    (tmp_path / "base" / "middle.yaml").write_text("extends: root.yaml\nseed: 1\n")
    path = _write(tmp_path, child="extends: base/middle.yaml\nname: child\n")
    loaded = load_experiment(path)
    assert (loaded.resolved["name"], loaded.resolved["seed"]) == ("child", 1)
    assert [name for name, _ in loaded.sources] == [
        str(path), str(tmp_path / "base/middle.yaml"), str(tmp_path / "base/root.yaml")
    ]  # fmt: skip
    assert loaded.origins["seed"] == f"{tmp_path / 'base/middle.yaml'}:2"


def test_mapping_whose_type_changes_is_replaced_whole(toy, tmp_path, good):
    child = "extends: base.yaml\noptimizer: {type: momentum, learning_rate: 1}\n"
    base = good.replace("learning_rate: 0.1", "learning_rate: 0.1, nonsense: 1")
    loaded = load_experiment(_write(tmp_path, child=child, base=base))
    assert loaded.resolved["optimizer"]["type"] == "momentum"


def test_list_is_replaced_whole(toy, tmp_path, good):
    child = "extends: base.yaml\nstopping: [{type: patience}]\n"
    assert len(load_experiment(_write(tmp_path, child=child, base=good)).resolved["stopping"]) == 1


def test_null_unsets_a_key_that_cannot_be_null(toy, tmp_path, good):
    child = "extends: base.yaml\nbatches: null\nlayers: {hidden: null}\n"
    loaded = load_experiment(_write(tmp_path, child=child, base=good))
    assert loaded.resolved["batches"]["size"] == 20
    assert list(loaded.resolved["layers"]) == ["dense"]
    assert loaded.origins["batches.size"] == "default"


def test_null_is_a_value_where_the_schema_has_null(toy, good):
    assert load_text(good + "  every_s: null\n", "x.yaml").resolved["batches"]["every_s"] is None


def test_null_in_a_list_is_an_error(toy, good):
    with pytest.raises(ConfigError, match=r"x\.yaml:9:4: expected a mapping with type .*, got nothing"):
        load_text(good.replace("- type: patience", "-"), "x.yaml")


def test_unset_required_key_is_missing(toy, good):
    with pytest.raises(ConfigError, match="missing key 'optimizer' at the top level"):
        load_text(good, "x.yaml", ["optimizer=null"])


CIRCLE = {"a": "extends: b.yaml\n", "b": "extends: ./c.yaml\n", "c": "extends: a.yaml\n"}


def test_circle_of_files_is_refused_and_shown(toy, tmp_path):
    with pytest.raises(ConfigError, match=r"c\.yaml:1:10: files extend each other in a circle: .*a\.yaml → "):
        load_experiment(_write(tmp_path, **CIRCLE))


def test_long_chain_of_files_is_refused(toy, tmp_path):
    chain = {f"f{i}": f"extends: f{i + 1}.yaml\n" for i in range(20)}
    with pytest.raises(ConfigError, match=r"f7\.yaml:1:10: a chain of more than 8 files"):
        load_experiment(_write(tmp_path, **chain))


@pytest.mark.parametrize("value", ["[a.yaml]", "5", "{a: 1}"])
def test_extends_that_is_no_name_is_refused(toy, tmp_path, value):
    with pytest.raises(ConfigError, match=r"a\.yaml:1:10: expected the name of one file"):
        load_experiment(_write(tmp_path, a=f"extends: {value}\n"))


def test_missing_base_is_shown_where_it_is_named(toy, good_file):
    path = _write(good_file.parent, child="name: a\nextends: toi.yaml\n")
    with pytest.raises(ConfigError) as caught:
        load_experiment(path)
    assert f"{path}:2:10: cannot read {good_file.parent / 'toi.yaml'}: no such file" in str(caught.value)
    assert "^^^^^^^^ did you mean 'toy.yaml'?" in str(caught.value)


def test_text_without_a_file_extends_nothing(toy, good):
    with pytest.raises(ConfigError, match="only a file can extend another"):
        load_text("extends: a.yaml\n" + good, "text")


def test_resolved_file_extends_nothing(toy, tmp_path, good):
    path = _write(tmp_path, run="extends: base.yaml\n" + good, base=good)
    with pytest.raises(ConfigError, match=r"run\.yaml:1:1: unknown key 'extends'"):
        load_resolved(path)


OVERRIDES = {
    "optimizer.learning_rate=1e-3": ("optimizer", "learning_rate", 1e-3),
    "name=no": ("name", "no"),
    'name="010"': ("name", "010"),
    "stopping.0.epochs=9": ("stopping", 0, "epochs", 9),
    "stopping.1={updates: 3}": ("stopping", 1, "updates", 3),
    "stopping.max_epochs.epochs=8": ("stopping", 0, "epochs", 8),
    "stopping.patience.updates=5": ("stopping", 1, "updates", 5),
    "batches.size=full": ("batches", "size", "full"),
    "batches.shuffle=false": ("batches", "shuffle", False),
    "layers.extra={type: dense, units: 3}": ("layers", "extra", "units", 3),
    "expect=[0.1, 0.2]": ("expect", 1, 0.2),
    "name=a=b": ("name", "a=b"),
}


@pytest.mark.parametrize(("override", "path"), OVERRIDES.items())
def test_override_is_typed_and_merged_like_the_file(toy, good, override, path):
    found = load_text(good, "x.yaml", [override]).resolved
    for part in path[:-1]:
        found = found[part]
    assert found == path[-1]


def test_override_of_a_type_that_no_item_has_adds_one(toy, good):
    alone = good.replace("  - {type: max_epochs", "  - {type: patience, updates: 1}\n  # {type: max_epochs")
    stopping = load_text(alone, "x.yaml", ["stopping.max_epochs.epochs=8"]).resolved["stopping"]
    assert stopping[-1] == {"type": "max_epochs", "epochs": 8}


def test_override_makes_the_mappings_on_its_way(toy, good):
    text = good[: good.index("batches")]
    assert load_text(text, "x.yaml", ["batches.size=3"]).resolved["batches"]["size"] == 3


def test_later_override_of_a_key_wins(toy, good):
    assert load_text(good, "x.yaml", ["seed=1", "seed=2"]).resolved["seed"] == 2


@pytest.mark.parametrize("turn", [1, -1])
def test_override_of_a_type_keeps_values_given_beside_it(toy, good, turn):
    overrides = ["optimizer.type=momentum", "optimizer.learning_rate=3"][::turn]
    found = load_text(good, "x.yaml", overrides).resolved["optimizer"]
    assert (found["type"], found["learning_rate"]) == ("momentum", 3.0)


BAD_OVERRIDES = {
    "seed": "seed: expected KEY=VALUE",
    "=1": "=1: expected KEY=VALUE",
    "a..b=1": "a..b=1: expected KEY=VALUE",
    "seed=": "no value after the =\n      null unsets a key",
    "seed=#c": "no value after the =",
    "seed=010": "seed=010: a number with a leading zero is ambiguous",
    "seed=[": "seed=[: not valid YAML",
    "stopping.2.epochs=1": "stopping is a list of 2 items, counted from 0: it has no '2'",
    "stopping.x=1": "it has no 'x'",
    "stopping.max_epoch.epochs=1": "did you mean 'max_epochs'?",
    "name.x=1": "name.x=1: name is 'toy', which has no keys of its own (in the place of the value at x.yaml:2)",
    "sed=1": "sed=1: unknown key 'sed' at the top level\n      did you mean 'seed'?",
    "optimizer.learning_rate=fast": "fast: expected a number > 0 (in the place of the value at x.yaml:3)",
    "optimizer.type=momentum": "missing key 'learning_rate' for optimizer of type momentum",
    ".".join("a" * 200) + "=1": "expected KEY=VALUE",
    "batches.every_s=!!float 3": "tags are not allowed",
}


@pytest.mark.parametrize(("override", "message"), BAD_OVERRIDES.items(), ids=lambda text: text[:30])
def test_bad_override_is_reported(toy, good, override, message):
    with pytest.raises(ConfigError) as caught:
        load_text(good, "x.yaml", [override])
    assert str(caught.value).startswith("error: command line: ")
    assert message in str(caught.value)
    assert str(caught.value).endswith("1 error, nothing was run.")


def test_message_names_the_file_value_that_two_overrides_replaced(toy, good):
    with pytest.raises(ConfigError, match=r"seed=b: expected .* \(in the place of the value at x.yaml:12\)"):
        load_text(good + "seed: 4\n", "x.yaml", ["seed=a", "seed=b"])
