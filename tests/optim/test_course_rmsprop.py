"""Two facts about rmsprop as the slides write it, and that the repaired rule is free of the second."""

import numpy as np
import pytest

from mnistnn.optim.adaptive import CourseRMSProp, RMSProp


def after_zeros(rule, steps, given_gradients, walk, dtype):
    """Let the rule make steps with a gradient of 0."""
    objective = given_gradients(np.ones(1, dtype), [np.zeros(1, dtype)] * steps)
    walk(rule, objective, steps)
    return objective


@pytest.mark.parametrize(("dtype", "ulps", "step"), [("float32", 4, 964), ("float64", 5, 7050)])
def test_mean_square_without_gradients_ends_at_a_few_subnormal_steps(dtype, ulps, step, given_gradients, walk):
    """There a product by 0.9 is rounded back up (4 · 0.9 to 4; 5 · 0.9 to 5, as the 0.9 of float64 is a little more
    than 9/10), so ms never becomes 0, and 0/√ms is 0 and no NaN."""
    rule, tiny = CourseRMSProp(learning_rate=0.1), np.finfo(dtype).smallest_subnormal
    for steps, expected in ((step - 2, False), (step + 100, True)):
        objective = after_zeros(rule, steps, given_gradients, walk, dtype)
        assert (rule.state()["ms"][0] / tiny == ulps) == expected, steps
        assert objective.theta.tolist() == [1.0]


def long_step(rule, n, given_gradients, walk):
    """Return how far a gradient of 1e-3 moves a weight when n steps without one came before, and one at the start."""
    gradients = [[1e-3], *[[0.0]] * n, [1e-3]]
    path = walk(rule, given_gradients([0.0], gradients), len(gradients))
    return abs(path[-1][0] - path[-2][0])


@pytest.mark.parametrize("n", [20, 60, 83])
def test_rare_gradient_takes_a_step_that_grows_with_the_time_before_it(n, given_gradients, walk):
    """η |g| β^(−n/2), as long as ms still remembers its start at 1 and nothing else."""
    expected = 0.1 * 1e-3 * 0.9 ** (-(n + 1) / 2)
    assert long_step(CourseRMSProp(learning_rate=0.1), n, given_gradients, walk) == pytest.approx(expected, rel=1e-4)


def test_gradient_seen_once_an_epoch_takes_a_step_of_hundreds_of_rates(given_gradients, walk):
    """With 83 updates an epoch: 1/√(0.1 · 0.9⁸²) = 238, while the repaired rule makes 1/√0.1 = 3.2 of it."""
    gradients = [[1.0], *[[0.0]] * 82] * 6 + [[1.0]]
    for rule, low, high in ((CourseRMSProp(learning_rate=1e-3), 200, 300), (RMSProp(learning_rate=1e-3), 3, 3.2)):
        path = walk(rule, given_gradients([0.0], gradients), len(gradients))
        assert low < abs(path[-1][0] - path[-2][0]) / 1e-3 < high


@pytest.mark.parametrize("n", [0, 20, 83, 500])
def test_repaired_rule_bounds_every_step(n, given_gradients, walk):
    assert long_step(RMSProp(learning_rate=0.1), n, given_gradients, walk) <= 0.1 / np.sqrt(1 - 0.9) * (1 + 1e-12)


def test_repaired_rule_moves_nothing_where_the_gradient_is_always_zero(given_gradients, walk):
    objective = after_zeros(RMSProp(learning_rate=0.1), 1200, given_gradients, walk, "float32")
    assert objective.theta.tolist() == [1.0]
