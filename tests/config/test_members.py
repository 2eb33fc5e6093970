"""Members of a committee, from a file's name to a whole experiment; and each mistake at the line that makes it."""

from pathlib import Path
from typing import Any

import pytest

from mnistnn.config.dump import config_hash, resolved_yaml
from mnistnn.config.load import load_experiment, load_resolved, load_text, overridden
from mnistnn.config.validate import type_first
from mnistnn.errors import ConfigError

NET = """\
name: net
seed: 9
model:
  type: sequential
  layers:
    output: {type: dense, units: 10}
optimizer: {type: sgd, learning_rate: 0.1}
stopping: [{type: max_epochs, epochs: 3}]
"""
PAIRS = "name: pairs\nmodel: {type: least_squares, targets: pairwise}\n"
COMMITTEE = """\
name: three
model:
  type: committee
  members:
    - experiment: net.yaml
    - {experiment: net.yaml, overrides: [seed=5, optimizer.learning_rate=0.2]}
    - experiment: more/pairs.yaml
  combine: vote
"""


@pytest.fixture
def three(tmp_path: Path, monkeypatch) -> Path:
    """The path of a committee, in the working folder, and its members beside it."""
    monkeypatch.chdir(tmp_path)
    Path("more").mkdir()
    for name, text in (("net.yaml", NET), ("more/pairs.yaml", PAIRS), ("three.yaml", COMMITTEE)):
        Path(name).write_text(text)
    return Path("three.yaml")


def members(path: Path, *overrides: str) -> list[dict[str, Any]]:
    return [member["experiment"] for member in load_experiment(path, overrides).resolved["model"]["members"]]


