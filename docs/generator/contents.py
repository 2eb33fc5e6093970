"""The contents of the course, and the weeks of a teacher's plan, from mnistnn/course/chapters.py and the records.

They stand in pages between lines `<!-- made: contents -->` or `<!-- made: week 1 -->` and `<!-- made: end -->`.
"""

import re
from collections.abc import Sequence
from functools import cache

from generator.markdown import escaped, table

from mnistnn.course.chapters import CHAPTERS, Chapter, Page
from mnistnn.reproduction.listing import examples

WEEKS = (2, 2, 3, 3, 3, 2)
"""How many chapters are read in each week."""
OTHER_PAGES = ("teacher", "coverage")
"""Pages of the course that are no part of a chapter."""

_BLOCK = re.compile(r"^<!-- made: (contents|week (\d)) -->\n.*?^(?=<!-- made: end -->$)", re.DOTALL | re.MULTILINE)


def renewed(text: str) -> str:
    """Return the text of a page with its contents and weeks as they should be."""
    return _BLOCK.sub(lambda found: f"<!-- made: {found[1]} -->\n\n{_made(found)}\n\n", text)


def contents() -> str:
    """Return the chapters with their pages, as a list to be read, and as a table of contents for Sphinx."""
    lines = [
        f"{number}. **{escaped(each.title)}** {_links(each.pages)}" for number, each in enumerate(CHAPTERS, start=1)
    ]
    names = [page.name for chapter in CHAPTERS for page in chapter.pages]
    tree = ["```{toctree}", ":hidden:", ":maxdepth: 1", *names, *OTHER_PAGES, "```"]
    return "\n".join([*lines, "", *tree])


def week(number: int) -> str:
    """Return the pages of a week: what each trains, for how many minutes, and its exercises."""
    pages = [page for chapter in chapters_of(number) for page in chapter.pages]
    rows = [
        [
            f"[{escaped(page.title)}]({page.name}.md)",
            ", ".join(f"`{name}` {_minutes(_seconds().get(name))}" for name in page.experiments),
            ", ".join(f"`{name}`" for name in page.exercises),
        ]
        for page in pages
    ]
    return "\n".join([table(["page", "experiments, and minutes of each", "exercises"], rows), "", _total(pages)])


def chapters_of(number: int) -> Sequence[Chapter]:
    """Return the chapters of a week, which is counted from 1."""
    first = sum(WEEKS[: number - 1])
    return CHAPTERS[first : first + WEEKS[number - 1]]


def _made(block: re.Match[str]) -> str:
    return contents() if block[2] is None else week(int(block[2]))


@cache
def _seconds() -> dict[str, float]:
    """Return the seconds of training of each experiment that has a record."""
    return {example.name: example.seconds for example in examples() if example.seconds is not None}


def _total(pages: Sequence[Page]) -> str:
    names = {name for page in pages for name in page.experiments}
    known = [_seconds()[name] for name in names if name in _seconds()]
    words = f"All experiments of the week together: {_minutes(sum(known))} minutes"
    unknown = len(names) - len(known)
    return f"{words}, without {unknown} that have no record (–)." if unknown else f"{words}."


def _links(pages: Sequence[Page]) -> str:
    return " · ".join(f"[{escaped(page.title)}]({page.name}.md)" for page in pages)


def _minutes(seconds: float | None) -> str:
    """Return seconds as minutes, to a tenth below ten of them."""
    if seconds is None:
        return "–"
    minutes = seconds / 60
    return f"{max(minutes, 0.1):.1f}" if minutes < 9.95 else f"{minutes:,.0f}"
