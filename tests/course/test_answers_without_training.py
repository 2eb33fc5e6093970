"""Exercises whose check trains nothing: the start is refused, the solution is taken, mistakes are told apart."""

import pytest

from mnistnn.course.exercise import exercise
from mnistnn.course.judging import findings_of, is_solved
from tests.course.wrong_answers import WRONG

pytestmark = pytest.mark.usefixtures("in_this_process")


def said(found):
    return "\n".join(finding.said for finding in found if not finding.holds)


@pytest.mark.parametrize("name", WRONG)
def test_start_is_no_answer_and_the_solution_is(name, begun):
    folder = begun(name)
    untouched = findings_of(exercise(name), folder)
    assert "Nothing was changed yet" in untouched[0].said
    assert any(not finding.holds for finding in untouched[1:]), "the check itself takes the start for an answer"
    for file, text in exercise(name).solution.items():
        (folder / file).write_text(text)
    solution = findings_of(exercise(name), folder)
    assert is_solved(solution), said(solution)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [pytest.param(name, wrong, id=f"{name}: {wrong.said}") for name, several in WRONG.items() for wrong in several],
)
def test_mistake_is_refused_with_what_kind_it_is(name, wrong, solved):
    path = solved(name) / wrong.file
    text = path.read_text()
    assert wrong.old in text
    path.write_text(text.replace(wrong.old, wrong.new))
    found = findings_of(exercise(name), path.parent)
    assert wrong.said in said(found)


def test_at_least_three_mistakes_are_known_of_each_exercise():
    assert all(len(several) >= 3 for several in WRONG.values())
