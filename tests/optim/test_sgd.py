import numpy as np
import pytest

from mnistnn.layers.dense import Dense
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.supervised import Objective
from mnistnn.optim.contract import Progress
from mnistnn.optim.sgd import SGD


def test_step_returns_the_loss_before_the_move(parabola):
    objective, rule = parabola([1.0, 2.0], [4.0, -3.0]), SGD(learning_rate=0.25)
    rule.allocate(objective.theta, objective.grad)
    assert rule.step(objective, Progress()) == 17.0  # ½ (16 + 18)


def test_step_moves_theta_in_place(parabola, walk):
    objective = parabola([1.0], [4.0])
    theta = objective.theta
    walk(SGD(learning_rate=0.25), objective, 1)
    assert objective.theta is theta
    assert theta.tolist() == [3.0]


@pytest.mark.parametrize("rate", [0.01, 1])
def test_rate_is_constant(rate):
    assert SGD(learning_rate=rate).rate(Progress(epoch=7, updates=1000)) == rate


def test_state_is_empty():
    optimizer = SGD(learning_rate=0.1)
    optimizer.allocate(np.zeros(3), np.zeros(3))
    assert optimizer.state() == {}


def test_softmax_step_from_zero_equals_the_one_worked_out_by_hand():
    """With W = b = 0 all classes have probability ½, so dz = ±½/n."""
    model, loss = Sequential(layers={"output": Dense(units=2)}), SoftmaxNLL()
    loss.build(model.build((2,)), 2)
    model.allocate(np, "float64")
    objective, optimizer = Objective(model, loss), SGD(learning_rate=0.8)
    optimizer.allocate(objective.theta, objective.grad)
    objective.set_batch(np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([0, 1]), 0)
    value = optimizer.step(objective, Progress())
    assert value == pytest.approx(np.log(2), rel=1e-15)
    parts = model.views(model.theta)
    np.testing.assert_allclose(parts["output.W"], [[-0.4, 0.4], [0.4, -0.4]], atol=1e-15)
    np.testing.assert_allclose(parts["output.b"], [0.0, 0.0], atol=1e-15)
