"""Gradients of networks of a realistic size, and whether the user's gradient check would notice a wrong one."""

from dataclasses import replace

import numpy as np
import pytest

from mnistnn.kernels import activations
from mnistnn.kernels.dense import dense_backward
from mnistnn.layers import dense as dense_layer
from mnistnn.layers.activations import ACTIVATIONS
from mnistnn.layers.dense import Dense
from mnistnn.losses.penalties import L2
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.gradient_check import CheckedFunction, check_function, randomize
from mnistnn.objectives.supervised import Objective


def objective_of(units, n=20, image=(28, 28), classes=10) -> Objective:
    layers = {f"hidden{i}": Dense(units=u, activation=f) for i, (u, f) in enumerate(units)}
    model, loss = Sequential(layers={**layers, "output": Dense(units=classes)}), SoftmaxNLL()
    loss.build(model.build(image), classes)
    model.allocate(np, "float64")
    model.initialize(0)
    penalty = L2(strength=0.01)
    penalty.build(model.slots)
    objective = Objective(model, loss, [penalty])
    rng = np.random.default_rng(0)
    objective.set_batch(rng.uniform(size=(n, *image)), rng.integers(classes, size=n), update=0)
    randomize(objective.theta, model.slots, seed=0)
    return objective


@pytest.mark.parametrize("n", [1, 20])
@pytest.mark.parametrize(
    "units", [[], [(30, "tanh")], [(30, "sigmoid")], [(30, "tanh"), (20, "sigmoid"), (15, "linear")]], ids=str
)
def test_slope_along_random_directions_equals_differences(units, n):
    objective, rng, step = objective_of(units, n), np.random.default_rng(1), 1e-5
    objective.value_and_grad()
    grad, start = objective.grad.copy(), objective.theta.copy()
    for _ in range(3):
        direction = rng.normal(size=grad.size)
        direction += 10 * grad / np.linalg.norm(grad)  # a slope far from zero, where relative errors mean something
        direction /= np.linalg.norm(direction)
        values = []
        for sign in (1, -1):
            objective.theta[...] = start + sign * step * direction
            values.append(objective.value_and_grad())
        numeric = (values[0] - values[1]) / (2 * step)
        assert abs(grad @ direction - numeric) < 1e-7 * (abs(grad @ direction) + abs(numeric))


def check(objective):
    function = CheckedFunction(
        objective.theta, objective.grad, objective.value, objective.value_and_grad, objective.input_and_dx
    )
    return check_function(function, objective.model.slots, seed=0)


def failed(units) -> list[str]:
    """Return the names of the parameters that the user's check finds fault with."""
    return [row.name for row in check(objective_of(units, n=5, image=(4, 3), classes=3)) if not row.passed]


def test_gradcheck_passes_right_gradients():
    assert failed([(6, "tanh"), (5, "relu"), (4, "sigmoid")]) == []


def test_gradcheck_finds_weights_that_are_off_by_a_thousandth(monkeypatch):
    def wrong(dz, x, W, dW, db, dx=None, dW_T=None):
        dense_backward(dz, x, W, dW, db, dx, dW_T)
        dW *= 1.001

    monkeypatch.setattr(dense_layer, "dense_backward", wrong)
    assert failed([(6, "tanh")]) == ["hidden0.W", "output.W"]


def test_gradcheck_finds_one_wrong_bias(monkeypatch):
    def wrong(dz, x, W, dW, db, dx=None, dW_T=None):
        dense_backward(dz, x, W, dW, db, dx, dW_T)
        db[-1] = 0.0

    monkeypatch.setattr(dense_layer, "dense_backward", wrong)
    assert failed([(6, "tanh")]) == ["hidden0.b", "output.b"]


def test_gradcheck_finds_a_wrong_derivative_below_the_layer_that_has_it(monkeypatch):
    wrong = replace(ACTIVATIONS["tanh"], backward=activations.sigmoid_backward)
    monkeypatch.setitem(ACTIVATIONS, "tanh", wrong)
    assert failed([(6, "tanh")]) == ["hidden0.W", "hidden0.b", "input"]


def test_gradcheck_finds_a_wrong_gradient_of_the_input(monkeypatch):
    def wrong(dz, x, W, dW, db, dx=None, dW_T=None):
        dense_backward(dz, x, W, dW, db, dx, dW_T)
        if dx is not None and dx.shape[1] == 12:
            dx *= 1.001

    monkeypatch.setattr(dense_layer, "dense_backward", wrong)
    assert failed([(6, "tanh")]) == ["input"]


@pytest.mark.parametrize("chunk", [None, 2])
def test_gradient_of_the_input_is_a_mean_over_pieces_of_the_batch(chunk):
    objective = objective_of([(6, "tanh")], n=5, image=(4, 3), classes=3)
    _, expected = objective.input_and_dx()
    objective.chunk = chunk
    np.testing.assert_allclose(objective.input_and_dx()[1], expected, rtol=1e-12)


def test_gradcheck_finds_a_penalty_whose_gradient_misses_the_factor_two(monkeypatch):
    def wrong(self, theta, grad):
        for part, factor in self.parts:
            grad[part] += factor * theta[part]

    monkeypatch.setattr(L2, "add_gradient", wrong)
    assert failed([(6, "tanh")]) == ["hidden0.W", "output.W"]


def test_gradcheck_leaves_the_parameters_where_they_were():
    objective = objective_of([(6, "tanh")], n=5, image=(4, 3), classes=3)
    before = objective.theta.copy(), objective.x.copy()
    check(objective)
    assert np.array_equal(objective.theta, before[0])
    assert np.array_equal(objective.x, before[1])
