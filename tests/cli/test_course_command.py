"""`mnistnn course`."""

import json

import pytest


@pytest.fixture(autouse=True)
def own_states(tmp_path, monkeypatch):
    monkeypatch.setenv("MNISTNN_COURSE", str(tmp_path / "course.json"))
    monkeypatch.chdir(tmp_path)


def test_chapters_are_listed_with_what_is_done(toy, start, command):
    assert command("exercise", "last-epoch", "--hint").code == 0
    (toy.parent / "last-epoch").mkdir()
    (toy.parent / "last-epoch" / "answers.yaml").write_text("stops_after: 6\nreturned: 3\n")
    assert command("exercise", "last-epoch").code == 0
    start(toy, "name=softmax", path="runs/softmax/1")
    done = command("course")
    assert done.code == 0
    lines = done.out.splitlines()
    assert "3. From regression to softmax" in lines
    (row,) = (line for line in lines if line.startswith("   gradient-descent "))
    assert row.split()[-6:] == ["1", "of", "4", "0", "of", "2"]
    (row,) = (line for line in lines if line.startswith("   early-stopping "))
    assert row.endswith("1 of 1")
    assert "0 of" in command("course", "--runs", "elsewhere").out
    assert "1 of 4" not in command("course", "--runs", "elsewhere").out


def test_page_is_shown_with_seconds_runs_and_states(toy, start, command):
    start(toy, "name=softmax", path="runs/softmax/1")
    command("exercise", "highest-rate", "--solution")
    done = command("course", "gradient-descent")
    assert "Gradient descent: docs/course/gradient-descent.md in the documentation" in done.out
    (row,) = (line.split() for line in done.out.splitlines() if line.startswith("  softmax "))
    assert float(row[1]) > 0
    assert row[2] == "runs/softmax/1"
    (row,) = (line for line in done.out.splitlines() if line.startswith("  highest-rate "))
    assert row.endswith("solution shown")
    assert "Softmax regression" not in done.out


def test_chapter_is_shown_with_all_its_pages(command):
    out = command("course", "3").out
    assert "docs/course/softmax.md" in out
    assert "docs/course/gradient-descent.md" in out
    assert "docs/course/hebb.md" not in out


def test_json_has_every_page(command):
    found = json.loads(command("course", "--json").out)
    assert [chapter["number"] for chapter in found["chapters"]] == list(range(1, len(found["chapters"]) + 1))
    (page,) = json.loads(command("course", "softmax", "--json").out)["chapters"][0]["pages"]
    assert page["file"] == "docs/course/softmax.md"
    assert [each["name"] for each in page["exercises"]] == ["argmax-axis", "sum-for-mean"]
    assert page["experiments"][0]["run"] is None


@pytest.mark.parametrize(("part", "said"), [("sofmax", "did you mean 'softmax'?"), ("99", "no number of a chapter")])
def test_what_is_neither_page_nor_chapter_is_a_usage_error(command, part, said):
    done = command("course", part)
    assert done.code == 2
    assert said in done.err


def test_page_without_experiments_and_checked_exercises_names_its_questions(command):
    assert "no experiments, and no exercises that are checked; the page has questions" in command("course", "units").out
    assert "the page has questions" not in command("course", "softmax").out
