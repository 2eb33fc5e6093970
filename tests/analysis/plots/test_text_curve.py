"""Curves in characters, read back dot by dot."""

from itertools import pairwise

import numpy as np
import pytest

from mnistnn.analysis.plots.text_curve import curve_lines, text_curve

# The dots of a braille pattern in the order of their numbers: line, column.
NUMBERED = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (3, 0), (3, 1)]


def dots_of(lines):
    """Return the dots (4·lines, 2·columns) of lines of braille, by the numbers that Unicode gives them."""
    dots = np.zeros((4 * len(lines), 2 * len(lines[0])), dtype=bool)
    for row, line in enumerate(lines):
        for column, character in enumerate(line):
            pattern = 0 if character == " " else ord(character) - 0x2800
            for number, (down, across) in enumerate(NUMBERED):
                dots[4 * row + down, 2 * column + across] = bool(pattern >> number & 1)
    return dots


def test_straight_line_is_a_diagonal_of_dots():
    dots = dots_of(curve_lines([0, 7], [0, 7], columns=4, lines=2))
    assert dots.shape == (8, 8)
    assert np.diag(dots[::-1]).all()
    assert dots.sum() <= 16  # no more than the dot before and after each step


def test_every_column_has_a_dot_and_neighbours_touch():
    rng = np.random.default_rng(0)
    dots = dots_of(curve_lines(list(range(30)), rng.random(30).tolist(), columns=20, lines=6))
    rows = [np.flatnonzero(column) for column in dots.T]
    for left, right in pairwise(rows):
        assert left.size
        assert right.min() <= left.max() + 1
        assert left.min() <= right.max() + 1


def test_peak_between_two_columns_is_not_lost():
    """A thousand points in eight columns, one of which is high."""
    y = [0.0] * 1000
    y[537] = 1.0
    dots = dots_of(curve_lines(list(range(1000)), y, columns=4, lines=2))
    assert dots[0].tolist() == [column == 537 * 8 // 1000 for column in range(8)]
    assert dots[-1].all()


def test_points_are_joined_in_the_order_of_x():
    assert curve_lines([3, 1, 2], [9, 1, 4], 6, 2) == curve_lines([1, 2, 3], [1, 4, 9], 6, 2)


def test_ascii_curve_has_two_dots_in_a_character():
    assert curve_lines([0, 1, 2, 3], [3, 2, 1, 0], columns=4, lines=2, is_unicode=False) == [":.  ", " '':"]


@pytest.mark.parametrize(("is_unicode", "mark"), [(True, "●"), (False, "o")])
def test_best_point_is_marked(is_unicode, mark):
    lines = curve_lines([0, 1, 2], [2.0, 0.0, 1.0], columns=9, lines=3, best=1, is_unicode=is_unicode)
    assert [(row, line.index(mark)) for row, line in enumerate(lines) if mark in line] == [(2, 4)]


def test_axes_say_what_the_range_is():
    lines = text_curve([1, 24], [0.0944, 0.0733], columns=30, lines=3, x_name="epoch", is_unicode=False)
    assert lines[0].startswith("0.0944 |")
    assert lines[1].startswith("       |")
    assert lines[2].startswith("0.0733 |")
    assert lines[3] == "       +" + "-" * 22
    assert lines[4] == "        epoch 1" + " " * 13 + "24"
    assert max(map(len, lines)) == 30


@pytest.mark.parametrize(("x", "y"), [([3], [0.5]), ([1, 2, 3], [0.5, 0.5, 0.5]), ([2, 2], [0.5, 0.5])])
@pytest.mark.parametrize("is_unicode", [True, False])
def test_single_value_is_in_the_middle_with_one_label(x, y, is_unicode):
    lines = text_curve(x, y, columns=30, lines=5, best=0, x_name="epoch", is_unicode=is_unicode)
    assert [line.split()[0] for line in lines[:5] if line[0] != " "] == ["0.5"]
    assert ("●" if is_unicode else "o") in lines[2]
    assert lines[-1].split()[:2] == ["epoch", str(x[0])]


@pytest.mark.parametrize("y", [[1e308, -1e308], [0, 5e-324], [-2.5, -1e-9], [1e308, 1.1e308]])
@pytest.mark.parametrize("x", [[0, 1e308], [0.5, 0.5000001], [1, 2]])
@pytest.mark.parametrize("columns", [1, 12, 200])
def test_any_numbers_and_sizes_can_be_drawn(x, y, columns):
    lines = text_curve(x, y, columns, lines=1, best=1)
    assert len(lines) == 3
    assert lines[0].count("●") == 1
