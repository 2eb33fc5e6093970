"""`mnistnn exercise`."""

import json
from pathlib import Path

import pytest

from mnistnn.cli.shell import root
from mnistnn.course import checks as checks_of_course
from mnistnn.course.exercise import exercise, exercise_names

RIGHT = {"derivatives.py": exercise("derive-dw").solution["derivatives.py"]}


@pytest.fixture(autouse=True)
def own_states(tmp_path, monkeypatch):
    monkeypatch.setenv("MNISTNN_COURSE", str(tmp_path / "course.json"))
    monkeypatch.chdir(tmp_path)


def test_exercise_is_begun_refused_and_solved(command):
    begun = command("exercise", "derive-dw")
    assert begun.code == 0
    assert "next: read derive-dw/README.md" in begun.err
    start = Path("derive-dw/derivatives.py").read_text()
    refused = command("exercise", "derive-dw")
    assert refused.code == 9
    assert "wrong  Nothing was changed yet in derivatives.py." in refused.out
    assert "derive-dw is not solved yet" in refused.err
    assert Path("derive-dw/derivatives.py").read_text() == start
    Path("derive-dw/derivatives.py").write_text(RIGHT["derivatives.py"])
    solved = command("exercise", "derive-dw")
    assert solved.code == 0, solved.out
    assert "solved: derive-dw" in solved.out
    (row,) = (line for line in command("exercise").out.splitlines() if line.startswith("derive-dw "))
    assert "passed 2" in row


def test_folder_may_have_another_name(command):
    assert "--folder 'my answer'" in command("exercise", "last-epoch", "--folder", "my answer").err
    Path("my answer/answers.yaml").write_text("stops_after: 6\nreturned: 3\n")
    assert command("exercise", "last-epoch", "--folder", "my answer").code == 0
    assert not Path("last-epoch").exists()
    (entry,) = (each for each in json.loads(command("exercise", "--json").out)["exercises"] if each["passed"])
    assert entry["folder"] == str(Path("my answer").resolve())


def test_hints_come_one_after_the_other(command):
    hints = [hint.replace("\n", " ") for hint in exercise("last-epoch").hints]
    shown = [command("exercise", "last-epoch", "--hint").out for _ in range(3)]
    assert shown == [f"hint {n}: {hints[int(n[0]) - 1]}\n" for n in ("1 of 2", "2 of 2", "2 of 2")]
    assert command("exercise", "last-update", "--hint", "2").out.startswith("hint 2 of 2: ")
    assert command("exercise", "last-epoch", "--hint", "3").code == 2
    assert "two hints shown" in command("exercise").out


def test_solution_is_shown_and_that_is_noted(command):
    done = command("exercise", "last-epoch", "--solution")
    assert done.out == "answers.yaml:\nstops_after: 6\nreturned: 3\n"
    assert "solution shown" in command("exercise").out
    Path("last-epoch").mkdir()
    Path("last-epoch/answers.yaml").write_text("stops_after: 6\nreturned: 3\n")
    assert command("exercise", "last-epoch").code == 0
    assert "solution" in command("exercise").out


def test_once_passed_stays_passed(command):
    command("exercise", "last-epoch")
    answers = Path("last-epoch/answers.yaml")
    answers.write_text("stops_after: 6\nreturned: 3\n")
    assert command("exercise", "last-epoch").code == 0
    answers.write_text("stops_after: 7\nreturned: 3\n")
    assert command("exercise", "last-epoch").code == 9
    assert "passed 2" in command("exercise").out


def test_check_as_json_has_all_findings(command):
    command("exercise", "last-epoch")
    Path("last-epoch/answers.yaml").write_text("stops_after: 7\nreturned: 3\n")
    done = command("exercise", "last-epoch", "--json")
    found = json.loads(done.out)
    assert done.code == 9
    assert found["solved"] is False
    assert [each["holds"] for each in found["findings"]] == [False, True]


def test_all_are_listed(command):
    lines = command("exercise").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == exercise_names()
    assert len(json.loads(command("exercise", "--json").out)["exercises"]) == len(exercise_names())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("derive-dx",), "did you mean 'derive-dz'?"),
        (("--solution",), "name an exercise"),
        (("derive-dz", "--solution", "--hint"), "exclude each other"),
        (("derive-dz", "--json"), "begin the exercise without --json"),
    ],
)
def test_command_lines_that_make_no_sense_are_usage_errors(command, arguments, said):
    done = command("exercise", *arguments)
    assert done.code == 2
    assert said in done.err


def test_names_are_completed():
    exercise_command = root.get_command(None, "exercise")  # type: ignore[arg-type] # the context is not asked
    assert exercise_command is not None
    (name, *_) = exercise_command.params
    found = name.type.shell_complete(None, name, "last-")  # type: ignore[arg-type]
    assert [item.value for item in found] == ["last-epoch", "last-update"]


def test_check_that_may_train_an_experiment_announces_it(command):
    for name, announced in (("break-symmetry", True), ("derive-dw", False)):
        command("exercise", name)
        assert ("which takes up to a minute" in command("exercise", name).err) == announced
        assert "which takes up to a minute" not in command("exercise", name, "-q").err


def test_exercises_that_train_are_those_with_an_experiment_to_change():
    checks = Path(checks_of_course.__file__).parent
    of_trials = {path.stem.replace("_", "-") for path in checks.glob("*.py") if "trial(" in path.read_text()}
    assert {name for name in exercise_names() if exercise(name).trains} == of_trials
