"""A curve in characters: numbers in, lines of text out.

Braille patterns have 2 × 4 dots in each character. Where they cannot be shown, there are two dots above each other, as
`'`, `.` and `:`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

UNICODE_MARKS = "⠁⣿│┤└─●"
"""Characters of a curve that is not confined to ASCII: the first and the last pattern, axes, the best point."""

_ASCII_DOTS = " '.:"  # by 1 for the upper dot and 2 for the lower one
_BRAILLE = 0x2800
# The bit of each dot in a braille pattern, by line and column (Unicode, chapter 21).
_BRAILLE_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])


def text_curve(
    x: Sequence[float],
    y: Sequence[float],
    columns: int,
    lines: int,
    best: int | None = None,
    x_name: str = "",
    is_unicode: bool = True,
) -> list[str]:
    """Return a curve with its axes as `lines` + 2 lines, none longer than `columns` where labels leave any room.

    x, y  (n,), n at least 1; points are joined in the order of x
    best  the number of the point that is marked
    """
    labels = _y_labels(y, lines)
    margin = max(map(len, labels))
    width = max(2, columns - margin - 2)
    drawn = curve_lines(x, y, width, lines, best, is_unicode)
    tick, side, corner, floor = "┤│└─" if is_unicode else "||+-"
    rows = [f"{label:>{margin}} {tick if label else side}{line}" for label, line in zip(labels, drawn, strict=True)]
    below = " " * (margin + 1) + corner + floor * width
    first, last = f"{x_name} {min(x):,.6g}".strip(), f"{max(x):,.6g}"
    between = max(1, width - len(first) - len(last))
    ends = first if min(x) == max(x) else f"{first}{' ' * between}{last}"
    return [*(row.rstrip() for row in rows), below, " " * (margin + 2) + ends]


def curve_lines(
    x: Sequence[float],
    y: Sequence[float],
    columns: int,
    lines: int,
    best: int | None = None,
    is_unicode: bool = True,
) -> list[str]:
    """Return a curve without axes: `lines` strings of `columns` characters, from the lowest value to the highest."""
    across, down = (2, 4) if is_unicode else (1, 2)
    dots, places = _dots(np.array(x, dtype=np.float64), np.array(y, dtype=np.float64), columns * across, lines * down)
    drawn = _in_braille(dots) if is_unicode else _in_ascii(dots)
    if best is not None:
        row, column = places[best, 0] // down, places[best, 1] // across
        line, mark = drawn[row], "●" if is_unicode else "o"
        drawn[row] = line[:column] + mark + line[column + 1 :]
    return drawn


def _y_labels(y: Sequence[float], lines: int) -> list[str]:
    """Return the label of each line: the highest and the lowest value; one in the middle if there is only one."""
    labels = [""] * lines
    if min(y) == max(y):
        labels[lines // 2] = f"{max(y):.4g}"
    else:
        labels[-1], labels[0] = f"{min(y):.4g}", f"{max(y):.4g}"
    return labels


def _dots(
    x: NDArray[np.float64], y: NDArray[np.float64], width: int, height: int
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return which of (height, width) dots a curve goes through, and row and column of each point (n, 2).

    A column has all dots between the lowest and the highest value that the curve takes there.
    """
    right, up = _unit(x, 0.0), _unit(y, 0.5)
    rows = np.rint((1.0 - up) * (height - 1)).astype(np.int64)
    places = np.stack([rows, np.minimum((right * width).astype(np.int64), width - 1)], axis=1)
    order = np.argsort(right, kind="stable")
    edges = np.linspace(0.0, 1.0, width + 1)
    along = np.unique(np.concatenate([right, edges]))
    values = np.interp(along, right[order], up[order])
    dots = np.zeros((height, width), dtype=bool)
    dots[places[:, 0], places[:, 1]] = True
    if right.min() == right.max():  # all points stand above each other
        return dots, places
    starts, stops = np.searchsorted(along, edges[:-1]), np.searchsorted(along, edges[1:], side="right")
    for column, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        within = values[start:stop]
        top, bottom = (int(np.rint((1.0 - value) * (height - 1))) for value in (within.max(), within.min()))
        dots[top : bottom + 1, column] = True
    return dots, places


def _unit(values: NDArray[np.float64], if_equal: float) -> NDArray[np.float64]:
    """Map the lowest value to 0 and the highest to 1, or all to one place if they are equal."""
    largest = float(np.abs(values).max()) or 1.0
    values = values / largest  # else the range of very large numbers would have no end
    low, high = values.min(), values.max()
    if high == low:
        return np.full_like(values, if_equal)
    result: NDArray[np.float64] = (values - low) / (high - low)
    return result


def _in_braille(dots: NDArray[np.bool_]) -> list[str]:
    height, width = dots.shape
    cells = dots.reshape(height // 4, 4, width // 2, 2)  # (lines, 4, columns, 2)
    patterns = (cells * _BRAILLE_BITS[:, None, :]).sum(axis=(1, 3))
    # The empty pattern is no blank in some fonts.
    return ["".join(chr(_BRAILLE + int(pattern)) if pattern else " " for pattern in line) for line in patterns]


def _in_ascii(dots: NDArray[np.bool_]) -> list[str]:
    cells = dots[0::2] + 2 * dots[1::2]
    return ["".join(_ASCII_DOTS[cell] for cell in line) for line in cells]
