"""Curves and bands of figures, against figures computed here."""

from pathlib import Path

import numpy as np
import pytest

from mnistnn.analysis.curves import band, check_metrics, curve, metrics_of
from mnistnn.analysis.gathering import Gathered, Group
from mnistnn.errors import UsageError
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import RunRecord


def run_of(errors, first=1, step=1, seconds=None, **columns):
    """A run with a validation error at epochs first, first + step, …, of 10 updates and 200 examples each."""
    rows = [
        {"epoch": (e := first + step * i), "updates": 10 * e, "examples": 200 * e, "valid.error": error}
        | {name: values[i] for name, values in columns.items()}
        for i, error in enumerate(errors)
    ]
    record = RunRecord("id", "toy", "finished", "0" * 64, "valid.error", "2025-01-01T00:00:00+00:00", 1)
    return Gathered(RunDirectory(Path("run")), record, {}, rows, None, seconds)


@pytest.mark.parametrize(
    ("axis", "x"),
    [("epochs", [1, 2]), ("updates", [10, 20]), ("examples", [200, 400]), ("seconds", [0.5, 1.5])],
)
def test_curve_is_a_figure_along_an_axis(axis, x):
    found = curve(run_of([0.5, 0.25], seconds=[0.5, 1.5]), "valid.error", axis)
    assert found is not None
    assert (found.x.tolist(), found.y.tolist()) == (x, [0.5, 0.25])


def test_seconds_that_were_not_kept_are_missed():
    with pytest.raises(UsageError, match=r"run: timing.jsonl does not have the seconds"):
        curve(run_of([0.5]), "valid.error", "seconds")


def test_run_without_the_figure_has_no_curve():
    run = run_of([0.5])
    assert curve(run, "train.loss", "epochs") is None
    assert band(Group("toy", [run]), "train.loss", "epochs") is None


def test_counters_are_no_figures():
    assert metrics_of([run_of([0.5], norm=[3.0]), run_of([0.5], loss=[1.0])]) == ["valid.error", "norm", "loss"]


def test_figure_that_no_run_has_gets_the_nearest_name():
    check_metrics(["valid.error"], [run_of([0.5])])
    with pytest.raises(UsageError, match=r"no run has the figure 'valid.eror', did you mean 'valid.error'"):
        check_metrics(["valid.eror"], [run_of([0.5])])


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
