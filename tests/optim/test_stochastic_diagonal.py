"""Stochastic diagonal Levenberg–Marquardt: when curvature is measured, and of which examples."""

import numpy as np
import pytest

from mnistnn.optim.contract import Progress
from mnistnn.optim.stochastic_diagonal import StochasticDiagonal


class Asked:
    """An objective whose curvature is a number for each batch; notes which part of it was asked for."""

    def __init__(self, examples: int) -> None:
        self.theta, self.grad = np.zeros(2), np.zeros(2)
        self.examples, self.gauss_newton = examples, self
        self.decay: list[tuple[slice, float]] = []
        self.parts: list[tuple[int, int]] = []
        self.value = 0.0

    def loss_and_grad(self, decay: bool = True) -> float:
        self.grad[...] = 1.0
        return 0.0

    def diagonal(self, part: slice, out: np.ndarray) -> None:
        self.parts.append((part.start, part.stop))
        out[...] = self.value


def steps(rule, objective, values, batches_per_epoch):
    """Return the curvature in use at each update, the batches having these curvatures."""
    used = []
    rule.allocate(objective.theta, objective.grad)
    for t, value in enumerate(values):
        objective.value = value
        epoch, batch = divmod(t, batches_per_epoch)
        rule.step(objective, Progress(epoch, batch, t, batches_per_epoch=batches_per_epoch))
        used.append(float(rule.state()["curvature"][0]))
    return used


def test_curvature_is_the_mean_over_the_first_examples_of_each_epoch():
    objective = Asked(examples=4)
    rule = StochasticDiagonal(learning_rate=0.1, examples=10)
    used = steps(rule, objective, [1.0, 2.0, 6.0, 99.0, 3.0, 4.0, 8.0, 99.0], 4)
    first, second = (1 * 4 + 2 * 4 + 6 * 2) / 10, (3 * 4 + 4 * 4 + 8 * 2) / 10
    # In the first epoch what there is is used at once; in the second, once it is complete.
    assert used == pytest.approx([1.0, 1.5, first, first, first, first, second, second])
    assert objective.parts == [(0, 4), (0, 4), (0, 2)] * 2


def test_an_epoch_with_fewer_examples_gives_those_that_it_has():
    objective = Asked(examples=4)
    used = steps(StochasticDiagonal(learning_rate=0.1, examples=100), objective, [1.0, 3.0, 5.0, 7.0], 2)
    assert used == pytest.approx([1.0, 2.0, 2.0, 6.0])


def test_rate_of_a_weight_falls_with_its_curvature():
    objective = Asked(examples=1)
    steps(StochasticDiagonal(learning_rate=0.5, mu=1.0, examples=1), objective, [4.0], 1)
    assert np.array_equal(objective.theta, [-0.1, -0.1])
