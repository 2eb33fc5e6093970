"""The confusion matrix as text."""

import numpy as np
import pytest

from mnistnn.tasks.confusion import confusion_lines, pairs_line, shares

MATRIX = np.array([[6, 2, 0], [0, 1, 3], [0, 0, 0]])
ERRORS = [0.25, 0.75, None]


def test_shares_are_of_rows_or_columns_and_empty_ones_stay_zero():
    np.testing.assert_allclose(shares(MATRIX, "true"), np.array([[0.75, 0.25, 0], [0, 0.25, 0.75], [0, 0, 0]]))
    np.testing.assert_allclose(shares(MATRIX, "read"), np.array([[1, 2 / 3, 0], [0, 1 / 3, 1], [0, 0, 0]]))


def test_lines_are_a_table_with_points_for_zeros():
    assert confusion_lines(MATRIX.tolist(), ERRORS, "012") == [
        "true\\pred   0   1   2   error",
        "        0   6   2   .   25.00 %",
        "        1   .   1   3   75.00 %",
        "        2   .   .   .  ",
    ]


@pytest.mark.parametrize(("whole", "row"), [("true", "75.0 25.0    ."), ("read", "100.0  66.7     .")])
def test_lines_in_percent(whole, row):
    lines = confusion_lines(MATRIX.tolist(), ERRORS, "012", whole)
    assert lines[1] == f"        0 {row}   25.00 %"
    assert len({len(line) for line in lines[1:3]}) == 1


def test_columns_are_as_wide_as_the_largest_count():
    assert confusion_lines([[123456]], [0.0], ["0"]) == ["true\\pred      0   error", "        0 123456    0.00 %"]


def test_pairs_are_named_if_there_are_any():
    assert pairs_line([{"true": 4, "read": 9, "count": 7}, {"true": 7, "read": 2, "count": 6}], "abcdefghij") == (
        "most confused: e as j (7), h as c (6)"
    )
    assert pairs_line([], "ab") == ""


def test_long_names_widen_the_columns():
    lines = confusion_lines([[5, 1], [0, 4]], [1 / 6, 0.0], ["trousers", "ankle boot"])
    assert lines == [
        "true\\pred    trousers ankle boot   error",
        "  trousers          5          1   16.67 %",
        "ankle boot          .          4    0.00 %",
    ]


def test_columns_are_numbered_where_names_are_too_wide_for_the_terminal():
    lines = confusion_lines([[5, 1], [0, 4]], [1 / 6, 0.0], ["trousers", "ankle boot"], columns=40)
    assert lines == [
        "true\\pred      0   1   error",
        "  0 trousers   5   1   16.67 %",
        "1 ankle boot   .   4    0.00 %",
    ]
