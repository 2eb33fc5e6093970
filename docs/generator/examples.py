"""The page of all experiments that come with mnistnn: what `mnistnn examples` lists."""

from generator.markdown import escaped, page, table

from mnistnn.course.chapters import experiments_by_chapter
from mnistnn.reproduction.listing import Example, examples, sections


def page_of_examples() -> str:
    """Return the page."""
    return page(
        "# Experiments",
        "Made of the experiments' files and records by `make docs`; not to be edited.",
        "Each comes with mnistnn and is trained by its name: `mnistnn train NAME`. The claim is the band in which its "
        "test error, or what it names, must lie; *found* is what the project's record of it has. Seconds are those of "
        "training on two cores, where no GPU is named. `mnistnn examples show NAME` prints the file, which says where "
        "the experiment comes from.",
        "Those that a chapter of the course names come first, chapter by chapter, then all others, group by group.",
        *(
            part
            for section in sections(examples(), experiments_by_chapter())
            for part in (f"## {section.heading}", _table(section.members))
        ),
    )


def _table(members: list[Example]) -> str:
    return table(
        ["name", "what it shows", "claim", "found", "seconds"],
        (
            [
                f"`{each.name}`",
                escaped(each.line),
                escaped(each.claim),
                escaped(each.found),
                "" if each.seconds is None else f"{each.seconds:,.0f}",
            ]
            for each in members
        ),
    )
