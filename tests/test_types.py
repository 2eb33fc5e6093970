from math import nan

import pytest

from mnistnn.types import best_row


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        ([0.5], 0),
        ([0.5, 0.3, 0.4], 1),
        ([0.5, 0.3, 0.3], 1),  # the first of equals
        ([nan], None),
        ([nan, 0.9, nan, 0.95], 1),
        ([0.5, nan, 0.4, nan], 2),
    ],
)
def test_best_row_is_the_first_lowest_number(values, expected):
    assert best_row([{"valid.error": value} for value in values], "valid.error") == expected


@pytest.mark.parametrize(("values", "expected"), [([], None), ([0.1], 0), ([0.1, 0.5, nan], 2)])
def test_last_row_is_the_best_where_no_metric_chooses(values, expected):
    assert best_row([{"train.loss": value} for value in values], "last") == expected


def test_best_row_looks_at_the_metric_it_is_told_to():
    history = [{"valid.error": 0.1, "valid.loss": 0.9}, {"valid.error": 0.2, "valid.loss": 0.8}]
    assert [best_row(history, monitor) for monitor in ("valid.error", "valid.loss")] == [0, 1]
