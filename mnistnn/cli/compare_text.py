"""The text output of `mnistnn compare`: tables of what differs and how good it is, then sentences on the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnistnn.cli.table import ENDLESS, GAP, columns_of_terminal, table, wrapped
from mnistnn.cli.terminal import can_show

if TYPE_CHECKING:
    from mnistnn.analysis.comparison.compare import Comparison

_WIDTH = 120  # of lines where there is no terminal
_TABLES = 2  # sections; sentences follow
_NARROWEST = 16  # characters of a value that differs, however many experiments there are


def lines(found: Comparison) -> list[str]:
    """Return the comparison as lines of text, which may carry what comes from outside."""
    from mnistnn.analysis.comparison.comparison_text import choice_lines, pair_lines

    sections = [_differing_lines(found), _table_lines(found)]
    sections += [pair_lines(each, found) for each in found.pairs]
    sections.append(choice_lines(found))
    text: list[str] = []
    for number, section in enumerate(sections):
        shown = section if number < _TABLES else wrapped(section)
        text += ["", *shown] if text and section else shown
    return text


def _differing_lines(found: Comparison) -> list[str]:
    from mnistnn.analysis.comparison.config_differences import CHARACTERS_SHOWN

    if len(found.experiments) == 1:
        return ["one experiment, so there is nothing to compare it with"]
    if not found.differing:
        return ["the experiments differ in their names alone"]
    whole = _differing_table(found, CHARACTERS_SHOWN)
    width = columns_of_terminal(_WIDTH)
    if max(map(len, whole)) <= width:
        return whole
    longest = max(len(key) for key, _ in found.differing)
    return _differing_table(found, max(_NARROWEST, (width - longest) // len(found.experiments) - len(GAP)))


def _differing_table(found: Comparison, most: int) -> list[str]:
    """Return what differs as lines, with at most so many characters of a value."""
    from mnistnn.analysis.comparison.config_differences import value_text

    header = ["differs", *(each.letter for each in found.experiments)]
    rows = [[key, *(value_text(value, most) for value in values)] for key, values in found.differing]
    return table([header, *rows], "<" * len(header), width=ENDLESS)


def _table_lines(found: Comparison) -> list[str]:
    from mnistnn.analysis.comparison.comparison_text import cells, headings
    from mnistnn.analysis.plots.sparkline import sparklines

    is_unicode = can_show("▁▂▃▄▅▆▇█")
    curves = sparklines([each.curve for each in found.experiments], is_unicode)
    rows = [
        [each.letter, each.label, *cells(each, found.metric), curve]
        for each, curve in zip(found.experiments, curves, strict=True)
    ]
    rows = [["", *headings(found), "along epochs"], *rows]
    return table(rows, "<<>>>>>><", droppable=[7, 6, 8, 5], cut=[1])
