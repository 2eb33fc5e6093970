from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from mnistnn.data.batches import Batches
from mnistnn.layers.activation_layer import ActivationLayer
from mnistnn.layers.dense import Dense
from mnistnn.layers.dropout import Dropout
from mnistnn.losses.penalties import L1, L2
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.supervised import Objective, score
from mnistnn.optim.contract import Progress
from mnistnn.optim.sgd import SGD
from mnistnn.training.loop import RunningLoss


def objective_of(penalties=(), dtype="float64") -> Objective:
    layers: dict[str, Any] = {
        "hidden": Dense(units=6, activation="sigmoid", max_norm=3.0),
        "again": ActivationLayer(activation="tanh"),
        "output": Dense(units=4),
    }
    model, loss = Sequential(layers=layers), SoftmaxNLL()
    loss.build(model.build((3, 3)), 4)
    model.allocate(np, dtype)
    model.initialize(0)
    for penalty in penalties:
        penalty.build(model.slots)
    return Objective(model, loss, penalties)


def digits(n=10, dtype="float64"):
    rng = np.random.default_rng(1)
    x, labels = rng.uniform(size=(n, 3, 3)).astype(dtype), rng.integers(4, size=n)
    x.setflags(write=False)
    labels.setflags(write=False)
    return x, labels


def gradient(objective, x, labels):
    objective.set_batch(x, labels, update=0)
    loss = float(objective.loss_and_grad())
    return loss, objective.grad.copy()


def test_value_is_the_mean_loss_plus_each_penalty_once():
    penalties: list[L1 | L2] = [L1(strength=0.1), L2(strength=0.2, reduce="mean", biases=True)]
    objective, x_and_labels = objective_of(penalties), digits()
    loss, _ = gradient(objective, *x_and_labels)
    expected = loss + sum(penalty.value(objective.theta) for penalty in penalties)
    assert objective.value_and_grad() == pytest.approx(expected, rel=1e-15)


def test_loss_and_grad_returns_the_loss_without_penalties():
    assert gradient(objective_of([L2(strength=5)]), *digits())[0] == gradient(objective_of(), *digits())[0]


def test_gradient_contains_each_penalty_once():
    penalty = L2(strength=0.2)
    _, bare = gradient(objective_of(), *digits())
    objective = objective_of([penalty])
    _, whole = gradient(objective, *digits())
    term = np.zeros_like(bare)
    penalty.add_gradient(objective.theta, term)
    np.testing.assert_allclose(whole, bare + term, rtol=1e-14)


def test_gradient_of_a_batch_is_the_mean_of_its_examples_gradients():
    objective, (x, labels) = objective_of(), digits()
    single = [gradient(objective, x[i : i + 1], labels[i : i + 1])[1] for i in range(len(x))]
    np.testing.assert_allclose(gradient(objective, x, labels)[1], np.mean(single, axis=0), atol=1e-15)


def test_gradient_does_not_depend_on_the_batch_before():
    used, fresh, (x, labels) = objective_of(), objective_of(), digits()
    gradient(used, np.full((12, 3, 3), np.nan), np.zeros(12, "int64"))
    used_result, fresh_result = gradient(used, x, labels), gradient(fresh, x, labels)
    assert used_result[0] == fresh_result[0]
    assert np.array_equal(used_result[1], fresh_result[1])


def test_proximal_penalty_is_neither_in_the_value_nor_in_the_gradient():
    bare, objective = objective_of(), objective_of([L1(strength=0.1, proximal=True)])
    x, labels = digits()
    for each in (bare, objective):
        each.set_batch(x, labels, update=0)
    assert objective.value_and_grad() == bare.value_and_grad()
    assert np.array_equal(objective.grad, bare.grad)


def test_project_shrinks_by_proximal_penalties_then_constrains_the_layers():
    objective = objective_of([L1(strength=0.1, proximal=True)])
    weights = objective.model.views(objective.theta)
    hidden, output = weights["hidden.W"], weights["output.W"]
    hidden *= 10.0
    shrunk, expected = (np.sign(W) * np.maximum(abs(W) - 0.05, 0) for W in (hidden, output))
    objective.project(0.5)
    np.testing.assert_allclose(hidden, shrunk * np.minimum(1, 3 / np.linalg.norm(shrunk, axis=0)), rtol=1e-12)
    np.testing.assert_allclose(output, expected, rtol=1e-12)


