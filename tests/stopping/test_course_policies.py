"""The course's two algorithms, written out again here as the loops of the slides."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistnn.stopping.course import CoursePatience, CoursePoints

# Few different values, so that there are ties, small improvements and large ones.
ERRORS = st.lists(st.sampled_from([0.5, 0.4, 0.399, 0.39, 0.3, 0.2995, 0.1, 0.0]), min_size=1, max_size=30)


def slides_algorithm_1(errors, min_epochs, max_patience) -> int:
    """Return the epochs made."""
    epochs, patience, best = 0, 0, inf
    while epochs < len(errors) and (epochs < min_epochs or patience < max_patience):
        if errors[epochs] < best:
            best, patience = errors[epochs], 0
        else:
            patience += 1
        epochs += 1
    return epochs


def slides_algorithm_2(errors, points_per_epoch, threshold, improvement) -> int:
    """Return the epochs made by: train while the points seen do not exceed the threshold; twice as far if it pays."""
    seen, best = 0, inf
    for epoch, error in enumerate(errors, start=1):
        seen += points_per_epoch
        gain = 1.0 if best == inf else (best - error) / best if best > 0 else 0.0
        if gain > improvement:
            threshold = max(threshold, 2 * seen)
        best = min(best, error)
        if seen > threshold:
            return epoch
    return len(errors)


@given(errors=ERRORS, min_epochs=st.integers(0, 12), max_patience=st.integers(1, 8))
def test_course_patience_ends_at_the_epoch_of_the_slides_loop(errors, min_epochs, max_patience, trained_with):
    policy = CoursePatience(min_epochs=min_epochs, max_patience=max_patience)
    assert trained_with(policy, errors)[0] == 3 * slides_algorithm_1(errors, min_epochs, max_patience)


@given(errors=ERRORS, threshold=st.integers(1, 40), improvement=st.sampled_from([0.0, 0.01, 0.1]))
def test_course_points_ends_at_the_epoch_of_the_slides_rule(errors, threshold, improvement, trained_with):
    policy = CoursePoints(examples=threshold, improvement=improvement)
    assert trained_with(policy, errors)[0] == 3 * slides_algorithm_2(errors, 3, threshold, improvement)


def test_course_patience_says_why(rows):
    policy = CoursePatience(min_epochs=3, max_patience=2)
    assert policy.reason(rows([0.3, 0.3])) is None
    assert (
        policy.reason(rows([0.3, 0.3, 0.4])) == "course_patience: no better valid.error than 30.00 % in 2 evaluations"
    )


def test_course_patience_may_end_where_min_epochs_is_reached(rows):
    policy = CoursePatience(min_epochs=6, max_patience=2)
    assert [policy.reason(rows([0.3] * done)) is not None for done in range(8)] == [False] * 6 + [True] * 2


def test_course_patience_has_the_defaults_of_the_slides():
    assert (CoursePatience().min_epochs, CoursePatience().max_patience) == (50, 20)


@pytest.mark.parametrize(
    ("errors", "ends"),
    [
        ([], False),
        ([0.5], False),  # an improvement on nothing: on to 2·830 = 1660 points
        ([0.5, 0.5], False),  # 1660 are not more than 1660
        ([0.5, 0.5, 0.5], True),
        ([0.5, 0.4, 0.4, 0.4], False),  # 3320
        ([0.5, 0.4, 0.4, 0.4, 0.4], True),
        ([0.5, 0.4999, 0.4998], True),  # better, but not by half a percent
        ([0.5, 0.4, 0.9, 0.9], False),  # a threshold never decreases
        ([nan, 0.5, nan, nan], False),
        ([nan, nan], True),
    ],
)
def test_course_points_goes_on_to_twice_the_points_of_a_good_improvement(errors, ends, rows):
    assert (CoursePoints(examples=831).reason(rows(errors)) is not None) == ends


def test_course_points_makes_its_first_points_regardless(rows):
    policy = CoursePoints(examples=5000, increase=1)
    assert [policy.reason(rows([0.5] * done)) is not None for done in (5, 6, 7)] == [False, False, True]


def test_course_points_says_why(rows):
    assert CoursePoints(examples=831).reason(rows([0.5] * 3)) == (
        "course_points: more than 1660 data points were seen at valid.error 50.00 %"
    )


@pytest.mark.parametrize("policy", [CoursePatience(min_epochs=0, max_patience=2), CoursePoints(examples=1)])
def test_nan_is_no_improvement(policy, rows):
    for errors in ([0.3, nan], [0.3, nan, nan], [0.3, nan, 0.29, nan, nan]):
        worse = [0.9 if error != error else error for error in errors]
        assert policy.reason(rows(errors)) == policy.reason(rows(worse))


def test_number_after_nan_is_an_improvement(rows):
    policy = CoursePatience(min_epochs=0, max_patience=2)
    assert policy.reason(rows([nan, nan])) is not None
    assert policy.reason(rows([nan, 0.3, 0.4])) is None


@pytest.mark.parametrize(
    ("kind", "limits"), [(CoursePatience, {"min_epochs": 0, "max_patience": 3}), (CoursePoints, {"examples": 1})]
)
def test_monitor_names_the_metric_that_counts(kind, limits, rows):
    history = [{**row, "valid.loss": 1.0} for row in rows([0.5 * 0.9**i for i in range(8)])]
    assert kind(monitor="valid.error", **limits).reason(history) is None
    assert "valid.loss" in kind(monitor="valid.loss", **limits).reason(history)
