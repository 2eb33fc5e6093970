"""Hebbian learning's loss: its gradient, and that its step is Hebb's rule."""

import numpy as np
import pytest

from mnistnn.layers.dense import Dense
from mnistnn.losses.hebbian import Hebbian
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.supervised import Objective
from mnistnn.optim.contract import Progress
from mnistnn.optim.sgd import SGD
from mnistnn.types import ShapeError


def unit_on(x, units=1, dtype="float64"):
    """Return an objective of linear units from random weights, with the batch x."""
    model, loss = Sequential(layers={"unit": Dense(units=units)}), Hebbian()
    loss.build(model.build(x.shape[1:]))
    model.allocate(np, dtype)
    model.initialize(0)
    objective = Objective(model, loss, [])
    objective.set_batch(x, np.zeros(len(x), "int64"), update=0)
    return objective


@pytest.fixture
def x():
    rng = np.random.default_rng(0)
    return rng.normal(size=(20, 4)) @ rng.normal(size=(4, 4)) + 3.0


@pytest.mark.parametrize("units", [1, 3])
def test_gradient_is_that_of_the_value(x, units):
    objective = unit_on(x, units)
    objective.value_and_grad()
    grad, step = objective.grad.copy(), 1e-5
    for i in range(len(objective.theta)):
        sides = []
        for side in (step, -step):
            objective.theta[i] += side
            sides.append(objective.value())
            objective.theta[i] -= side
        assert grad[i] == pytest.approx((sides[0] - sides[1]) / (2 * step), rel=1e-6, abs=1e-8)


def test_step_is_hebbs_rule_and_leaves_the_bias(x):
    objective, optimizer = unit_on(x), SGD(learning_rate=0.1)
    optimizer.allocate(objective.theta, objective.grad)
    w = objective.theta[:4].copy()
    optimizer.step(objective, Progress())
    y = x @ w
    together = ((x - x.mean(axis=0)) * (y - y.mean())[:, None]).mean(axis=0)  # ⟨(x − x̄)(y − ȳ)⟩
    np.testing.assert_allclose(objective.theta[:4], w + 0.1 * together, rtol=1e-12)
    assert objective.theta[4] == pytest.approx(0.0, abs=1e-14)


def test_labels_change_nothing(x):
    loss = Hebbian()
    loss.build((4,))
    first = loss.value_and_dz(x, np.zeros(20, "int64"))[1].copy()
    assert loss.value_and_dz(x, np.arange(20))[1].tolist() == first.tolist()


def test_score_counts_examples_and_no_errors(x):
    loss = Hebbian()
    loss.build((4,))
    found = loss.score(x, np.zeros(20, "int64"))
    assert found.loss == pytest.approx(-0.5 * 20 * x.var(axis=0).sum(), rel=1e-12)
    assert (found.errors, found.examples) == (0, 20)


def test_outputs_must_be_a_row_of_units():
    with pytest.raises(ShapeError, match="hebbian needs a row of units, but this layer gives"):
        Hebbian().build((3, 2))
