import numpy as np
import pytest

from mnistnn.optim.momentum import Momentum
from mnistnn.optim.rule import BLOCK, clip
from mnistnn.optim.sgd import SGD


def test_long_gradient_is_scaled_to_the_norm(given_gradients, walk):
    path = walk(SGD(learning_rate=1, clip_norm=1.0), given_gradients([0.0, 0.0], [[3.0, -4.0]]), 1)
    assert path[0] == pytest.approx([-0.6, 0.8])


@pytest.mark.parametrize("norm", [5.0, 7.0])
def test_gradient_that_is_short_enough_is_left_alone(norm, given_gradients, walk):
    path = walk(SGD(learning_rate=1, clip_norm=norm), given_gradients([0.0, 0.0], [[3.0, -4.0]]), 1)
    assert path[0].tolist() == [-3.0, 4.0]


def test_norm_is_that_of_the_whole_gradient_and_not_of_a_block(given_gradients, walk):
    gradient = np.ones(4 * BLOCK)
    objective = given_gradients(np.zeros(4 * BLOCK), [gradient])
    walk(SGD(learning_rate=1, clip_norm=1.0), objective, 1)
    assert np.linalg.norm(objective.theta) == pytest.approx(1.0)


def test_gradient_is_clipped_before_it_enters_the_velocity(given_gradients, walk):
    rule = Momentum(learning_rate=1, momentum=0.5, clip_norm=1.0)
    walk(rule, given_gradients([0.0, 0.0], [[30.0, -40.0], [3.0, -4.0]]), 2)
    assert rule.state()["v"] == pytest.approx(1.5 * np.array([-0.6, 0.8]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_clipping_keeps_the_dtype_and_bears_a_gradient_of_zero(dtype):
    for gradient in (np.array([3.0, -4.0], dtype), np.zeros(2, dtype)):
        clip(gradient, 0.5)
        assert gradient.dtype == dtype
        assert np.linalg.norm(gradient) <= 0.5 * (1 + 1e-6)
