"""The Wilson interval against values from elsewhere."""

import pytest
from scipy.stats import binomtest

from mnistnn.analysis.statistics import Z_95, wilson_interval


def test_interval_of_no_errors_in_ten_is_that_worked_out_by_hand():
    # p = 0: the upper end is z²/(n + z²) = 3.8415/13.8415.
    low, high = wilson_interval(0, 10)
    assert low == 0.0
    assert high == pytest.approx(0.2775327998628892, rel=1e-12)


def test_interval_of_one_half_is_that_worked_out_by_hand():
    # p = 1/2, z = 2, n = 12: centre 1/2, half-width 2·√(1/48 + 1/144)/(4/3) = 1/4.
    assert wilson_interval(6, 12, z=2.0) == pytest.approx((0.25, 0.75), rel=1e-12)


@pytest.mark.parametrize(
    ("errors", "examples"), [(0, 1), (1, 1), (1, 7), (165, 10_000), (10, 80), (9_999, 10_000), (10_000, 10_000)]
)
def test_interval_agrees_with_scipy(errors, examples):
    expected = binomtest(errors, examples).proportion_ci(confidence_level=0.95, method="wilson")
    assert wilson_interval(errors, examples) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("examples", [1, 2, 10, 1000])
def test_interval_stays_within_0_and_1_around_the_rate(examples):
    for errors in range(examples + 1):
        low, high = wilson_interval(errors, examples)
        assert 0 <= low <= errors / examples <= high <= 1


def test_interval_of_errors_mirrors_that_of_successes():
    low, high = wilson_interval(3, 50)
    assert wilson_interval(47, 50) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("errors", "examples"), [(1, 0), (0, 0), (-1, 5), (6, 5)])
def test_impossible_counts_are_refused(errors, examples):
    with pytest.raises(ValueError, match="expected 0 <= errors <= examples"):
        wilson_interval(errors, examples)


def test_z_is_the_quantile_of_the_normal_distribution():
    from scipy.stats import norm

    assert norm.ppf(0.975) == pytest.approx(Z_95, rel=1e-15)
