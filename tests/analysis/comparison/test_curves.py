"""Curves and bands of metrics, against metrics computed here."""

import numpy as np
import pytest

from mnistnn.analysis.comparison.curves import band, check_metrics, curve, metrics_of
from mnistnn.analysis.comparison.run_groups import Group
from mnistnn.errors import UsageError
from tests.analysis.made_up import run_of


@pytest.mark.parametrize(
    ("axis", "x"),
    [("epochs", [1, 2]), ("updates", [10, 20]), ("examples", [200, 400]), ("seconds", [0.5, 1.5])],
)
def test_curve_is_a_metric_along_an_axis(axis, x):
    found = curve(run_of([0.5, 0.25], seconds=[0.5, 1.5]), "valid.error", axis)
    assert found is not None
    assert (found.x.tolist(), found.y.tolist()) == (x, [0.5, 0.25])


def test_passes_are_those_counted_or_one_for_each_update_of_a_batch():
    counted, rule = run_of([0.5, 0.25], passes=[3.0, 7.5]), run_of([0.5, 0.25])
    several = run_of([0.5, 0.25], config={"batches": {"updates": 5}})
    found = [curve(run, "valid.error", "passes") for run in (counted, rule, several)]
    assert [each.x.tolist() for each in found if each is not None] == [[3.0, 7.5], [1, 2], [5, 10]]


def test_seconds_that_were_not_kept_are_missed():
    with pytest.raises(UsageError, match=r"run: timing.jsonl does not have the seconds"):
        curve(run_of([0.5]), "valid.error", "seconds")


def test_run_without_the_metric_has_no_curve():
    run = run_of([0.5])
    assert curve(run, "train.loss", "epochs") is None
    assert band(Group("toy", [run]), "train.loss", "epochs") is None


def test_counters_are_no_metrics():
    assert metrics_of([run_of([0.5], norm=[3.0]), run_of([0.5], loss=[1.0])]) == ["valid.error", "norm", "loss"]


def test_metric_that_no_run_has_gets_the_nearest_name():
    known = metrics_of([run_of([0.5])])
    check_metrics(["valid.error"], known)
    with pytest.raises(UsageError, match=r"no run has the metric 'valid.eror', did you mean 'valid.error'"):
        check_metrics(["valid.eror"], known)


def test_band_is_mean_and_deviation_over_runs():
    group = Group("toy", [run_of([0.5, 0.3]), run_of([0.3, 0.2]), run_of([0.1, 0.1])])
    found = band(group, "valid.error", "epochs")
    assert found is not None
    assert found.x.tolist() == [1, 2]
    np.testing.assert_allclose(found.mean, [0.3, 0.2])
    np.testing.assert_allclose(found.deviation, [np.std([0.5, 0.3, 0.1], ddof=1), np.std([0.3, 0.2, 0.1], ddof=1)])
    assert found.runs.tolist() == [3, 3]


def test_band_goes_on_with_the_runs_that_got_further():
    found = band(Group("toy", [run_of([0.5, 0.3, 0.2]), run_of([0.3])]), "valid.error", "epochs")
    assert found is not None
    assert found.runs.tolist() == [2, 1, 1]
    np.testing.assert_allclose(found.mean, [0.4, 0.3, 0.2])
    np.testing.assert_allclose(found.deviation[1:], 0)


def test_runs_that_were_measured_elsewhere_are_read_off_between_their_points():
    found = band(Group("toy", [run_of([0.4, 0.2], step=2), run_of([0.3, 0.3, 0.1])]), "valid.error", "epochs")
    assert found is not None
    assert found.x.tolist() == [1, 2, 3]
    np.testing.assert_allclose(found.mean, [0.35, 0.3, 0.15])


def test_along_seconds_a_point_lies_at_the_mean_of_the_times_to_its_epoch():
    group = Group("toy", [run_of([0.4, 0.2], seconds=[1.0, 3.0]), run_of([0.2, 0.1], seconds=[2.0, 5.0])])
    found = band(group, "valid.error", "seconds")
    assert found is not None
    np.testing.assert_allclose(found.x, [1.5, 4.0])
    np.testing.assert_allclose(found.mean, [0.3, 0.15])
    assert found.runs.tolist() == [2, 2]


def test_time_does_not_run_backwards_where_a_slow_run_has_ended():
    group = Group("toy", [run_of([0.4, 0.2], seconds=[10.0, 30.0]), run_of([0.2, 0.2, 0.1], seconds=[2.0, 4.0, 7.0])])
    found = band(group, "valid.error", "seconds")
    assert found is not None
    np.testing.assert_allclose(found.x, [6.0, 17.0, 20.0])
