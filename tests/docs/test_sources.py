"""What the slides and LISA teach and get wrong: each row leads somewhere, and the course has all of it."""

from pathlib import Path

import pytest

from docs.generator.sources import (
    RowError,
    as_markdown,
    known_experiments,
    mistakes,
    techniques,
)
from mnistnn.course.chapters import pages

ROOT = Path(__file__).parents[2]
TECHNIQUE = "{source: slides, place: A slide, what: a thing, page: momentum, experiment: course/nesterov}"
MISTAKE = "{source: slides, place: A slide, says: one, is: two, page: momentum, see: [course/nesterov]}"
PAGES_OF_NEITHER: dict[str, str] = {}
"""Pages of the course that are about nothing that either text teaches, with the reason for each."""


@pytest.fixture
def rows(tmp_path):
    """Write rows, each on a line of its own, to a file."""

    def write(*lines: str) -> Path:
        path: Path = tmp_path / "rows.yaml"
        path.write_text("".join(f"- {line}\n" for line in lines), encoding="utf-8")
        return path

    return write


def test_every_page_of_the_course_teaches_something_of_the_sources():
    taught = {row.page for row in techniques()}
    assert sorted({page.name for page in pages()} - taught) == sorted(PAGES_OF_NEITHER)


def test_every_experiment_of_the_course_shows_something_of_the_sources():
    shown = {row.experiment for row in techniques()}
    assert sorted(name for name in known_experiments() - shown if name.startswith("course/")) == []


def test_both_sources_are_listed_to_their_ends():
    places = [(row.source, row.place) for row in techniques()]
    assert places[0] == ("slides", "Why use neural networks")
    assert ("slides", "Recurrent Neural Networks") in places
    assert places[-1] == ("lisa", "Theano/Python tips: plotting intermediate results")


def test_no_technique_is_listed_twice():
    said = [(row.source, row.what) for row in techniques()]
    assert sorted({each for each in said if said.count(each) > 1}) == []


def test_names_and_paths_of_what_shows_a_mistake_are_code_and_other_words_are_words():
    said = ("course/nesterov", "tests/docs/test_sources.py", "LeCun et al. (1998)")
    assert [as_markdown(each) for each in said] == [f"`{said[0]}`", f"`{said[1]}`", said[2]]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (TECHNIQUE.replace("what", "That"), "unknown key 'That'"),
        (TECHNIQUE.replace("what: a thing, ", ""), "a row needs 'what'"),
        (TECHNIQUE.replace("a thing", "7"), "'what' must be text"),
        (TECHNIQUE.replace("slides", "book"), "unknown source 'book': one of slides, lisa"),
        (TECHNIQUE.replace("momentum", "momentun"), "there is no page 'momentun'"),
        (TECHNIQUE.replace("nesterov", "nesteroff"), "there is no experiment 'course/nesteroff'"),
        (TECHNIQUE.replace("page: momentum, ", ""), "no page, and no reason"),
        (TECHNIQUE.replace(", experiment: course/nesterov", ""), "no experiment, and no reason"),
        (TECHNIQUE.replace("}", ", reason: none}"), "a reason, and neither page nor experiment is missing"),
        ("a text", "a row is a mapping"),
    ],
)
def test_wrong_row_of_a_technique_is_refused_with_its_line(line, complaint, rows):
    with pytest.raises(RowError, match=rf"rows\.yaml:2: .*{complaint}"):
        techniques(rows(TECHNIQUE, line))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (MISTAKE.replace("[course/nesterov]", "course/nesterov"), "'see' must be a list of texts"),
        (MISTAKE.replace("nesterov", "nesteroff"), "there is no experiment 'course/nesteroff'"),
        (MISTAKE.replace("course/nesterov", "tests/test_none.py"), "there is no file 'tests/test_none.py'"),
        (MISTAKE.replace(", see: [course/nesterov]", ""), "a row needs 'see'"),
    ],
)
def test_wrong_row_of_a_mistake_is_refused_with_its_line(line, complaint, rows):
    with pytest.raises(RowError, match=rf"rows\.yaml:2: .*{complaint}"):
        mistakes(rows(MISTAKE, line))


def test_all_that_is_wrong_is_said_at_once(rows):
    with pytest.raises(RowError) as error:
        mistakes(rows(MISTAKE.replace("momentum", "here"), MISTAKE.replace("momentum", "there")))
    assert [line.split(": ")[0] for line in str(error.value).splitlines()] == ["rows.yaml:1", "rows.yaml:2"]


def test_rows_of_lisa_come_after_those_of_the_slides(rows):
    with pytest.raises(RowError, match=r"rows\.yaml:2: a row of the slides stands behind those of LISA"):
        mistakes(rows(MISTAKE.replace("slides", "lisa"), MISTAKE))


def test_file_that_is_no_list_is_refused(tmp_path):
    (tmp_path / "rows.yaml").write_text("source: slides\n", encoding="utf-8")
    with pytest.raises(RowError, match=r"rows\.yaml:1: the file is no list of rows"):
        techniques(tmp_path / "rows.yaml")


def test_rows_that_are_right_are_read(rows):
    (technique,) = techniques(rows(TECHNIQUE))
    assert (technique.page, technique.experiment, technique.reason) == ("momentum", "course/nesterov", "")
    (mistake,) = mistakes(rows(MISTAKE))
    assert (mistake.says, mistake.fact, mistake.see) == ("one", "two", ("course/nesterov",))
