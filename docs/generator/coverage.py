"""The page of all that the slides and LISA teach: where the course teaches it, and what was found."""

from collections.abc import Sequence

from generator.markdown import escaped, page, table
from generator.sources import SOURCES, Technique, techniques

from mnistnn.config.examples import example_path
from mnistnn.config.load import load_experiment
from mnistnn.course.chapters import pages
from mnistnn.reproduction.listing import examples

_COLUMNS = ("where", "what", "page", "experiment", "found")


def page_of_coverage() -> str:
    """Return the page."""
    rows = techniques()
    found = {example.name: example.found for example in examples()}
    shown = sum(bool(row.experiment and found.get(row.experiment)) for row in rows)
    return page(
        "# What the sources teach, and where it is",
        "Made of `docs/course/techniques.yaml` and of the records of experiments by `make docs`; not to be edited.",
        f"Each technique, formula and named alternative of both sources is a row, in the order of the sources: "
        f"{len(rows)} of them, {shown} with an experiment that has a record. *Found* is what the record has: the test "
        "error, or what else the experiment claims, as the mean over seeds and the standard deviation; the number of "
        "seeds is in parentheses. Where a page or an experiment is missing, the reason stands in its place.",
        *(
            part
            for word, source in SOURCES.items()
            for part in (
                f"## {source[0].upper()}{source[1:]}",
                _table([row for row in rows if row.source == word], found),
            )
        ),
    )


def _table(rows: Sequence[Technique], found: dict[str, str]) -> str:
    titles = {each.name: each.title for each in pages()}
    return table(
        _COLUMNS,
        (
            [
                escaped(row.place),
                row.what,
                f"[{escaped(titles[row.page])}]({row.page}.md)" if row.page else row.reason,
                f"`{row.experiment}`" if row.experiment else row.reason if row.page else "",
                escaped(_found(row.experiment, found)) if row.experiment else "",
            ]
            for row in rows
        ),
    )


def _found(name: str, found: dict[str, str]) -> str:
    """Return what the record of an experiment has; without one, what stands in its place."""
    path = example_path(name)
    if path is None:
        return "not there yet"
    return found[name] or ("not run" if load_experiment(path).experiment.expect.not_run else "no record yet")
