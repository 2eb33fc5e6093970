"""The contents of the course, and the weeks of a teacher's plan, from mnistnn/course/chapters.py and the records."""

from collections.abc import Mapping, Sequence

from generator.blocks import known
from generator.markdown import escaped, table

from mnistnn.course.chapters import CHAPTERS, Chapter, Page, pages

WEEKS = (2, 2, 3, 3, 3, 2)
"""How many chapters are read in each week."""
OTHER_PAGES = ("teacher", "coverage")
"""Pages of the course that are no part of a chapter."""


def contents() -> str:
    """Return the chapters with their pages, as a list to be read, and as a table of contents for Sphinx."""
    lines = [
        f"{number}. **{escaped(each.title)}** {_links(each.pages)}" for number, each in enumerate(CHAPTERS, start=1)
    ]
    names = [page.name for page in pages()]
    tree = ["```{toctree}", ":hidden:", ":maxdepth: 1", *names, *OTHER_PAGES, "```"]
    return "\n".join([*lines, "", *tree])


def week(number: str, seconds: Mapping[str, float]) -> str:
    """Return the pages of a week: what each trains, for how many minutes, and its exercises.

    seconds  of training, of each experiment that has a record
    Raises BlockError if there is no such week.
    """
    known(number, [str(each) for each in range(1, len(WEEKS) + 1)], "week")
    pages = [page for chapter in chapters_of(int(number)) for page in chapter.pages]
    rows = [
        [
            f"[{escaped(page.title)}]({page.name}.md)",
            ", ".join(f"`{name}` {_minutes(seconds.get(name))}" for name in page.experiments),
            ", ".join(f"`{name}`" for name in page.exercises),
        ]
        for page in pages
    ]
    return "\n".join(
        [table(["page", "experiments, and minutes of each", "exercises"], rows), "", _total(pages, seconds)]
    )


def chapters_of(number: int) -> Sequence[Chapter]:
    """Return the chapters of a week, which is counted from 1."""
    first = sum(WEEKS[: number - 1])
    return CHAPTERS[first : first + WEEKS[number - 1]]


def _total(pages: Sequence[Page], seconds: Mapping[str, float]) -> str:
    names = {name for page in pages for name in page.experiments}
    recorded = [seconds[name] for name in names if name in seconds]
    if not recorded:
        return "No experiment of the week has a record."
    words = f"All experiments of the week together: {_minutes(sum(recorded))} minutes"
    unknown = len(names) - len(recorded)
    return f"{words}, without {unknown} that have no record (–)." if unknown else f"{words}."


def _links(pages: Sequence[Page]) -> str:
    return " · ".join(f"[{escaped(page.title)}]({page.name}.md)" for page in pages)


def _minutes(seconds: float | None) -> str:
    """Return seconds as minutes, to a tenth below ten of them."""
    if seconds is None:
        return "–"
    minutes = seconds / 60
    return f"{max(minutes, 0.1):.1f}" if minutes < 9.95 else f"{minutes:,.0f}"
