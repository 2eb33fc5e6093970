"""What looks inside trained models finds the same in a run on the stand-in for a device as in one on the host."""

from dataclasses import asdict

import numpy as np
import pytest

from mnistnn.analysis.evaluation.predictions import predictions_of
from mnistnn.analysis.inspection.dead_units import dead_units
from mnistnn.analysis.inspection.filter_history import history_of
from mnistnn.analysis.inspection.layer_statistics import statistics_of, table
from mnistnn.experiment.trained import load_trained

LAYERS = (
    "model.layers={hidden: null, output: null, norm: {type: batch_norm}, drop: {type: dropout}, "
    "some: {type: dropconnect, units: 6, activation: tanh}, last: {type: dense, units: 4}}"
)


@pytest.fixture(params=["dense", "random"])
def runs(request, device, toy, start):
    """One run on the host and one on the device."""
    keys = ("stopping.max_epochs.epochs=2", *([LAYERS] if request.param == "random" else []))
    return [start(toy, f"backend.device={name}", *keys, path=name).run for name in ("cpu", "cuda")]


def test_predictions_are_the_same(runs):
    host, device = (predictions_of(load_trained(run), "valid") for run in runs)
    np.testing.assert_array_equal(device.predicted, host.predicted)
    np.testing.assert_array_equal(device.probabilities, host.probabilities)
    assert isinstance(device.probabilities, np.ndarray)


def test_statistics_are_the_same(runs):
    host, device = (statistics_of(load_trained(run), "valid", 60) for run in runs)
    assert device.loss == host.loss
    assert table(device) == table(host)  # three digits; sums follow the order in memory, which differs


def test_dead_units_are_the_same(runs):
    host, device = (asdict(dead_units(load_trained(run), "train")) for run in runs)
    assert device == host


def test_filters_over_time_are_the_same(device, toy, start):
    host, there = (
        history_of(start(toy, f"backend.device={name}", "stopping.max_epochs.epochs=2", path=name).run)
        for name in ("cpu", "cuda")
    )
    np.testing.assert_array_equal(there.pictures, host.pictures)
