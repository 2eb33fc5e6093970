"""`mnistnn inspect members`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistnn.cli import output
from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.inspect import trained_options
from mnistnn.cli.options import CHECKPOINT, RUNS
from mnistnn.cli.table import table, wrapped
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.analysis.inspection.members import Example, Members
    from mnistnn.experiment.trained import Trained
    from mnistnn.types import SplitName

_LISTED, _MOST_IN_A_FILE, _COLUMNS = 10, 100, 10
_MOST_IN_A_MATRIX = 10  # members, with which it fits a terminal


@click.command(cls=MnistnnCommand)
@trained_options.RUN
@RUNS
@trained_options.split_option("valid")
@CHECKPOINT
@click.option(
    "--count",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Show so many digits; if not given, {_LISTED} in the list, {_MOST_IN_A_FILE} in a file, all as JSON.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Draw the digits that all members misclassify in this PNG file."
)
@trained_options.FORCE
@trained_options.JSON
def members(
    run: str,
    runs: Path,
    split: SplitName,
    checkpoint: str,
    count: int | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Show the members of a committee, and where they disagree.

    There is a line for each member: what sets it apart from the others, its error, and the error of the committee of it
    and those before it. McNemar's test says whether the committee is better than the member that is best on validation.
    The disagreement of two members is the share of digits for which they predict different classes. The most disputed
    digits are those for which most pairs of members do: `817: 4 as 9, votes 3 for 9, 2 for 4` is a four that the
    committee predicted as a nine, as did three of its members.
    """
    from mnistnn.analysis.inspection.members import members_on

    output.prepare(out, force, output.PNG)
    found, trained = trained_options.open_trained(run, runs, checkpoint)
    of_committee = members_on(trained, found, split)
    readings = trained_options.counted_readings(found, trained, split)
    if as_json:
        about = trained_options.about(found, trained, split, readings)
        click.echo(json.dumps({**about, **_as_json(of_committee, count)}))
    else:
        for line in _lines(of_committee, trained_options.title(found, trained, split), count or _LISTED):
            click.echo(printable(line))
        trained_options.said_of_readings(readings)
    if out is not None:
        _write(trained, split, of_committee, count or _MOST_IN_A_FILE, out)


def _lines(found: Members, title: str, count: int) -> list[str]:
    from mnistnn.analysis.inspection.members import comparison_lines, disagreement_line, how_many

    n = len(found.committee.labels)
    sentences = [
        f"committee: {found.errors:,} of {n:,} misclassified ({100 * found.errors / n:.2f} %)",
        *comparison_lines(found),
        disagreement_line(found),
    ]
    return [
        *wrapped([f"{title}: {how_many(found)}"]),
        *_member_lines(found),
        "",
        *wrapped([each for each in sentences if each]),
        *_matrix_lines(found),
        "",
        *_digit_lines(found, count),
    ]


def _member_lines(found: Members) -> list[str]:
    from mnistnn.analysis.inspection.members import member_cells

    heading = ("member", "experiment", "differs in", "error", "together")
    return table([heading, *map(member_cells, found.members)], "><<>>", cut=[2, 1])


def _matrix_lines(found: Members) -> list[str]:
    """Return the disagreement of all pairs in percent, if there are not too many; of one pair it has been said."""
    if not 2 < len(found.members) <= _MOST_IN_A_MATRIX:
        return []
    numbers = [str(each.number) for each in found.members]
    rows = [
        [number, *("." if i == j else f"{100 * share:.2f}" for j, share in enumerate(row))]
        for i, (number, row) in enumerate(zip(numbers, found.disagreement, strict=True))
    ]
    return ["", "disagreement in % of digits", *table([["member", *numbers], *rows], ">" * (len(numbers) + 1))]


def _digit_lines(found: Members, count: int) -> list[str]:
    all_wrong, disputed = len(found.misclassified_by_all()), found.disputed()
    lines = [f"misclassified by all members: {_digits(all_wrong)}"]
    if not disputed:
        return [*lines, "members disagree on no digit"] if len(found.members) > 1 else lines
    which = f", the {min(count, len(disputed)):,} most disputed ones" if count < len(disputed) else ""
    return [
        *lines,
        f"members disagree on {_digits(len(disputed))}{which}:",
        *(f"  {each.place}: {_what(found, each)}, votes {_votes(found, each)}" for each in disputed[:count]),
    ]


def _digits(count: int) -> str:
    return f"{count:,} digit{'' if count == 1 else 's'}"


def _what(found: Members, example: Example) -> str:
    return f"{found.committee.name_of(example.true)} as {found.committee.name_of(example.predicted)}"


def _votes(found: Members, example: Example) -> str:
    from mnistnn.analysis.inspection.members import votes_text

    return votes_text(example, [found.committee.name_of(label) for label in range(found.committee.classes)])


def _as_json(found: Members, count: int | None) -> dict[str, Any]:
    test, n = found.test, len(found.committee.labels)
    all_wrong = found.misclassified_by_all()
    return {
        "examples": n,
        "errors": found.errors,
        "error": found.errors / n,
        "combine": found.combine,
        "wanted": found.wanted,
        "members": [
            {
                "member": each.number,
                "name": each.name,
                "differs": each.differences.values,
                "error": each.error,
                "error_together": each.error_together,
            }
            for each in found.members
        ],
        "best_member": found.best,
        "mcnemar": None
        if test is None
        else {"committee_alone": test.only_first, "member_alone": test.only_second, "p": test.p},
        "disagreement": found.disagreement.tolist(),
        "misclassified_by_all": len(all_wrong),
        "misclassified": [_example_json(each) for each in all_wrong[:count]],
        "disputed": [_example_json(each) for each in found.disputed(count)],
    }


def _example_json(example: Example) -> dict[str, Any]:
    return {
        "place": example.place,
        "true": example.true,
        "predicted": example.predicted,
        "probability": example.probability,
        "votes": [{"class": label, "members": members} for label, members in example.votes],
    }


def _write(trained: Trained, split: SplitName, found: Members, count: int, out: Path) -> None:
    """Write pictures of digits that all members misclassify, if there are any."""
    import numpy as np

    from mnistnn.analysis.evaluation.predictions import images_at
    from mnistnn.analysis.plots.captions import captioned_sheet
    from mnistnn.analysis.plots.contact_sheet import encode_png

    shown = found.misclassified_by_all()[:count]
    if not shown:
        click.echo("no digit was misclassified by all members, so no picture is written", err=True)
        return
    images = images_at(trained, split, np.array([each.place for each in shown]))
    captions = [
        [_what(found, each), *([] if each.probability is None else [f"{100 * each.probability:.2f} %"]), votes]
        for each in shown
        for votes in [_votes(found, each)]
    ]
    output.write(out, encode_png(captioned_sheet(images, captions, _COLUMNS)))
