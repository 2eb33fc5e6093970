"""What an evaluation measures, and how validation images are paired with the best model so far."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mnistnn.data.examples import Examples
from mnistnn.layers.dense import Dense
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.models.sequential import Sequential
from mnistnn.tasks.validation import Validation


@pytest.fixture
def model():
    """Two inputs that are the logits: whichever is larger is the class, unless theta swaps them."""
    model = Sequential(layers={"output": Dense(units=2)})
    model.build((2,))
    model.allocate(np, "float64")
    return model


@pytest.fixture
def loss():
    loss = SoftmaxNLL()
    loss.build((2,), 2)
    return loss


# Each image is a pair of logits. A model with gains (a, b) reads class 1 where b·x₁ > a·x₀.
VALID = Examples(np.array([[2.0, 1], [1.0, 2], [3.0, 1], [1.0, 3], [2.0, 3]]), np.array([0, 1, 0, 1, 0]))
TRAIN = Examples(np.array([[1.0, 2], [1.0, 2]]), np.array([0, 1]))


def set_gains(model, a, b):
    model.theta[...] = [a, 0, 0, b, 0, 0]


def standing(best=None, best_values=None) -> Any:
    return SimpleNamespace(best=best, best_values=best_values, monitor="valid.error")


def right(a, b):
    return (VALID.x[:, 1] * b > VALID.x[:, 0] * a).astype(int) == VALID.labels


def test_metrics_are_those_of_the_whole_validation_split(model, loss):
    set_gains(model, 1, 1)
    metrics = Validation(model, loss, VALID, 2, None, paired=False)(standing())
    z = VALID.x
    log_p = z[range(5), VALID.labels] - np.log(np.exp(z).sum(axis=1))
    assert metrics == {"valid.loss": pytest.approx(-log_p.mean()), "valid.error": 0.2}


def test_training_error_is_measured_if_asked_for(model, loss):
    set_gains(model, 1, 1)
    metrics = Validation(model, loss, VALID, 2, TRAIN, paired=False)(standing())
    assert metrics["train.error"] == 0.5
    assert list(metrics) == ["train.error", "valid.loss", "valid.error"]


def test_first_evaluation_gains_every_image_that_it_classifies_correctly(model, loss):
    set_gains(model, 1, 1)
    metrics = Validation(model, loss, VALID, 2, None, paired=True)(standing())
    assert (metrics["valid.gained"], metrics["valid.lost"]) == (4, 0)
    assert type(metrics["valid.gained"]) is int


@pytest.mark.parametrize(("a", "b"), [(1, 1), (2, 1), (1, 2.5), (0, 1), (1, 0)])
def test_later_evaluation_is_paired_with_the_best_before(model, loss, a, b):
    set_gains(model, 1, 2.5)
    measure = Validation(model, loss, VALID, 2, None, paired=True)
    first = measure(standing())
    before, best_values = right(1, 2.5), model.theta.copy()
    set_gains(model, a, b)
    now = right(a, b)
    metrics = measure(standing(first, best_values))
    assert metrics["valid.gained"] == (now & ~before).sum()
    assert metrics["valid.lost"] == (before & ~now).sum()


def test_pair_is_the_best_and_not_the_one_before(model, loss):
    measure = Validation(model, loss, VALID, 2, None, paired=True)
    set_gains(model, 1, 1)
    first, best_values = measure(standing()), model.theta.copy()
    set_gains(model, 0, 1)  # worse
    measure(standing(first, best_values))
    set_gains(model, 1, 1)
    again = measure(standing(first, best_values))
    assert (again["valid.gained"], again["valid.lost"]) == (0, 0)


def test_resumed_measurement_asks_the_best_parameters_again_and_leaves_theta_alone(model, loss):
    measure = Validation(model, loss, VALID, 2, None, paired=True)
    set_gains(model, 1, 2.5)
    first, best_values = measure(standing()), model.theta.copy()
    set_gains(model, 1, 1)
    expected, theta = measure(standing(first, best_values)), model.theta.copy()
    fresh = Validation(model, loss, VALID, 2, None, paired=True)
    assert fresh(standing(first, best_values)) == expected
    assert np.array_equal(model.theta, theta)


def test_pair_is_the_last_evaluation_where_no_metric_chooses_the_best(model, loss):
    measure = Validation(model, loss, VALID, 2, None, paired=True)
    t, before = standing(), np.zeros(5, bool)
    t.monitor = "last"
    for a, b in ((1, 1), (0, 1), (1, 0)):
        set_gains(model, a, b)
        now, t.best = right(a, b), measure(t)
        assert (t.best["valid.gained"], t.best["valid.lost"]) == ((now & ~before).sum(), (before & ~now).sum())
        before = now


def test_without_a_validation_split_only_training_metrics_are_measured(model, loss):
    set_gains(model, 1, 1)
    assert Validation(model, loss, None, 2, None, paired=False)(standing()) == {}
    assert Validation(model, loss, None, 2, TRAIN, paired=False)(standing()) == {"train.error": 0.5}
