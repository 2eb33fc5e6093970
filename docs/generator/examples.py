"""The page of all experiments that come with mnistnn: what `mnistnn examples` lists."""

from itertools import groupby

from generator.markdown import escaped, page, table

from mnistnn.reproduction.listing import Example, examples


def page_of_examples() -> str:
    """Return the page."""
    groups = groupby(examples(), key=lambda example: example.group)
    return page(
        "# Experiments",
        "Made of the experiments' files and records by `make docs`; not to be edited.",
        "Each comes with mnistnn and is trained by its name: `mnistnn train NAME`. The claim is the band in which its "
        "test error, or what it names, must lie; *found* is what the project's record of it has. Seconds are those of "
        "training on two cores, where no GPU is named. `mnistnn examples show NAME` prints the file, which says where "
        "the experiment comes from.",
        *(part for group, members in groups for part in (f"## {group or 'The project’s own'}", _table(list(members)))),
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
