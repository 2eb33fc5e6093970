import numpy as np
import pytest

from mnistnn.optim.adaptive import Adam, AdamW


def test_adamw_without_decay_is_adam(parabola, walk):
    a, start = [1.0, 3.0, 10.0], [1.0, -2.0, 0.5]
    adam = walk(Adam(learning_rate=0.1), parabola(a, start), 50)
    assert np.array_equal(walk(AdamW(learning_rate=0.1, weight_decay=0.0), parabola(a, start), 50), adam)


def test_decay_of_adamw_does_not_pass_through_its_averages(given_gradients, walk):
    """With a gradient of 0 the averages stay 0, and θ shrinks by 1 − η λ a step."""
    rule = AdamW(learning_rate=0.1, weight_decay=0.5)
    path = walk(rule, given_gradients([4.0], [[0.0]] * 3), 3)
    assert path[-1] == pytest.approx(4.0 * 0.95**3)
    assert [array.tolist() for array in rule.state().values()] == [[0.0], [0.0]]
