"""The slides' rates per weight: what happens to them as the gradient keeps or changes its sign."""

import numpy as np
import pytest

from mnistnn.optim.adaptive import AdaptiveRates
from mnistnn.optim.contract import Progress


@pytest.fixture
def rates_after(given_gradients):
    """Return a function: the rates of one weight after each of these gradients."""

    def follow(gradients, **fields):
        rule, objective = AdaptiveRates(learning_rate=0.5, **fields), given_gradients([0.0], gradients)
        rule.allocate(objective.theta, objective.grad)
        found = []
        for _ in gradients:
            rule.step(objective, Progress())
            found.append(float(rule.state()["rate"][0]))
        return found

    return follow


@pytest.mark.parametrize(
    ("gradients", "expected"),
    [
        ([3.0], [1.0]),  # nothing to compare with
        ([3.0, 0.1, 7.0], [1.0, 1.05, 1.1]),
        ([-3.0, -0.1, -7.0], [1.0, 1.05, 1.1]),
        ([3.0, -0.1, 7.0], [1.0, 0.95, 0.95**2]),
        ([3.0, 0.1, -1.0, -1.0], [1.0, 1.05, 1.05 * 0.95, 1.05 * 0.95 + 0.05]),
        ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0]),  # a border pixel
        ([3.0, 0.0, 3.0, 3.0], [1.0, 1.0, 1.0, 1.05]),  # a 0 agrees with nothing
    ],
)
def test_rate_grows_by_a_twentieth_and_shrinks_to_95_percent(gradients, expected, rates_after):
    assert rates_after(gradients) == pytest.approx(expected, rel=1e-14)


def test_rate_is_kept_below_its_maximum(rates_after):
    """Without the clamp, 100 quiet steps would make it 5.95."""
    assert rates_after([1.0] * 100, maximum=100.0)[-1] == pytest.approx(1 + 99 * 0.05)
    assert rates_after([1.0] * 100, maximum=2.0)[-1] == 2.0


def test_rate_is_kept_above_its_minimum(rates_after):
    assert rates_after([1.0, -1.0] * 50, minimum=0.25)[-1] == 0.25


def test_step_uses_the_rate_from_before_it(given_gradients, walk):
    path = walk(AdaptiveRates(learning_rate=0.5), given_gradients([0.0], [[1.0], [1.0], [1.0]]), 3)
    assert np.diff(path, axis=0).reshape(-1) == pytest.approx([-0.5, -0.525])


def test_signs_of_gradients_too_small_to_multiply_still_count(given_gradients, walk):
    rule = AdaptiveRates(learning_rate=0.5)
    tiny = np.array([1e-30, -1e-30], dtype="float32")
    walk(rule, given_gradients(np.zeros(2, "float32"), [tiny, np.abs(tiny)]), 2)
    assert rule.state()["rate"].tolist() == pytest.approx([1.05, 0.95])
