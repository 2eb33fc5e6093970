"""Pages of the course are what `mnistnn/course/chapters.py` says of them."""

import re

import pytest

from mnistnn.course.chapters import Page, pages
from tests.docs.page_run import ROOT

FOLDER = ROOT / "docs" / "course"
EACH_PAGE = pytest.mark.parametrize(
    "page", [page for page in pages() if (FOLDER / f"{page.name}.md").exists()], ids=lambda page: page.name
)


def _text(page: Page) -> str:
    return (FOLDER / f"{page.name}.md").read_text(encoding="utf-8")


@EACH_PAGE
def test_page_begins_with_its_title_and_its_question(page):
    assert re.match(rf"# {re.escape(page.title)}\n\n\*The question: [^*]+\?\*", _text(page))


@EACH_PAGE
def test_page_shows_the_records_of_its_experiments(page):
    blocks = re.findall(r"^<!-- made: records (.*) -->$", _text(page), re.MULTILINE)
    assert set(page.experiments) <= {name for names in blocks for name in names.split()}


@EACH_PAGE
def test_page_sets_its_exercises_and_no_others(page):
    assert set(re.findall(r"`mnistnn exercise ([\w-]+)`", _text(page))) == set(page.exercises)
