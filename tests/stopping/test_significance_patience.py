"""Patience that only a significant improvement extends; the test itself against SciPy's."""

import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binomtest

from mnistnn.stopping.lisa import SignificancePatience, chance_of_gains


def row(updates, gained, lost):
    return {"epoch": updates / 10, "updates": updates, "valid.gained": gained, "valid.lost": lost}


@given(gained=st.integers(0, 400), lost=st.integers(0, 400))
def test_chance_of_gains_is_that_of_the_exact_binomial_test(gained, lost):
    expected = binomtest(gained, gained + lost, 0.5, alternative="greater").pvalue if gained + lost else 1.0
    assert chance_of_gains(gained, lost) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(("gained", "lost"), [(10_000, 0), (5100, 4900), (4000, 6000), (0, 10_000)])
def test_chance_of_gains_of_ten_thousand_images_is_quick_and_right(gained, lost):
    began = time.perf_counter()
    found = chance_of_gains(gained, lost)
    assert time.perf_counter() - began < 1.0
    expected = binomtest(gained, gained + lost, 0.5, alternative="greater").pvalue
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(
    ("history", "deadline"),
    [
        ([], 101),
        ([row(10, 50, 0)], 101),  # significant, but 2·9 is less than 100
        ([row(80, 50, 0)], 159),  # 2·79 + 1
        ([row(80, 5, 0)], 159),  # ½⁵ = 0.031
        ([row(80, 4, 0)], 101),  # ½⁴ = 0.063
        ([row(80, 60, 40)], 159),  # 0.028
        ([row(80, 58, 42)], 101),  # 0.067
        ([row(80, 0, 0)], 101),
        ([row(80, 0, 50)], 101),
        ([row(80, 50, 0), row(120, 9, 8)], 159),  # once given, patience is not taken away
        ([row(80, 50, 0), row(120, 50, 0)], 239),
    ],
)
def test_only_a_significant_improvement_extends_patience(history, deadline):
    found = SignificancePatience(updates=100).deadline(history)
    assert found is not None
    assert (found.updates, found.is_fixed) == (deadline, False)


@given(gained=st.integers(0, 60), lost=st.integers(0, 60), level=st.sampled_from([0.5, 0.05, 0.001]))
def test_improvement_is_significant_where_the_test_says_so(gained, lost, level):
    policy = SignificancePatience(updates=100, level=level)
    chance = binomtest(gained, gained + lost, 0.5, alternative="greater").pvalue if gained + lost else 1.0
    assume(chance != pytest.approx(level, rel=1e-9))  # one over the other, rounding decides
    extended = policy.deadline([row(80, gained, lost)]) != policy.deadline([])
    assert extended == (gained > lost and chance <= level)


def test_reason_says_whose_patience_is_exhausted(trained_with):
    metrics = [{"valid.error": 0.5, "valid.gained": 5, "valid.lost": 0}] * 20
    assert trained_with(SignificancePatience(updates=6), metrics) == (
        60,
        "max_epochs: 20 epochs are done",
    )
    worse = [{"valid.error": 0.5, "valid.gained": 0, "valid.lost": 5}] * 20
    assert trained_with(SignificancePatience(updates=4), worse) == (
        5,
        "significance_patience: 4 updates of patience are used up",
    )


def test_evaluations_are_half_of_the_first_patience_apart():
    assert SignificancePatience(updates=101).evaluation_interval() == 50


def test_gains_after_an_epoch_count_only_where_half_the_patience_is_an_epoch():
    def deadline(updates, history):
        found = SignificancePatience(updates=updates).deadline(history)
        return found and found.updates

    assert deadline(20, [row(10, 50, 0), row(20, 50, 0)]) == 39  # 2·19 + 1
    assert deadline(18, [row(9, 50, 0), row(10, 50, 0)]) == 19
    assert deadline(18, [row(9, 50, 0), row(10, 50, 0), row(18, 50, 0)]) == 35  # 2·17 + 1
    assert deadline(10, [row(5, 50, 0), row(10, 50, 0)]) == 19  # after an epoch, and twice half the patience
