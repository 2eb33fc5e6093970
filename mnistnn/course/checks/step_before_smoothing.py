"""The exercise step-before-smoothing: momentum that takes its step one update late."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from mnistnn.course.finding import Finding, judged
from mnistnn.course.student_program import as_array, ask, close, kind_of_mistake

_RATE, _MU = 0.1, 0.9
_GRADIENTS = np.array([[1.0, -2.0], [0.5, 1.0], [-1.0, 3.0], [2.0, 0.5], [1.5, -1.0]])

Step = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def check(folder: Path) -> Iterator[Finding]:
    """Ask for the update after each of five states of the right rule."""
    states = list(_states(_right))
    calls = [("step", (theta, v, g, _RATE, _MU)) for (theta, v), g in zip(states, _GRADIENTS, strict=False)]
    for number, done in enumerate(ask(folder / "momentum.py", calls)):
        before, g = states[number], _GRADIENTS[number]
        theta, v = (as_array(value, (2,), "step returns") for value in done.several(2))
        expected = states[number + 1]
        if not (close(theta, expected[0]) and close(v, expected[1])):
            yield Finding(False, f"Update {number + 1} is not that by hand. {_mistake(theta, v, before, g)}")
            return
    yield judged(True, "Five updates are those by hand.", "")


def _states(step: Step) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    theta, v = np.array([1.0, 1.0]), np.array([0.4, -0.2])
    yield theta, v
    for g in _GRADIENTS:
        theta, v = step(theta, v, g)
        yield theta, v


def _right(theta: np.ndarray, v: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    v = _MU * v + (1 - _MU) * g
    return theta - _RATE * v, v


def _mistake(theta: np.ndarray, v: np.ndarray, before: tuple[np.ndarray, np.ndarray], g: np.ndarray) -> str:
    old_theta, old_v = before
    new_v = _MU * old_v + (1 - _MU) * g
    of_v = [
        (_MU * old_v + g, "v is a sum of gradients: the factor 1 − μ before g is missing."),
        ((1 - _MU) * old_v + _MU * g, "μ and 1 − μ have changed places."),
        (old_v, "v is not renewed."),
    ]
    if not close(v, new_v):
        return kind_of_mistake(v, of_v, "v is not μ v + (1 − μ) g.")
    of_theta = [
        (old_theta - _RATE * old_v, "The step is taken with the v from before this update."),
        (old_theta + _RATE * new_v, "The step goes up the gradient: the sign is wrong."),
        (old_theta - _RATE * g, "The step is taken with g, so there is no momentum."),
        (old_theta - _RATE * (_MU * new_v + (1 - _MU) * g), "The gradient is smoothed in twice, as Nesterov does."),
        (old_theta, "theta is not moved."),
    ]
    return kind_of_mistake(theta, of_theta, "theta is not θ − η v.")
