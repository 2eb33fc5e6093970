"""Curves as one line of text."""

import pytest

from mnistnn.analysis.plots.sparkline import sparkline, sparklines


def test_eight_levels_are_eight_characters_that_rise():
    assert sparkline(range(8), 0, 7) == "▁▂▃▄▅▆▇█"
    assert sparkline(range(8), 0, 7, is_unicode=False) == "_.-:=+*#"


def test_value_is_drawn_at_the_nearest_level():
    assert sparkline([0.49, 0.51, 6.49, 6.51], 0, 7) == "▁▂▇█"


def test_missing_value_is_a_blank():
    assert sparkline([1.0, None, 2.0], 1, 2) == "▁ █"


def test_constant_is_flat():
    assert sparkline([3.0, 3.0], 3.0, 3.0) == "▁▁"
    assert sparklines([[0.0, 0.0], [0.0]]) == ["▁▁", "▁"]


def test_curves_share_one_logarithmic_scale():
    assert sparklines([[128.0, 64.0, 32.0, 16.0], [8.0, 4.0, 2.0, 1.0]]) == ["█▇▆▅", "▄▃▂▁"]


def test_scale_is_linear_where_a_value_is_not_above_zero():
    assert sparklines([[0.0, 1.0, 6.0, 7.0]]) == ["▁▂▇█"]


@pytest.mark.parametrize("curves", [[], [[]], [[None, None]]])
def test_nothing_is_drawn_of_nothing(curves):
    assert sparklines(curves) == [" " * len(curve) for curve in curves]
