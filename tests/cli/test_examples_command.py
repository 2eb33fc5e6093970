"""`mnistnn examples` and `mnistnn config new`; experiments by their names on the command line."""

import json
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_all_are_listed_with_claim_seconds_and_a_line(elsewhere, command):
    done = command("examples")
    lines = done.out.splitlines()
    assert done.code == 0
    assert len(lines) - 1 >= 85
    (row,) = (line for line in lines if line.startswith("softmax "))
    assert "7.30 to 8.20 %" in row
    assert "Multiclass logistic regression" in row
    assert "mnistnn examples show NAME" in done.err


def test_word_is_looked_for_in_names_and_comments(elsewhere, command):
    lines = command("examples", "l_bfgs").out.splitlines()[1:]
    assert [line.split()[0] for line in lines if "/" in line.partition(" ")[0]] == [
        "alternatives/l_bfgs",
        "alternatives/l_bfgs_mini_batches",
        "alternatives/softmax_l_bfgs",
    ]
    assert "lstm" in command("examples", "Long Short-Term").out


def test_experiments_of_the_course_are_listed_by_its_chapters(elsewhere, command):
    lines = command("examples", "softmax").out.splitlines()
    place = lines.index("3. From regression to softmax")
    names = [line.split(" ")[0] for line in lines[place + 1 : place + 20]]
    full, more, plain = (
        names.index(name) for name in ("course/softmax_full_batch", "course/softmax_1000_steps", "softmax")
    )
    assert full < more < plain
    assert lines.index("Others: alternatives") > place
    found = json.loads(command("examples", "list", "softmax", "--json").out)["examples"]
    chapters = {each["name"]: each["chapter"] for each in found}
    assert chapters["softmax"] == "From regression to softmax"
    assert chapters["alternatives/softmax_l_bfgs"] is None


def test_list_as_json_has_every_experiment(elsewhere, command):
    found = json.loads(command("examples", "list", "softmax", "--json").out)
    one = next(each for each in found["examples"] if each["name"] == "softmax")
    assert one["claim"] == "7.30 to 8.20 %"
    assert one["seconds"] > 0
    assert one["line"].startswith("Multiclass logistic regression")


def test_word_that_nothing_has_is_a_usage_error(elsewhere, command):
    done = command("examples", "sofmax")
    assert done.code == 2
    assert "did you mean 'softmax'?" in done.err


def test_file_of_an_experiment_is_printed_as_it_is(elsewhere, command):
    done = command("examples", "show", "history/mlp_800")
    assert done.out == (PROJECT / "experiments/history/mlp_800.yaml").read_text()
    assert done.err.strip().endswith("history/mlp_800.yaml")
    assert command("examples", "show", "history/mlp_80").code == 2


def test_experiment_is_meant_by_its_name_and_that_is_said(elsewhere, command):
    done = command("config", "show", "softmax", "--no-origins")
    assert done.code == 0
    assert "name: softmax" in done.out
    assert done.err.startswith("softmax: the experiment of mnistnn, ")
    assert command("config", "show", "softmax", "-q").err == ""


def test_file_of_that_path_is_meant_and_that_is_said(elsewhere, command):
    Path("softmax").write_text(
        (PROJECT / "experiments/softmax.yaml").read_text().replace("name: softmax", "name: mine")
    )
    done = command("config", "show", "softmax", "--no-origins")
    assert "name: mine" in done.out
    assert done.err == "softmax: the file, not the experiment of mnistnn, softmax\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "softmax", "--dry-run"),
        ("config", "check", "softmax"),
        ("config", "diff", "softmax", "mlp"),
        ("inspect", "summary", "softmax"),
        ("sweep", "run", "softmax", "optimizer.learning_rate=0.1,0.2", "--dry-run"),
    ],
)
def test_commands_that_take_an_experiment_take_its_name(toy, command, arguments):
    done = command(*arguments)
    assert done.code == 0, done.err
    assert "the experiment of mnistnn" in done.err


def test_new_file_is_an_experiment_under_its_own_name(elsewhere, command):
    done = command("config", "new", "course/adam", "--name", "try")
    Path("try.yaml").write_text(done.out)
    assert command("config", "check", "try.yaml").out == "ok try.yaml\n"
    assert command("config", "new").out.count("name: mine") == 1
