"""`mnistnn inspect component`, and `mnistnn config new --layer` and its neighbours."""

import json
from pathlib import Path

import pytest

from mnistnn.errors import UsageError
from mnistnn.plugins.kinds import KINDS
from mnistnn.plugins.skeleton import skeleton
from tests.plugins.conftest import CODE

FLAGS = {kind: f"--{kind.replace('_', '-')}" for kind in KINDS}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_printed_component_passes_as_it_is(command, kind):
    done = command("config", "new", FLAGS[kind], "mine")
    assert (done.code, done.err) == (0, "")
    Path("mine.py").write_text(done.out)
    judged = command("inspect", "component", "mine.py")
    assert (judged.code, judged.err) == (0, "")
    title, head, *rows = judged.out.splitlines()
    assert title.startswith(f"{KINDS[kind].words.partition(' ')[2]} mine (mine.py:")
    assert head.split() == ["claim", "measured", "allowed"]
    assert all(row.startswith(("ok  ", "left out  ")) for row in rows)


@pytest.mark.parametrize("name", ["array", "shape", "base_layer", "none", "literal"])
def test_class_is_called_like_nothing_that_its_file_uses(command, name):
    Path("own.py").write_text(command("config", "new", "--layer", name).out)
    done = command("inspect", "component", "own.py", "--json")
    assert json.loads(done.out)["components"][0]["type"] == name


@pytest.mark.parametrize("name", ["dense", "adam", "rbm", "Maxout", "1st", "a-b", "class", "a" * 65, ""])
def test_name_that_no_component_can_have_is_refused(command, name):
    done = command("config", "new", "--layer", name)
    assert (done.code, done.out) == (2, "")


def test_one_file_is_printed_at_a_time(command):
    for more in (["--loss", "other"], ["mlp"]):
        done = command("config", "new", "--layer", "mine", *more)
        assert (done.code, "one file at a time" in done.err) == (2, True)


def test_experiment_is_printed_where_no_component_is_asked_for(command):
    assert command("config", "new").out == command("config", "new", "mlp").out
    assert "\nname: mine\n" in command("config", "new").out


def test_claim_that_does_not_hold_ends_with_9_and_is_said(command):
    Path("mine.py").write_text(
        skeleton("layer", "mine").replace("out=self.dW)", "out=self.dW)\n        self.dW *= 1.5")
    )
    done = command("inspect", "component", "mine.py")
    assert done.code == 9
    wrong = [line for line in done.out.splitlines() if line.startswith("FAILED")]
    (row,) = wrong
    assert row.removeprefix("FAILED").strip().startswith("The backward pass finds the derivative by parameter `W`  ")
    assert "error 2.0e-01" in row
    assert done.err == (
        "error: layer mine (mine.py:29): 1 of 17 claims do not hold: The backward pass finds the derivative by "
        "parameter `W`: error 2.0e-01\n"
    )


def test_json_has_each_claim(command):
    Path("mine.py").write_text(skeleton("policy", "mine"))
    found = json.loads(command("inspect", "component", "mine.py", "patience=2", "--json").out)
    assert (found["schema_version"], found["passed"]) == (1, True)
    (component,) = found["components"]
    assert {key: component[key] for key in ("kind", "type", "place", "keys", "made_up")} == {
        "kind": "policy",
        "type": "mine",
        "place": "mine.py:14",
        "keys": {"patience": 2},
        "made_up": [],
    }
    assert component["claims"][-1] == {
        "claim": "A run that no longer improves comes to an end",
        "measured": "at evaluation 4",
        "allowed": "",
        "verdict": "ok",
    }


def test_key_without_a_default_is_made_up_and_said(command):
    assert "layer dense, units=3 (units: made up):\n" in command("inspect", "component", "dense").out
    assert "layer dense, units=5:\n" in command("inspect", "component", "dense", "units=5").out


def test_wrong_value_is_shown_where_it_was_given(command):
    done = command("inspect", "component", "dense", "units=many")
    assert done.code == 2
    assert "units=many" in done.err


def test_several_components_of_a_file_are_judged_one_by_one(command):
    both = CODE["rule"] + CODE["every_other"].replace("from typing import Literal\n", "")
    Path("both.py").write_text(both)
    assert [line for line in command("inspect", "component", "both.py").out.splitlines() if line.endswith(":")] == [
        "optimizer lion (both.py:7), learning_rate=0.05 (learning_rate: made up):",
        "policy every_other (both.py:26):",
    ]
    done = command("inspect", "component", "both.py", "evaluations=4")
    assert (done.code, "--type says whose keys these are" in done.err) == (2, True)
    done = command("inspect", "component", "both.py", "evaluations=4", "--type", "every_other")
    assert (done.code, done.out.startswith("policy every_other")) == (0, True)
    done = command("inspect", "component", "both.py", "--type", "every")
    assert (done.code, "did you mean 'every_other'?" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("dens", "did you mean 'dense'?"),
        ("rbm", "'rbm' is neither"),
        ("committee", "consists of runs"),
        ("gone.py", "gone.py: no such file"),
    ],
)
def test_what_cannot_be_judged_is_refused(command, target, said):
    done = command("inspect", "component", target)
    assert (done.code, said in done.err) == (2, True), done.err


def test_layer_is_tried_with_the_shape_that_is_asked_for(command):
    done = command("inspect", "component", "conv", "maps=2", "kernel=2", "--input-shape", "3x7x6")
    assert done.code == 0
    assert "3×7×6 → 2×6×5" in done.out
    done = command("inspect", "component", "conv", "maps=2", "kernel=2", "--input-shape", "12")
    assert done.code == 9
    assert "12 is refused" in done.out
    assert command("inspect", "component", "adam", "--input-shape", "12").code == 2
    for wrong in ("0x3", "a", "2x", "2000", "1x2x3x4x5"):
        assert command("inspect", "component", "dense", "--input-shape", wrong).code == 2


def test_lines_fit_on_a_narrow_terminal(command, monkeypatch):
    monkeypatch.setattr("mnistnn.cli.table.columns_of_terminal", lambda without_one=0: 60)
    lines = command("inspect", "component", "max_epochs", "epochs=3").out.splitlines()
    assert max(map(len, lines)) <= 60
    assert "ok        Asked twice about the same history, it says the" in lines


def test_refusals_of_names_are_usage_errors():
    with pytest.raises(UsageError, match="of its own"):
        skeleton("loss", "softmax_nll")