def test_project_moves_nothing_where_all_constraints_hold():
    objective = objective_of([L1(strength=0.1), L2(strength=0.1)])
    objective.theta *= 0.1  # within the ball of the hidden layer
    before = objective.theta.copy()
    objective.project(0.5)
    assert np.array_equal(objective.theta, before)


def test_masks_change_with_the_update_and_stand_still_between():
    model, loss = Sequential(layers={"inputs": Dropout(keep=0.5), "output": Dense(units=4)}), SoftmaxNLL()
    loss.build(model.build((3, 3)), 4)
    model.allocate(np, "float64")
    model.initialize(0)
    objective, values = Objective(model, loss), []
    x, labels = digits()
    for update in (0, 0, 1):
        objective.set_batch(x, labels, update)
        values += [objective.value_and_grad(), objective.value_and_grad()]
    assert values[0] == values[1] == values[2] == values[3]
    assert values[4] == values[5] != values[0]


def test_score_tells_which_examples_are_classified_correctly():
    objective, (x, labels) = objective_of(), digits(10)
    right = np.zeros(10, dtype=bool)
    found = score(objective.model, objective.loss, x, labels, 3, right)
    z = objective.model.forward(x, train=False)
    assert right.tolist() == (z.argmax(axis=1) == labels).tolist()
    assert found.errors == 10 - right.sum()


@pytest.mark.parametrize("batch_size", [1, 3, 10, 1000])
def test_score_counts_every_example_whatever_the_batch_size(batch_size):
    objective, (x, labels) = objective_of(), digits(10)
    found = score(objective.model, objective.loss, x, labels, batch_size)
    z = objective.model.forward(x, train=False)
    expected = objective.loss.score(z, labels)
    assert (found.examples, found.errors) == (10, expected.errors)
    assert found.loss == pytest.approx(expected.loss, rel=1e-14)


def test_score_changes_neither_parameters_nor_gradient():
    objective, (x, labels) = objective_of(), digits(10)
    gradient(objective, x, labels)
    theta, grad = objective.theta.copy(), objective.grad.copy()
    score(objective.model, objective.loss, x, labels, 3)
    assert np.array_equal(objective.theta, theta)
    assert np.array_equal(objective.grad, grad)


def arrays_within(thing: Any, seen: set[int]) -> Iterator[np.ndarray | np.generic]:
    """Yield every array and NumPy scalar reachable from an object of mnistnn, through attributes and containers.

    A scalar counts because float32 array × float64 scalar is float64, while a Python float adapts.
    """
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, np.ndarray | np.generic):
        yield thing
    elif isinstance(thing, dict):
        for value in thing.values():
            yield from arrays_within(value, seen)
    elif isinstance(thing, list | tuple):
        for value in thing:
            yield from arrays_within(value, seen)
    elif type(thing).__module__.startswith("mnistnn."):
        yield from arrays_within(vars(thing), seen)


@pytest.mark.parametrize("order", ["permute", "sequential"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_everything_that_a_training_step_touches_has_one_dtype(dtype, order):
    penalties: list[L1 | L2] = [L1(strength=0.1, proximal=True), L2(strength=0.1, reduce="mean")]
    objective = objective_of(penalties, dtype)
    batches, optimizer, mean = Batches(size=4, order=order), SGD(learning_rate=0.1), RunningLoss(objective.theta)
    train_x, train_labels = digits(10, dtype)
    batches.bind(train_x, train_labels, seed=0)
    optimizer.allocate(objective.theta, objective.grad)
    for x, labels in batches.of_epoch(1):
        objective.set_batch(x, labels, update=0)
        loss = optimizer.step(objective, Progress())
        objective.project(0.1)
        mean.add(loss, len(x))
        assert loss.dtype == dtype
    touched = list(arrays_within([objective, batches, optimizer], set()))
    assert len(touched) > 20
    assert {array.dtype.name for array in touched} == {dtype, "int64"}
