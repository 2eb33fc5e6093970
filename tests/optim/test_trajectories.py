"""Every rule as a minimiser: it finds the bottom of a bowl, and comes down Rosenbrock's valley without flying away."""

from typing import Any, get_args

import numpy as np
import pytest

from mnistnn.optim import Rule
from mnistnn.optim.adaptive import AdaDelta, AdaGrad, Adam, AdamW, AdaptiveRates, CourseRMSProp, GravesRMSProp, RMSProp
from mnistnn.optim.momentum import CourseMomentum, Momentum, Nesterov
from mnistnn.optim.rprop import RProp
from mnistnn.optim.schedules import Exponential
from mnistnn.optim.sgd import SGD, Sign
from mnistnn.optim.stochastic_diagonal import StochasticDiagonal

# Rules whose steps do not shrink with the gradient need a rate that does.
FALLING = Exponential(start=0.1, factor=0.8)

# Rule for the bowl (curvatures 1 to 10, 600 steps); rule for the valley (5000 steps), and the loss that it ends below.
MINIMISERS: list[tuple[Any, Any, float]] = [
    (SGD(learning_rate=0.1), SGD(learning_rate=1e-3), 0.01),
    (Sign(learning_rate=FALLING), Sign(learning_rate=Exponential(start=0.01, factor=0.99)), 1.0),
    (CourseMomentum(learning_rate=0.05), CourseMomentum(learning_rate=1e-3), 0.01),
    (Momentum(learning_rate=0.05), Momentum(learning_rate=2e-4), 0.01),
    (Nesterov(learning_rate=0.05), Nesterov(learning_rate=2e-4), 0.01),
    (AdaptiveRates(learning_rate=0.02), AdaptiveRates(learning_rate=2e-4), 0.1),
    (RProp(learning_rate=0.1), RProp(learning_rate=0.01), 0.01),
    (CourseRMSProp(learning_rate=FALLING), CourseRMSProp(learning_rate=1e-3), 0.1),
    (RMSProp(learning_rate=FALLING), RMSProp(learning_rate=1e-3), 0.01),
    (GravesRMSProp(learning_rate=FALLING), GravesRMSProp(learning_rate=1e-4), 0.1),
    (AdaGrad(learning_rate=0.5), AdaGrad(learning_rate=0.5), 0.01),
    (AdaDelta(learning_rate=Exponential(start=1.0, factor=0.9), epsilon=1e-2), AdaDelta(learning_rate=1.0), 1.0),
    (Adam(learning_rate=0.1), Adam(learning_rate=0.01), 0.01),
    (AdamW(learning_rate=0.1, weight_decay=1e-4), AdamW(learning_rate=0.01, weight_decay=1e-4), 0.01),
    (StochasticDiagonal(learning_rate=0.1), StochasticDiagonal(learning_rate=0.1), 0.1),
]
every_rule = pytest.mark.parametrize(
    ("bowl", "valley", "below"), MINIMISERS, ids=[bowl.type for bowl, _, _ in MINIMISERS]
)


@every_rule
def test_bottom_of_a_bowl_is_found(bowl, valley, below, parabola, walk):
    objective = parabola([1.0, 3.0, 10.0], [1.0, -2.0, 0.5])
    path = walk(bowl, objective, 600)
    assert np.isfinite(path).all()
    assert np.abs(path[-1]).max() < 1e-3


@every_rule
def test_rosenbrocks_valley_is_followed(bowl, valley, below, rosenbrock, walk):
    objective = rosenbrock()
    start = objective.value_and_grad()
    path = walk(valley, objective, 5000)
    assert np.isfinite(path).all()
    assert start > 24
    assert objective.value_and_grad() < below


def test_every_rule_is_a_minimiser():
    assert {type(bowl) for bowl, _, _ in MINIMISERS} == set(get_args(Rule))
