"""The geometry of charts: ticks at round values, points at their places, few enough of them."""

import re

import numpy as np
import pytest

from mnistnn.analysis.comparison.curves import Band
from mnistnn.analysis.report.chart import HEIGHT, WIDTH, Line, chart


def line(x, y, deviation=None, best=None):
    x, y = np.array(x, dtype=float), np.array(y, dtype=float)
    deviation = np.zeros_like(y) if deviation is None else np.array(deviation, dtype=float)
    return Line("one", 0, "solid", Band(x, y, deviation, np.ones(len(x), np.int64)), best)


def points(path):
    return np.array([[float(number) for number in point.split()] for point in re.split("[MLZ]", path) if point])


def test_points_stand_where_their_values_are():
    made = chart("loss", "epoch", "loss", [line([0, 5, 10], [0.0, 2.0, 4.0])])
    expected = [[made.left, made.bottom], [(made.left + made.right) / 2, (made.top + made.bottom) / 2]]
    np.testing.assert_allclose(points(made.lines[0].path), np.array([*expected, [made.right, made.top]]))


def test_band_goes_there_and_back_around_the_line():
    made = chart("loss", "epoch", "loss", [line([1, 2], [2.0, 2.0], [0.0, 1.0])])
    area = points(made.lines[0].area)
    assert len(area) == 4
    assert area[1][1] < points(made.lines[0].path)[1][1] < area[2][1]
    assert made.lines[0].values == "1,2,0 2,2,1"


def test_band_of_what_is_never_negative_ends_at_zero():
    made = chart("rate", "epoch", "rate", [line([1, 2], [1.0, 0.1], [0.0, 0.4])])
    assert made.y_ticks[0].text == "0"
    assert points(made.lines[0].area)[:, 1].max() == made.bottom


def test_line_without_deviation_has_no_band():
    assert chart("loss", "epoch", "loss", [line([1, 2], [2.0, 1.0])]).lines[0].area == ""


def test_errors_are_in_percent_from_zero():
    made = chart("error", "epoch", "error", [line([1, 2], [0.08, 0.04], best=(2, 0.04))], is_percent=True)
    assert [tick.text for tick in made.y_ticks] == ["0", "2", "4", "6", "8"]
    assert made.lines[0].best == pytest.approx((made.right, (made.top + made.bottom) / 2))
    assert made.lines[0].values == "1,8,0 2,4,0"


@pytest.mark.parametrize(
    ("high", "expected"),
    [
        (10, ["0", "2", "4", "6", "8", "10"]),
        (0.0031, ["0", "0.001", "0.002", "0.003", "0.004"]),
        (730, ["0", "200", "400", "600", "800"]),
        (5e6, ["0", "1e+06", "2e+06", "3e+06", "4e+06", "5e+06"]),
    ],
)
def test_ticks_are_round(high, expected):
    made = chart("loss", "epoch", "loss", [line([0, 1], [0.0, high])])
    assert [tick.text for tick in made.y_ticks] == expected


def test_values_over_several_powers_of_ten_get_a_logarithmic_axis():
    made = chart("loss", "epoch", "loss", [line([1, 2, 3], [1.0, 0.1, 0.01])])
    assert made.y_label == "loss, log scale"
    middle = points(made.lines[0].path)[1][1]
    assert middle == pytest.approx((made.top + made.bottom) / 2, abs=0.1)
    assert [tick.text for tick in made.y_ticks] == ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1"]


def test_zero_is_on_the_axis_unless_the_lowest_value_is_far_from_it():
    lines = [line([1, 2], [13.0, 6.0])]
    assert chart("error", "epoch", "error", lines).y_ticks[0].text == "0"
    assert chart("error", "epoch", "error", lines, far_from_zero=0.25).y_ticks[0].text == "6"


def test_axis_is_as_it_is_asked_for():
    far, near = ([line([1, 2, 3], y)] for y in ([1.0, 0.1, 0.01], [3.0, 2.0, 1.0]))
    assert chart("loss", "epoch", "loss", far, is_log=False).y_label == "loss"
    assert chart("loss", "epoch", "loss", near, is_log=True).y_label == "loss, log scale"


def test_short_logarithmic_axis_ends_near_its_values_and_has_ticks_enough():
    made = chart("error", "epoch", "error", [line([1, 2], [9.3, 3.6])], is_log=True)
    assert [tick.text for tick in made.y_ticks] == ["3", "4", "5", "6", "8", "10"]


def test_zero_keeps_the_axis_linear():
    assert chart("loss", "epoch", "loss", [line([1, 2, 3], [1.0, 0.1, 0.0])]).y_label == "loss"
    assert chart("loss", "epoch", "loss", [line([1, 2], [1.0, 0.0])], is_log=True).y_label == "loss"


@pytest.mark.parametrize("y", [[0.0], [3.0], [-2.0, -2.0], [1e-300, 1e300], [5e8, 5e8 + 1]])
def test_everything_stays_on_the_chart(y):
    made = chart("loss", "epoch", "loss", [line(range(len(y)), y)])
    at = points(made.lines[0].path)
    assert np.isfinite(at).all()
    assert (at >= 0).all()
    assert (at <= [WIDTH, HEIGHT]).all()
    assert 1 <= len(made.y_ticks) <= 12


def test_lines_of_thousands_of_points_are_thinned_and_keep_their_ends():
    made = chart("loss", "epoch", "loss", [line(range(100_000), np.linspace(1, 2, 100_000))])
    at = points(made.lines[0].path)
    assert len(at) == 400
    assert (at[0][0], at[-1][0]) == (made.left, made.right)


def test_axis_leaves_zero_out_where_it_is_far_below():
    made = chart("error", "epoch", "error", [line([1, 2], [0.095, 0.073])], is_percent=True)
    assert [tick.text for tick in made.y_ticks] == ["7", "7.5", "8", "8.5", "9", "9.5"]


def test_logarithmic_axis_has_room_for_a_band_that_reaches_below_zero():
    made = chart("loss", "epoch", "loss", [line([1, 2], [1.0, 0.02], [0.0, 0.05])])
    assert made.y_ticks[0].text == "0.01"
    assert points(made.lines[0].area)[2][1] == made.bottom
