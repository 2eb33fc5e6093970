"""The members of a committee on the page: a table, the test against the best one, their disagreement, and the
validation digits that all of them misclassify.
"""

from dataclasses import dataclass

import numpy as np

from mnistnn.analysis.evaluation.predictions import images_at
from mnistnn.analysis.inspection.members import (
    Members,
    comparison_lines,
    disagreement_line,
    how_many,
    member_cells,
    votes_text,
)
from mnistnn.analysis.report.digits import Digit, picture_base64
from mnistnn.analysis.report.shades import QUIET, Cell, shade_of
from mnistnn.experiment.trained import Trained

_MOST_IN_A_MATRIX, _MOST_DIGITS = 20, 48


@dataclass(frozen=True)
class MemberRow:
    """A member: all as text."""

    number: str
    name: str
    differs: str
    error: str
    together: str


@dataclass(frozen=True)
class MatrixRow:
    """The disagreement of a member with each."""

    number: str
    cells: list[Cell]


@dataclass(frozen=True)
class MembersPart:
    """What the page tells of members. `matrix` is empty where there are too many of them, or too few."""

    caption: str
    rows: list[MemberRow]
    sentences: list[str]
    matrix: list[MatrixRow]
    digits: list[Digit]
    digits_caption: str


def members_part(trained: Trained, found: Members) -> MembersPart:
    """Return what the page tells of the members of a committee, who were asked about the validation digits."""
    digits, caption = _digits(trained, found)
    return MembersPart(
        caption=f"{_sentence(how_many(found))} Errors are those of {len(found.committee.labels):,} validation digits; "
        "together means the committee of a member and those before it.",
        rows=[MemberRow(*member_cells(each)) for each in found.members],
        sentences=[_sentence(line) for line in (*comparison_lines(found), disagreement_line(found)) if line],
        matrix=_matrix(found),
        digits=digits,
        digits_caption=caption,
    )


def _sentence(line: str) -> str:
    return f"{line[0].upper()}{line[1:]}."


def _matrix(found: Members) -> list[MatrixRow]:
    if not 2 <= len(found.members) <= _MOST_IN_A_MATRIX:
        return []
    return [
        MatrixRow(
            str(i + 1),
            [QUIET if i == j else Cell(f"{100 * share:.2f}", shade_of(share)) for j, share in enumerate(row)],
        )
        for i, row in enumerate(found.disagreement.tolist())
    ]


def _digits(trained: Trained, found: Members) -> tuple[list[Digit], str]:
    everywhere = found.misclassified_by_all()
    shown = everywhere[:_MOST_DIGITS]
    images = images_at(trained, "valid", np.array([each.place for each in shown], np.int64))
    name_of = found.committee.name_of
    names = [name_of(label) for label in range(found.committee.classes)]
    digits = []
    for image, each in zip(images, shown, strict=True):
        surely = [] if each.probability is None else [f"{100 * each.probability:.1f} %"]
        said = [*surely, votes_text(each, names)]
        digits.append(Digit(picture_base64(image), name_of(each.true), name_of(each.predicted), said))
    if not everywhere:
        return [], "No digit is misclassified by all members."
    many = f"{len(everywhere):,} digit{' is' if len(everywhere) == 1 else 's are'} misclassified by all members"
    which = f"; the first {len(shown)}" if len(shown) < len(everywhere) else ""
    return digits, f"{many}{which}. Below each: what the committee predicts, and how many members predict which class."
