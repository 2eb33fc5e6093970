"""The perceptron's loss, and that its gradient step is Rosenblatt's rule."""

import numpy as np
import pytest

from mnistnn.layers.dense import Dense
from mnistnn.layers.initializers import Zeros
from mnistnn.losses.perceptron import Perceptron
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.supervised import Objective
from mnistnn.optim.contract import Progress
from mnistnn.optim.sgd import SGD
from mnistnn.types import ShapeError


@pytest.fixture
def loss():
    loss = Perceptron()
    loss.build((1,), 2)
    return loss


def test_value_is_the_mean_distance_on_the_wrong_side(loss):
    z, labels = np.array([[2.0], [-3.0], [-1.0], [4.0]]), np.array([1, 1, 0, 0])
    value, dz = loss.value_and_dz(z, labels)
    assert value == (3.0 + 4.0) / 4
    assert dz.tolist() == [[0.0], [-0.25], [0.0], [0.25]]


def test_score_counts_outputs_on_the_wrong_side_and_zero_as_class_0(loss):
    found = loss.score(np.array([[0.0], [0.0], [-1.0], [1.0]]), np.array([0, 1, 1, 1]))
    assert (found.loss, found.errors, found.examples) == (1.0, 2, 4)


def test_scores_of_both_classes_agree_with_the_prediction(loss):
    z = np.array([[-2.0], [0.0], [3.0]])
    assert loss.probabilities(z).tolist() == [[2, -2], [0, 0], [-3, 3]]
    assert loss.probabilities(z).argmax(axis=1).tolist() == loss.predict(z).tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("shape", "classes", "said"),
    [((1,), 10, "perceptron needs two classes, but the data has 10"), ((2,), 2, "perceptron needs one output")],
)
def test_two_classes_and_one_output_are_needed(shape, classes, said):
    with pytest.raises(ShapeError, match=said):
        Perceptron().build(shape, classes)


def test_steps_on_single_examples_are_the_perceptron_rule(loss):
    """From weights of zero, over examples of which no line tells the classes apart, so that mistakes never end."""
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(60, 3)), rng.integers(2, size=60)
    model = Sequential(layers={"output": Dense(units=1, init=Zeros())})
    model.build((3,))
    model.allocate(np, "float64")
    model.initialize(0)
    objective, optimizer = Objective(model, loss, []), SGD(learning_rate=1)
    optimizer.allocate(objective.theta, objective.grad)
    w, b, mistakes = np.zeros(3), 0.0, 0
    for update, (xi, label) in enumerate(zip(x, labels, strict=True)):
        objective.set_batch(xi[None], labels[update : update + 1], update=update)
        optimizer.step(objective, Progress(updates=update))
        t = 1.0 if label else -1.0
        if t * (w @ xi + b) <= 0:  # a mistake, or no decision yet
            w, b, mistakes = w + t * xi, b + t, mistakes + 1
        np.testing.assert_allclose(objective.theta, [*w, b], rtol=1e-12, atol=1e-12)
    assert 10 < mistakes < 60
