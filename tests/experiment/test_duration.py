"""How long training will take, by the time of a few updates."""

import math

import pytest

from mnistnn.config.load import load_experiment
from mnistnn.experiment.duration import LEAST_S, Duration, UpdateClock, duration_of, estimate
from mnistnn.experiment.plan import Plan


def test_evaluations_count_as_a_third_of_an_update_for_each_example(toy):
    pace = Plan(load_experiment(toy)).pace  # 10 updates of 32 examples, 6 epochs; 60 examples for validation
    found = duration_of(pace, valid_examples=60)
    assert found.per_epoch == pytest.approx(10 + 60 / 32 / 3)
    assert found.left == pytest.approx(6 * found.per_epoch)
    assert duration_of(pace, 60, updates_done=50).left == pytest.approx(found.per_epoch)
    assert duration_of(pace, 0).per_epoch == 10


def test_more_evaluations_count_each(toy):
    pace = Plan(load_experiment(toy, ["evaluation.every_updates=2"])).pace
    assert duration_of(pace, 60).per_epoch == pytest.approx(10 + 5 * 60 / 32 / 3)


def test_time_is_said_in_words():
    assert Duration(100, 2000).said(0.05) == "about 100 s for up to 20 epochs, 5 s each"
    assert Duration(100, 100).said(0.5) == "about 50 s for up to 1 epoch, 50 s each"
    assert Duration(100, math.inf).said(3.0) == "about 5 min for each epoch, of which there may be any number"


def test_first_update_does_not_count_and_short_ones_are_many():
    clock = UpdateClock()
    assert [clock.note(at) for at in (9.0, 10.0, 11.0)] == [None] * 3
    assert clock.note(12.0) == 1.0
    short, step = UpdateClock(), LEAST_S / 10
    found = [short.note(n * step) for n in range(12)]
    assert found[:10] == [None] * 10
    assert found[-1] == pytest.approx(step)


def test_nothing_is_said_without_the_data_set_or_without_steps(toy, pairs, monkeypatch):
    plan = Plan(load_experiment(pairs))
    assert estimate(plan) is None
    monkeypatch.setenv("MNISTNN_DATA", str(toy.parent / "none"))
    published = ["data.dataset=mnist", "model.layers.output.units=10"]
    assert estimate(Plan(load_experiment(toy, published))) is None
