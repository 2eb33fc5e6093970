"""Steps of every rule worked out on paper: θ = (1, −2, 3), and gradients that make the arithmetic easy."""

from math import sqrt
from typing import Any, get_args

import numpy as np
import pytest

from mnistnn.optim import Rule
from mnistnn.optim.adaptive import AdaDelta, AdaGrad, Adam, AdamW, AdaptiveRates, CourseRMSProp, GravesRMSProp, RMSProp
from mnistnn.optim.momentum import CourseMomentum, Momentum, Nesterov
from mnistnn.optim.rprop import RProp
from mnistnn.optim.sgd import SGD, Sign
from mnistnn.optim.stochastic_diagonal import StochasticDiagonal

START = [1.0, -2.0, 3.0]
GRADIENTS = [[4.0, -2.0, 0.0], [4.0, 2.0, 0.0]]  # one that stays, one that changes sign, one that is 0
CURVATURES = [3.0, 1.0, 0.0]

# Rule → θ after the first and after the second step.
STEPS: list[tuple[Any, list[float], list[float]]] = [
    (SGD(learning_rate=0.25), [0.0, -1.5, 3.0], [-1.0, -2.0, 3.0]),
    (Sign(learning_rate=0.25), [0.75, -1.75, 3.0], [0.5, -2.0, 3.0]),
    # The first step moves nothing; m = ¼ g = (1, −½, 0) after it.
    (CourseMomentum(learning_rate=0.5, beta=0.75), [1.0, -2.0, 3.0], [0.5, -1.75, 3.0]),
    # v = (−1, ½, 0), then ½ v − ¼ g = (−1.5, −¼, 0).
    (Momentum(learning_rate=0.25, momentum=0.5), [0.0, -1.5, 3.0], [-1.5, -1.75, 3.0]),
    # Θ + 1½ v with v = (−1, ½, 0); then v' = (−1.5, −¼, 0) and Θ − ½ v + 1½ v'.
    (Nesterov(learning_rate=0.25, momentum=0.5), [-0.5, -1.25, 3.0], [-2.25, -1.875, 3.0]),
    # The rates of the second step are those of the first, since they are changed after it.
    (AdaptiveRates(learning_rate=0.25), [0.0, -1.5, 3.0], [-1.0, -2.0, 3.0]),
    # The size of the second step is 1.2 for the first weight; the second turned, and does not move.
    (RProp(learning_rate=0.25), [0.75, -1.75, 3.0], [0.45, -1.75, 3.0]),
    # Divided by √1, then by √ms with ms = ¾ + ¼ g² = (4.75, 1.75, ¾).
    (
        CourseRMSProp(learning_rate=0.25, beta=0.75),
        [0.0, -1.5, 3.0],
        [-1 / sqrt(4.75), -1.5 - 0.5 / sqrt(1.75), 3.0],
    ),
    # ms = ¼ g², so g/√ms = ±2; then ms = 7/16 g².
    (RMSProp(learning_rate=0.25, beta=0.75), [0.5, -1.5, 3.0], [0.5 - 1 / sqrt(7), -1.5 - 1 / sqrt(7), 3.0]),
    # Variance ¼ g² − g²/16 = 3/16 g², so g over its root is ±4/√3; then E[g²] = 7/16 g², E[g] = 7/16 g for the first
    # weight and (−3/16 + 1/4)·2 = ⅛ for the second.
    (
        GravesRMSProp(learning_rate=0.25, beta=0.75, momentum=0.5, epsilon=1e-30),
        [1 - 1 / sqrt(3), -2 + 1 / sqrt(3), 3.0],
        [
            1 - 1.5 / sqrt(3) - 0.25 / sqrt(7 / 16 - 49 / 256),
            -2 + 1.5 / sqrt(3) - 0.5 / sqrt(7 / 4 - 1 / 64),
            3.0,
        ],
    ),
    # G = g², then 2 g².
    (AdaGrad(learning_rate=0.25), [0.75, -1.75, 3.0], [0.75 - 0.25 / sqrt(2), -1.75 - 0.25 / sqrt(2), 3.0]),
    # ρ = ¾, ε = 1: Δ = −g/√(1 + g²/4) = (−4/√5, √2, 0); E[Δ²] = (0.8, 0.5, 0);
    # then E[g²] = 7/16 g² = (7, 1.75, 0), Δ = −√1.8/√8 · 4 and −√1.5/√2.75 · 2.
    (
        AdaDelta(learning_rate=0.5, rho=0.75, epsilon=1.0),
        [1 - 2 / sqrt(5), -2 + sqrt(0.5), 3.0],
        [1 - 2 / sqrt(5) - 2 * sqrt(1.8 / 8), -2 + sqrt(0.5) - sqrt(1.5 / 2.75), 3.0],
    ),
    # The first step is η sign(g). Then m = ¾ g, v = 7/16 g², corrected by 1 − ½² and 1 − ¾²: g again; for the second
    # weight m̂ = (−½ + 1)/(¾) = ⅔, and v̂ = 4.
    (Adam(learning_rate=0.25, beta1=0.5, beta2=0.75), [0.75, -1.75, 3.0], [0.5, -1.75 - 0.25 / 3, 3.0]),
    # The same, after θ was scaled by 1 − ¼·2 = ½ each time.
    (
        AdamW(learning_rate=0.25, beta1=0.5, beta2=0.75, weight_decay=2.0),
        [0.25, -0.75, 1.5],
        [-0.125, -0.375 - 0.25 / 3, 0.75],
    ),
    # Rates of ½ divided by 1 + h = (4, 2, 1).
    (StochasticDiagonal(learning_rate=0.5, mu=1.0, examples=1), [0.5, -1.5, 3.0], [0.0, -2.0, 3.0]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "first", "second"), STEPS, ids=lambda value: getattr(value, "type", ""))
def test_two_steps_equal_those_worked_out_by_hand(rule, first, second, given_gradients, walk):
    path = walk(rule, given_gradients(START, GRADIENTS, CURVATURES), 2)
    np.testing.assert_allclose(path, [first, second], rtol=1e-7)  # the ε of 1e-8 is left out above


def test_every_rule_is_in_the_table():
    assert {type(rule) for rule, _, _ in STEPS} == set(get_args(Rule))
