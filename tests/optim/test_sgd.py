import numpy as np
import pytest

from mnistnn.layers.dense import Dense
from mnistnn.losses import SoftmaxNLL
from mnistnn.models.sequential import Sequential
from mnistnn.objective import Objective
from mnistnn.optim.contract import Progress
from mnistnn.optim.sgd import SGD


class Parabola:
    """L = ½ Σ aᵢ θᵢ², whose gradient is a θ."""

    def __init__(self, a, theta):
        self.a, self.theta, self.grad = np.array(a), np.array(theta), np.empty(len(theta))

    def loss_and_grad(self):
        self.grad[...] = self.a * self.theta
        return np.float64(0.5 * self.a @ self.theta**2)

    def value_and_grad(self) -> float:
        return float(self.loss_and_grad())


def test_step_subtracts_the_rate_times_the_gradient():
    parabola = Parabola([1.0, 2.0, 0.0], [4.0, -3.0, 5.0])
    SGD(learning_rate=0.25).step(parabola, Progress())
    assert parabola.theta.tolist() == [3.0, -1.5, 5.0]  # 4 − ¼·4, −3 + ¼·6, 5


def test_step_returns_the_loss_before_the_move():
    assert SGD(learning_rate=0.25).step(Parabola([1.0, 2.0], [4.0, -3.0]), Progress()) == 17.0  # ½ (16 + 18)


def test_step_moves_theta_in_place():
    parabola = Parabola([1.0], [4.0])
    theta = parabola.theta
    SGD(learning_rate=0.25).step(parabola, Progress())
    assert parabola.theta is theta


@pytest.mark.parametrize("rate", [0.01, 1])
def test_rate_is_constant(rate):
    assert SGD(learning_rate=rate).rate(Progress(epoch=7, updates=1000)) == rate


def test_state_is_empty():
    optimizer = SGD(learning_rate=0.1)
    optimizer.allocate(np.zeros(3))
    assert optimizer.state() == {}


def test_softmax_step_from_zero_equals_the_one_worked_out_by_hand():
    """With W = b = 0 all classes have probability ½, so dz = ±½/n."""
    model, loss = Sequential(layers={"output": Dense(units=2)}), SoftmaxNLL()
    loss.build(model.build((2,)), 2)
    model.allocate(np, "float64")
    objective = Objective(model, loss)
    objective.set_batch(np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([0, 1]))
    value = SGD(learning_rate=0.8).step(objective, Progress())
    assert value == pytest.approx(np.log(2), rel=1e-15)
    parts = model.views(model.theta)
    np.testing.assert_allclose(parts["output.W"], [[-0.4, 0.4], [0.4, -0.4]], atol=1e-15)
    np.testing.assert_allclose(parts["output.b"], [0.0, 0.0], atol=1e-15)
