"""Intervals and tests against SciPy, examples worked out by hand, and what must hold for all values."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import binomtest

from mnistnn.analysis.statistics import (
    MOST_EXACT,
    SAMPLES,
    holm_adjusted,
    mcnemar_test,
    mean_and_deviation,
    seeds_needed,
    sign_flip_test,
    student_interval,
    student_quantile,
    verdict,
)
from mnistnn.tasks.intervals import Z_95, wilson_interval

SEED = 5
errors = st.integers(-300, 300).map(lambda count: count / 10_000)  # differences between error rates


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


def test_quantiles_of_students_distribution_are_those_of_the_tables():
    assert student_quantile(0.95, 1) == pytest.approx(12.7062047364, rel=1e-10)
    assert student_quantile(0.95, 4) == pytest.approx(2.7764451052, rel=1e-10)
    assert student_quantile(0.5, 1) == pytest.approx(1.0, rel=1e-14)  # of Cauchy's distribution, tan(π/4)
    assert student_quantile(0.5, 2) == pytest.approx(math.sqrt(2 / 3), rel=1e-14)  # sin θ = 1/2


@pytest.mark.parametrize("level", [0.001, 0.5, 0.9, 0.95, 0.99, 0.9999])
def test_quantile_of_students_distribution_agrees_with_scipy(level):
    for degrees in [*range(1, 41), 99, 100, 1001]:
        assert student_quantile(level, degrees) == pytest.approx(stats.t.ppf((1 + level) / 2, degrees), rel=1e-9)


@pytest.mark.parametrize(("level", "degrees"), [(0.0, 3), (1.0, 3), (0.95, 0)])
def test_impossible_quantiles_are_refused(level, degrees):
    with pytest.raises(ValueError, match="expected 0 < level < 1 and degrees >= 1"):
        student_quantile(level, degrees)


def test_interval_of_a_mean_is_that_worked_out_by_hand():
    # mean 2, s = 1, t(0.95, 2) = 4.3027: 2 ± 4.3027/√3.
    assert student_interval([1.0, 2.0, 3.0]) == pytest.approx((-0.48413771, 4.48413771))


@given(st.lists(errors, min_size=2, max_size=30))
def test_interval_of_a_mean_agrees_with_scipy(values):
    mean, deviation = mean_and_deviation(values)
    assert deviation == pytest.approx(float(np.std(values, ddof=1)), rel=1e-9, abs=1e-12)
    found = student_interval(values)
    if deviation == 0:
        assert found == (mean, mean)
    else:
        interval = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
        assert found == pytest.approx((interval.low, interval.high), rel=1e-8, abs=1e-12)


def test_interval_of_paired_differences_agrees_with_scipy():
    a, b = [0.0301, 0.0297, 0.0312, 0.0290, 0.0305], [0.0281, 0.0290, 0.0279, 0.0288, 0.0283]
    interval = stats.ttest_rel(a, b).confidence_interval(0.95)
    found = student_interval([x - y for x, y in zip(a, b, strict=True)])
    assert found == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_one_value_has_a_mean_and_no_more():
    assert mean_and_deviation([0.25]) == (0.25, None)
    assert student_interval([0.25]) is None


def test_differences_of_one_sign_have_the_smallest_p_of_so_many():
    for n in range(1, 12):
        found = sign_flip_test([0.001 * (i + 1) for i in range(n)])
        assert (found.p, found.smallest_p, found.patterns, found.is_exact) == (2 / 2**n, 2 / 2**n, 2**n, True)


def test_sign_flips_of_three_differences_are_counted_by_hand():
    # 3 + 2 − 1 = 4. Of the sums ±3 ±2 ±1 these are as far from 0: 6, 4, −4, −6.
    assert sign_flip_test([3.0, 2.0, -1.0]).p == 4 / 8


def test_sums_that_rounding_sets_apart_are_ties():
    # In decimals 0.1 + 0.2 − 0.3 = 0, so that every sum is as far from 0; as floats it is 5.6e-17.
    assert sign_flip_test([0.1, 0.2, -0.3]).p == 1.0
    assert sign_flip_test([0.0301 - 0.0287, -(0.0115 - 0.0101)]).p == 1.0


def test_difference_of_nothing_cannot_be_turned():
    found = sign_flip_test([0.01, 0.0, 0.02, 0.0])
    assert (found.p, found.smallest_p) == (0.5, 0.5)
    nothing = sign_flip_test([0.0, 0.0])
    assert (nothing.p, nothing.smallest_p) == (1.0, 1.0)


@given(st.lists(st.integers(-20, 20), min_size=2, max_size=8))
def test_sign_flips_agree_with_scipy(differences):
    # Whole numbers, whose sums are exact: SciPy knows ties by a tolerance of its own.
    expected = stats.permutation_test(
        (np.array(differences, float),), np.sum, permutation_type="samples", alternative="two-sided"
    )
    assert sign_flip_test([float(d) for d in differences]).p == pytest.approx(expected.pvalue, rel=1e-12)


@given(st.lists(errors, min_size=1, max_size=9))
def test_p_of_sign_flips_keeps_what_the_test_promises(differences):
    found = sign_flip_test(differences)
    assert 0 < found.smallest_p <= found.p <= 1
    assert sign_flip_test([-d for d in differences]).p == found.p
    assert sign_flip_test(differences[::-1]).p == found.p
    assert sign_flip_test([*differences, 0.0]).p == found.p


def test_sign_flips_err_as_often_as_p_says():
    """Where nothing differs, p ≤ 1/8 happens in one of eight cases: exactly, over all patterns of signs."""
    size = np.array([0.5, 1.1, 2.3, 4.9])
    patterns = [size * [1 if i >> bit & 1 else -1 for bit in range(4)] for i in range(16)]
    assert np.mean([sign_flip_test(list(pattern)).p <= 1 / 8 for pattern in patterns]) == 1 / 8


def test_many_differences_are_tested_by_drawing_patterns():
    rng = np.random.default_rng(SEED)
    differences = list(rng.normal(0.5, 1.0, MOST_EXACT + 1))
    found, exact = sign_flip_test(differences), _exact_by_halves(differences)
    assert (found.is_exact, found.patterns) == (False, SAMPLES)
    assert found.p == pytest.approx(exact, abs=5 * math.sqrt(exact * (1 - exact) / SAMPLES))
    assert sign_flip_test(differences) == found
    assert sign_flip_test([1.0] * 40).p == 1 / (SAMPLES + 1) == found.smallest_p


def _exact_by_halves(differences):
    """The exact p of more differences than `sign_flip_test` tries, from the sorted sums of two halves."""
    d = np.array(differences)
    halves = []
    for part in (d[: len(d) // 2], d[len(d) // 2 :]):
        signs = 1 - 2 * (np.arange(2 ** len(part))[:, None] >> np.arange(len(part)) & 1)
        halves.append(np.sort(signs @ part))
    bound = abs(d.sum()) - 1e-9
    above = len(halves[1]) - np.searchsorted(halves[1], bound - halves[0])
    return 2 * int(above.sum()) / 2 ** len(d)


@pytest.mark.parametrize(("level", "tests", "seeds"), [(0.05, 1, 6), (0.0625, 1, 5), (0.01, 1, 8), (0.05, 3, 7)])
def test_seeds_needed_are_those_whose_smallest_p_reaches_the_level(level, tests, seeds):
    assert seeds_needed(level, tests) == seeds


def test_mcnemar_is_worked_out_by_hand():
    # 1 and 5 of 6 tosses: 2·(1 + 6)/64.
    found = mcnemar_test(1, 5)
    assert (found.p, found.smallest_p) == (14 / 64, 2 / 64)
    assert mcnemar_test(0, 0).p == 1.0
    assert mcnemar_test(3, 3).p == 1.0


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_agrees_with_the_binomial_test_of_scipy(b, c):
    found = mcnemar_test(b, c)
    expected = binomtest(b, b + c, 0.5).pvalue if b + c else 1.0
    assert found.p == pytest.approx(expected, rel=1e-9)
    assert found.p == mcnemar_test(c, b).p >= found.smallest_p


def test_mcnemar_of_thousands_neither_overflows_nor_fails():
    assert mcnemar_test(0, 5000).p == 0.0
    assert mcnemar_test(2400, 2600).p == pytest.approx(binomtest(2400, 5000).pvalue, rel=1e-9)


def test_negative_counts_are_refused():
    with pytest.raises(ValueError, match="expected counts, got -1 and 3"):
        mcnemar_test(-1, 3)


def test_holms_rule_is_worked_out_by_hand():
    # Sorted 0.01, 0.02, 0.03, 0.04, times 4, 3, 2, 1: 0.04, 0.06, 0.06, and 0.04, which must not fall again.
    assert holm_adjusted([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm_adjusted([0.5, 0.4]) == pytest.approx([0.8, 0.8])
    assert holm_adjusted([0.7, 0.6]) == [1.0, 1.0]
    assert holm_adjusted([0.02]) == [0.02]
    assert holm_adjusted([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.001, 0.5))
def test_holms_rule_rejects_what_his_steps_reject(p, level):
    """His own words: go up from the smallest p, and stop at the first above level/(tests left)."""
    rejected = set()
    for left, place in zip(range(len(p), 0, -1), sorted(range(len(p)), key=lambda i: p[i]), strict=True):
        if left * p[place] > level:
            break
        rejected.add(place)
    assert {i for i, adjusted in enumerate(holm_adjusted(p)) if adjusted <= level} == rejected


@pytest.mark.parametrize(
    ("p", "said"),
    [
        (0.05, "the difference is more than chance (adjusted p ≤ 0.05)"),
        (0.0501, "the difference is not shown to be more than chance (adjusted p > 0.05)"),
    ],
)
def test_verdict_is_that_of_the_level(p, said):
    assert verdict(p, "adjusted p") == said
