"""What every exercise has, and what beginning one does."""

import pytest

from mnistnn.course.beginning import begin, is_begun, usual_folder
from mnistnn.course.checks import CHECKS
from mnistnn.course.exercise import MOST_HINTS, README, exercise, exercise_names
from mnistnn.course.judging import findings_of
from mnistnn.errors import ResourceError, UsageError


def test_each_exercise_of_the_course_has_a_check_and_no_other_has():
    assert sorted(CHECKS) == sorted(exercise_names())


@pytest.mark.parametrize("name", exercise_names())
def test_exercise_has_a_task_hints_start_and_solution(name):
    found = exercise(name)
    assert found.title
    assert found.task.startswith(f"# {found.title}\n")
    assert len(found.hints) == MOST_HINTS
    assert all(found.hints)
    assert "Hint" not in found.task
    assert README not in found.start
    changed = [file for file, text in found.solution.items() if found.start.get(file) not in (None, text)]
    assert changed, "the solution changes no file"
    assert all(file in found.start or file == "commands.txt" for file in found.solution)


def test_unknown_exercise_is_a_usage_error():
    with pytest.raises(UsageError, match="did you mean 'derive-dz'"):
        exercise("derive-dx")


def test_nothing_that_is_there_is_overwritten(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "layer.py").write_text("mine")
    with pytest.raises(ResourceError):
        begin(exercise("derive-dz"), folder)
    assert (folder / "layer.py").read_text() == "mine"


def test_folder_with_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"has none of the files of this exercise \(layer.py\), and is not empty"):
        is_begun(exercise("derive-dz"), tmp_path)
    with pytest.raises(UsageError, match="is no folder"):
        is_begun(exercise("derive-dz"), tmp_path / "notes.txt")


def test_working_folder_of_that_name_with_the_files_is_meant(begun, monkeypatch, tmp_path):
    asked = exercise("derive-dw")
    monkeypatch.chdir(tmp_path)
    assert str(usual_folder(asked)) == "derive-dw"
    monkeypatch.chdir(begun("derive-dw"))
    assert str(usual_folder(asked)) == "."


def test_missing_file_is_named(begun):
    folder = begun("read-the-test-once")
    (folder / "b.yaml").unlink()
    (finding,) = findings_of(exercise("read-the-test-once"), folder)
    assert finding.said.startswith("b.yaml: no such file")


def test_readme_says_how_to_check(begun):
    assert "mnistnn exercise derive-dz --folder" in (begun("derive-dz") / README).read_text()
