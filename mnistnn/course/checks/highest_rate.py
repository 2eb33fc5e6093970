"""The exercise highest-rate: the highest and the best rate on a bowl, judged by gradient descent."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mnistnn.course.answers import read_answers
from mnistnn.course.checks.bowl import distance_after
from mnistnn.course.finding import Finding

CURVATURES = np.array([0.5, 2.0, 8.0])
_SLIGHTLY = 0.01
_LONG_RUN = 300  # steps, after which the slowest coordinate alone counts, and nothing is rounded to 0 yet


def check(folder: Path) -> Iterator[Finding]:
    """Run gradient descent at both rates, and beside them."""
    answers = read_answers(folder, ("highest", "best"))
    yield _of_highest(answers.number("highest"))
    yield _of_best(answers.number("best"))


def _of_highest(rate: float) -> Finding:
    if not rate > 0:
        return Finding(False, f"highest: {rate:g} is no rate: gradient descent goes down by a rate above 0.")
    below, above = (_converges(rate * (1 + side)) for side in (-_SLIGHTLY, _SLIGHTLY))
    if not below:
        fall = (
            " It is the limit of the flattest direction, not of the steepest."
            if _near(rate, 2 / min(CURVATURES))
            else ""
        )
        return Finding(False, f"highest: at a rate 1 % below {rate:g} it diverges: too high.{fall}")
    if above:
        half = _near(rate, 1 / max(CURVATURES))
        why = (
            " At this rate the steepest direction is at 0 after one step, and higher ones jump across." if half else ""
        )
        return Finding(False, f"highest: at a rate 1 % above {rate:g} it still converges: too low.{why}")
    return Finding(True, f"highest: 1 % below {rate:g} it converges, 1 % above it does not.")


def _of_best(rate: float) -> Finding:
    at, below, above = (distance_after(rate * (1 + side), CURVATURES, _LONG_RUN) for side in (0, -_SLIGHTLY, _SLIGHTLY))
    if not _converges(rate):
        return Finding(False, f"best: at a rate of {rate:g} it does not converge at all.")
    if above < at:
        one = _near(rate, 1 / max(CURVATURES))
        why = " It suits the steepest direction, and the flattest one is slow." if one else ""
        return Finding(False, f"best: a rate 1 % above {rate:g} is faster.{why}")
    if below < at:
        return Finding(False, f"best: a rate 1 % below {rate:g} is faster: here the steepest direction is slow.")
    return Finding(True, f"best: rates 1 % beside {rate:g} are slower.")


def _converges(rate: float) -> bool:
    return distance_after(rate, CURVATURES) < 1


def _near(rate: float, other: float) -> bool:
    return abs(rate - other) <= 1e-3 * other