def refusal(path: Path, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_experiment(path, overrides)
    return str(caught.value)


# What members become.


def test_member_is_the_whole_experiment_of_its_file(three):
    expected = type_first(load_experiment(Path("net.yaml"), ["seed=0"]).resolved)
    assert list(members(three)[0].items()) == list(expected.items())


def test_overrides_change_a_member_and_are_part_of_it_then(three):
    second = load_experiment(three).resolved["model"]["members"][1]
    assert second["experiment"]["optimizer"]["learning_rate"] == 0.2
    assert second["overrides"] == []


def test_names_are_relative_to_the_file_that_says_them(three, monkeypatch):
    Path("more/above.yaml").write_text(COMMITTEE.replace("more/", "").replace("net.yaml", "../net.yaml"))
    Path("below.yaml").write_text("extends: more/above.yaml\nname: below\n")
    monkeypatch.chdir("more")
    assert [member["name"] for member in members(Path("../below.yaml"))] == ["net", "net", "pairs"]


def test_names_on_the_command_line_are_relative_to_the_working_folder(three, monkeypatch):
    monkeypatch.chdir("more")
    found = members(Path("../three.yaml"), "model.members=[{experiment: pairs.yaml}]")
    assert [member["name"] for member in found] == ["pairs"]


def test_member_may_extend_another_file(three):
    Path("faster.yaml").write_text("extends: net.yaml\noptimizer: {learning_rate: 3}\n")
    (member,) = members(three, "model.members=[{experiment: faster.yaml}]")
    assert (member["name"], member["optimizer"]["learning_rate"]) == ("net", 3.0)


def test_member_may_stand_in_the_file_itself(three):
    inline = "{name: here, model: {type: least_squares}}, overrides: [model.ridge=0.5]"
    (member,) = members(three, f"model.members=[{{experiment: {inline}}}]")
    assert member["model"] == {"type": "least_squares", "targets": "one_hot", "ridge": 0.5, "combine": "votes"}
    assert member["data"]["dataset"] == "mnist"


@pytest.mark.parametrize(("seed", "first"), [(0, 0), (3, 3000), (2**63 - 1, (1000 * (2**63 - 1)) % 2**63)])
def test_seeds_are_1000_seed_and_the_number_of_the_member(three, seed, first):
    assert [member["seed"] for member in members(three, f"seed={seed}")] == [first, 5, first + 2]


def test_seed_of_a_member_in_the_file_itself_is_its_own(three):
    text = "{name: a, seed: 8, model: {type: least_squares}}", "{name: b, model: {type: least_squares}}"
    items = ", ".join(f"{{experiment: {each}}}" for each in text)
    assert [member["seed"] for member in members(three, f"model.members=[{items}]")] == [8, 1]


def test_texts_of_members_are_sources_each_once(three):
    assert load_experiment(three).sources == [
        ("three.yaml", COMMITTEE),
        ("net.yaml", NET),
        ("more/pairs.yaml", PAIRS),
    ]


def test_origins_name_the_lines_that_say_the_values(three):
    origins = load_experiment(three).origins
    assert origins["model.members.0.experiment.optimizer.learning_rate"] == "net.yaml:7"
    assert origins["model.members.1.experiment.optimizer.learning_rate"] == "three.yaml:6"
    assert origins["model.members.0.experiment.seed"] == "three.yaml:5"
    assert origins["model.members.2.experiment.model.targets"] == "more/pairs.yaml:2"
    assert origins["model.members.2.experiment.model.ridge"] == "default"


def test_written_configuration_needs_no_file_and_has_the_same_digest(three):
    loaded = load_experiment(three)
    text = resolved_yaml(type_first(loaded.resolved))
    for path in (three, Path("net.yaml"), Path("more/pairs.yaml")):
        path.unlink()
    Path("config.yaml").write_text(text)
    again = load_resolved(Path("config.yaml"))
    assert config_hash(again.resolved) == config_hash(loaded.resolved)
    assert resolved_yaml(type_first(again.resolved)) == text
    assert overridden(again, ["backend.threads=1"]).resolved["model"] == again.resolved["model"]


def test_members_of_other_models_are_not_read(three):
    message = refusal(three, "model.type=sequential", "model.members=[{experiment: nowhere.yaml}]")
    assert "unknown key 'members' for model of type sequential" in message
    assert "cannot read" not in message


# Mistakes: what replaces the list of members, and what is said. Each is one mistake.

MISTAKES = {
    "no such file": ("[{experiment: nex.yaml}]", "three.yaml:4:26: cannot read nex.yaml: no such file", "'net.yaml'?"),
    "a folder": ("[{experiment: more}]", "three.yaml:4:26: cannot read more: this is a folder", "^^^^"),
    "a text": ("[net.yaml]", "three.yaml:4:13: expected a mapping, got 'net.yaml'", "valid: experiment, overrides"),
    "a name": ("net.yaml", "three.yaml:4:12: expected a list of 1 to 1000, each a mapping, got 'net.yaml'", "[ … ]"),
    "none": ("[]", "three.yaml:4:12: expected a list of 1 to 1000, each a mapping, got a list of 0", "^"),
    "a mapping": ("{a: {experiment: net.yaml}}", "three.yaml:4:12: expected a list of 1 to 1000", "got a mapping"),
    "a number": ("[{experiment: 3}]", "three.yaml:4:26: expected text or a mapping, got 3", "'3'"),
    "null": ("[{experiment: null}]", "three.yaml:4:13: missing key 'experiment' for model.members.0", "add experiment"),
    "no experiment": ("[{overrides: []}]", "three.yaml:4:13: missing key 'experiment' for model.members.0", "add"),
    "a wrong key": (
        "[{experiment: net.yaml, overide: [seed=1]}]",
        "three.yaml:4:36: unknown key 'overide' for model.members.0",
        "did you mean 'overrides'?",
    ),
    "overrides of another type": (
        "[{experiment: net.yaml, overrides: seed=1}]",
        "three.yaml:4:47: expected a list, each text, got 'seed=1'",
        "write a list",
    ),
    "an override of another type": (
        "[{experiment: net.yaml, overrides: [3]}]",
        "three.yaml:4:48: expected text, got 3",
        "'3'",
    ),
    "an override without a value": (
        "[{experiment: net.yaml, overrides: [seed]}]",
        "three.yaml:4: seed: expected KEY=VALUE",
        "such as",
    ),
    "an override of a wrong key": (
        "[{experiment: net.yaml, overrides: [optimizer.lerning_rate=1]}]",
        "three.yaml:4: optimizer.lerning_rate=1: unknown key 'lerning_rate' for optimizer of type sgd",
        "did you mean 'learning_rate'?",
    ),
    "an override of a wrong value": (
        "[{experiment: net.yaml, overrides: [seed=-1]}]",
        "three.yaml:4: seed=-1: expected an integer in [0, 9223372036854775808)",
        "(in the place of the value at net.yaml:2)",
    ),
    "a committee": (
        "[{experiment: other.yaml}]",
        "other.yaml:3:9: a committee is no member of another one; its members could be",
        "^^^^^^^^^^ read for this member",
    ),
    "itself": (
        "[{experiment: three.yaml}]",
        "three.yaml:3:9: a committee is no member of another one",
        "for this member",
    ),
    "a committee in the file itself": (
        "[{experiment: {name: a, model: {type: committee, members: [{experiment: net.yaml}]}}}]",
        "three.yaml:4:50: a committee is no member of another one",
        "^^^^^^^^^",
    ),
    "text that is no YAML": ("[{experiment: torn.yaml}]", "torn.yaml:2:1: not valid YAML: expected ','", "begins here"),
    "an invalid file": (
        "[{experiment: net.yaml}, {experiment: invalid.yaml}]",
        "invalid.yaml:2:39: expected a number > 0",
        "    4 |   members: [{experiment: net.yaml}, {experiment: invalid.yaml}]\n"
        "      |                                                  ^^^^^^^^^^^^ read for this member",
    ),
    "a file that lacks a key": (
        "[{experiment: net.yaml, overrides: [model=null]}]",
        "net.yaml: missing key 'model' at the top level",
        "    4 |   members: [{experiment: net.yaml, overrides: [model=null]}]\n"
        "      |                          ^^^^^^^^ read for this member",
    ),
    "an invalid experiment in the file itself": (
        "[{experiment: {name: a, model: {type: least_squares, ridg: 1}}}]",
        "three.yaml:4:65: unknown key 'ridg' for model of type least_squares",
        "did you mean 'ridge'?",
    ),
    "an experiment in the file itself that lacks its name": (
        "[{experiment: {model: {type: least_squares}}}]",
        "three.yaml:4:26: missing key 'name' at the top level",
        "add name",
    ),
    "an experiment in the file itself that extends": (
        "[{experiment: {extends: net.yaml}}]",
        "three.yaml:4:27: only a file can extend another",
        "^^^^^^^",
    ),
}


@pytest.mark.parametrize(("members", "what", "beside"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_in_a_member_is_shown_at_its_place(three, members, what, beside):
    text = f"name: three\nmodel:\n  type: committee\n  members: {members}\n"
    Path("other.yaml").write_text(COMMITTEE)
    Path("torn.yaml").write_text("model: {type: sequential\n")
    Path("invalid.yaml").write_text("extends: net.yaml\noptimizer: {type: sgd, learning_rate: -1}\n")
    three.write_text(text)
    message = refusal(three)
    assert message.startswith(f"error: {what}")
    assert beside in message
    assert message.endswith("\n1 error, nothing was run.")


def test_missing_members_are_asked_for(three):
    three.write_text("name: three\nmodel: {type: committee}\n")
    assert "three.yaml:2:1: missing key 'members' for model of type committee" in refusal(three)


def test_mistakes_of_all_members_and_of_the_committee_are_shown_together(three):
    Path("more/pairs.yaml").write_text(PAIRS + "batches: {size: 3}\n")
    message = refusal(three, "model.combine=median", "model.members.0.overrides=[seed=x]")
    assert "more/pairs.yaml:3:1: a model of type least_squares is fitted, and not trained by steps" in message
    assert "command line: seed=x: expected an integer" in message
    assert "model.combine=median: expected 'mean' or 'vote'" in message
    assert message.endswith("3 errors, nothing was run.")


def test_invalid_seed_of_a_committee_is_one_mistake(three):
    message = refusal(three, "seed=-1")
    assert "seed=-1: expected an integer" in message
    assert message.endswith("1 error, nothing was run.")


def test_committee_from_text_names_members_by_the_working_folder(three):
    assert load_text(COMMITTEE, "x.yaml").resolved["model"]["members"][2]["experiment"]["name"] == "pairs"
