"""The one gradient checker, on functions whose derivatives are known, and on such as are wrong by a known amount."""

from math import inf, nan

import numpy as np
import pytest

from mnistnn.objectives.gradient_check import INPUT, GradientRow, Slope, check_array, worst_of

EPS = float(np.finfo(np.float64).eps)


def checked(value, x, gradient, **keys) -> GradientRow:
    return check_array("x", lambda: float(value(x)), x, gradient, np.random.default_rng(0), **keys)


def cubes(x):
    return (x**3).sum()


@pytest.fixture
def x():
    return np.random.default_rng(1).uniform(0.5, 2.0, (4, 3))


def test_right_gradient_passes_with_its_real_error(x):
    row = checked(cubes, x, 3 * x**2)
    assert row.passed
    assert 0.0 < row.worst.error < 1e-8
    assert row.worst.error < row.worst.allowed


def test_allowed_is_a_share_of_the_slopes_and_the_rounding_of_the_value(x):
    worst = checked(cubes, x, 3 * x**2).worst
    share = 1e-6 * (abs(worst.analytic) + abs(worst.numeric))
    assert worst.allowed == pytest.approx(share + worst.rounding)
    assert worst.rounding == pytest.approx(16 * EPS * cubes(x) / 1e-5, rel=1e-3)


@pytest.mark.parametrize("off", [1e-5, 0.01, 1.0])
def test_error_of_a_wrong_factor_is_told(x, off):
    row = checked(cubes, x, 3 * x**2 * (1 + off))
    assert not row.passed
    assert row.worst.relative_error == pytest.approx(off / (2 + off), rel=1e-3)
    assert row.worst.relative_allowed == pytest.approx(1e-6, rel=0.1)


def test_gradient_that_is_zero_or_has_the_wrong_sign_is_off_by_the_whole(x):
    for factor in (0.0, -1.0):
        assert checked(cubes, x, factor * 3 * x**2).worst.relative_error == pytest.approx(1.0, rel=1e-3)


def test_one_wrong_number_of_many_is_found(x):
    gradient = 3 * x**2
    gradient[2, 1] += 1e-3
    assert not checked(cubes, x, gradient).passed


def test_each_number_is_moved_on_its_own_if_asked(x):
    assert checked(cubes, x, 3 * x**2, coordinates=None).compared == 3 + x.size
    assert checked(cubes, x, 3 * x**2, coordinates=2).compared == 3 + 2


def test_array_stays_as_it_was(x):
    before = x.copy()
    checked(cubes, x, 3 * x**2)
    assert np.array_equal(x, before)


def test_a_part_of_an_array_can_be_checked(x):
    part = x[..., :-1]
    row = check_array("part", lambda: float(cubes(x)), part, 3 * part**2, np.random.default_rng(0))
    assert (row.passed, row.size) == (True, 8)


def test_step_across_a_kink_is_forgiven():
    x = np.array([3e-6])  # a step of 1e-5 crosses 0, and one of 1e-6 does not
    assert checked(lambda x: np.maximum(x, 0.0).sum(), x, np.ones(1)).passed
    assert not checked(lambda x: np.maximum(x, 0.0).sum(), x, np.zeros(1)).passed


def test_value_that_is_large_beside_its_slope_allows_for_rounding(x):
    """Differences of a value near 1e6 are good to 1e-5 or so, which is no mistake of the gradient."""
    row = checked(lambda x: cubes(x) + 1e6, x, 3 * x**2)
    assert row.passed
    assert row.worst.allowed > 1e-5


def test_terms_that_cancel_are_rounded_by_their_own_size(x):
    assert checked(cubes, x, 3 * x**2, magnitude=1e6).worst.rounding == pytest.approx(16 * EPS * 1e6 / 1e-5)


@pytest.mark.parametrize("wrong", [nan, inf])
def test_gradient_that_is_no_number_fails(x, wrong):
    gradient = 3 * x**2
    gradient[0, 0] = wrong
    row = checked(cubes, x, gradient)
    assert not row.passed
    assert row.worst.error == inf


def test_array_without_numbers_has_nothing_wrong():
    row = checked(lambda x: 0.0, np.zeros((0, 3)), np.zeros((0, 3)))
    assert (row.passed, row.size, row.compared) == (True, 0, 0)


def test_worst_slope_is_that_which_exceeds_most_what_is_allowed():
    fine, off, lost = Slope(5.0, 5.0 + 1e-9, 1e-9), Slope(1e-3, 2e-3, 1e-9), Slope(1e-12, 1e-11, 1e-9)
    assert worst_of([fine, off, lost]) is off
    assert worst_of([fine, lost]) is lost
    assert lost.passed


def test_what_is_wrong_is_said_with_the_parameter_and_the_size_of_the_error():
    slope = Slope(1.0, 0.5, 1e-10)
    assert GradientRow("W", 6, 9, slope).said == "the gradient of parameter `W` is wrong: error 0.33, allowed 1e-06"
    assert GradientRow(INPUT, 6, 9, slope).said == "the gradient of the input is wrong: error 0.33, allowed 1e-06"
