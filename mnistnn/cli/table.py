"""Tables of cells as lines of text that a terminal does not break."""

from __future__ import annotations

from collections.abc import Sequence
from shutil import get_terminal_size

GAP = "  "
"""Between columns."""

ENDLESS = 100_000
"""The width where there is no terminal: what reads lines there wants whole values."""

_NARROWEST = 10  # characters of a column that is cut


def columns_of_terminal(without_one: int = ENDLESS) -> int:
    """Return the width of the terminal, or of what COLUMNS says; `without_one` where there is none."""
    return get_terminal_size((without_one, 0)).columns


def table(
    rows: Sequence[Sequence[str]],
    sides: str,
    droppable: Sequence[int] = (),
    cut: Sequence[int] = (),
    width: int | None = None,
) -> list[str]:
    """Return rows of cells, the first of which are headings, as aligned lines of at most the terminal's width.

    sides      of each column, < or > for where its cells are
    droppable  columns that are left out, in this order, as far as there is no room for them
    cut        columns whose cells are shortened, with a mark, if there still is none; the widest first
    width      instead of the terminal's
    """
    room = columns_of_terminal() if width is None else width
    kept = list(range(len(sides)))
    widths = [max((len(row[column]) for row in rows), default=0) for column in kept]
    kept = [column for column in kept if any(row[column] for row in rows[1:])]  # nothing to show but a heading

    def needed() -> int:
        return sum(widths[column] for column in kept) + len(GAP) * (len(kept) - 1)

    for column in droppable:
        if needed() > room and column in kept:
            kept.remove(column)
    for column in sorted(cut, key=lambda column: -widths[column]):
        if column in kept:
            widths[column] = max(min(widths[column], _NARROWEST), widths[column] - max(0, needed() - room))
    return [
        GAP.join(f"{_cut(row[column], widths[column]):{sides[column]}{widths[column]}}" for column in kept).rstrip()
        for row in rows
    ]


def wrapped(lines: Sequence[str]) -> list[str]:
    """Return sentences broken between words where the terminal would break them anywhere; each goes on as indented as
    it begins.
    """
    from textwrap import wrap

    room, found = columns_of_terminal(), []
    for line in lines:
        indent = line[: len(line) - len(line.lstrip())]
        found += wrap(line, room, subsequent_indent=f"{indent}  ", break_long_words=False) or [""]
    return found


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
