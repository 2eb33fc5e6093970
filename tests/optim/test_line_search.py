"""Line searches on functions of one number: those of Moré & Thuente's own tables, and hostile ones."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mnistnn.optim.line_search import Backtracking, StrongWolfe, Trial, cubic_minimum, quadratic_minimum, secant_minimum

Function = Callable[[float], tuple[float, float]]


class Line:
    """A function of the step, with its slope; remembers where it was asked."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.asked: list[float] = []

    def __call__(self, step: float) -> Trial:
        self.asked.append(step)
        return Trial(step, *self.function(step))

    @property
    def start(self) -> Trial:
        return Trial(0.0, *self.function(0.0))


def hollow(a: float) -> tuple[float, float]:
    """Moré & Thuente (1994), (5.1) with β = 2: a single minimum at √2."""
    return -a / (a * a + 2), (a * a - 2) / (a * a + 2) ** 2


def far_valley(a: float) -> tuple[float, float]:
    """Their (5.2) with β = 0.004: a minimum at 1.596."""
    b = a + 0.004
    return b**5 - 2 * b**4, 5 * b**4 - 8 * b**3


def rippled(a: float) -> tuple[float, float]:
    """Their (5.3) with β = 0.01, l = 39: many local minima beside a global one near 1."""
    b, k = 0.01, 39 * math.pi / 2
    if a <= 1 - b:
        value, slope = 1 - a, -1.0
    elif a >= 1 + b:
        value, slope = a - 1, 1.0
    else:
        value, slope = (a - 1) ** 2 / (2 * b) + b / 2, (a - 1) / b
    return value + 2 * (1 - b) / (39 * math.pi) * math.sin(k * a), slope + (1 - b) * math.cos(k * a)


def yanai(b1: float, b2: float) -> Function:
    """Their (5.4), after Yanai, Ozawa & Kaneko."""

    def gamma(b: float) -> float:
        return math.sqrt(1 + b * b) - b

    def function(a: float) -> tuple[float, float]:
        left, right = math.hypot(1 - a, b2), math.hypot(a, b1)
        return gamma(b1) * left + gamma(b2) * right, gamma(b1) * (a - 1) / left + gamma(b2) * a / right

    return function


# Function, decrease, curvature: as in their tables 1 to 6.
PUBLISHED: dict[str, tuple[Function, float, float]] = {
    "hollow": (hollow, 1e-3, 0.1),
    "far_valley": (far_valley, 0.1, 0.100001),
    "rippled": (rippled, 0.1, 0.100001),
    "yanai-even": (yanai(1e-3, 1e-3), 1e-3, 1.1e-3),
    "yanai-right": (yanai(1e-2, 1e-3), 1e-3, 1.1e-3),
    "yanai-left": (yanai(1e-3, 1e-2), 1e-3, 1.1e-3),
}
FIRST = [1e-3, 0.1, 10.0, 1e3]
published = pytest.mark.parametrize(("name", "first"), [(name, first) for name in PUBLISHED for first in FIRST])


@published
def test_strong_wolfe_conditions_hold_where_the_search_ends(name, first):
    function, decrease, curvature = PUBLISHED[name]
    line = Line(function)
    found = StrongWolfe(decrease=decrease, curvature=curvature).search(line, line.start, first)
    assert found is not None
    start = line.start
    assert found.value <= start.value + decrease * found.step * start.slope
    assert abs(found.slope) <= -curvature * start.slope
    assert line.asked[-1] == found.step, "the search must stand where it ends"


@published
def test_trials_are_those_of_another_program(name, first):
    """SciPy's translation of Moré & Thuente's own program."""
    theirs = pytest.importorskip("scipy.optimize._dcsrch").DCSRCH
    function, decrease, curvature = PUBLISHED[name]
    line = Line(function)
    StrongWolfe(decrease=decrease, curvature=curvature).search(line, line.start, first)
    asked: list[float] = []

    def phi(step: float) -> float:
        asked.append(step)
        return function(step)[0]

    theirs(phi, lambda step: function(step)[1], decrease, curvature, 1e-15, 0.0, 1e10)(
        first, phi0=line.start.value, derphi0=line.start.slope, maxiter=50
    )
    assert line.asked == pytest.approx(asked, rel=1e-9)


def exponential_wall(a: float) -> tuple[float, float]:
    """Falls to 1, then rises, until at 3 numbers end."""
    return ((a - 1) ** 2, 2 * (a - 1)) if a < 3 else (math.inf, math.nan)


@pytest.mark.parametrize("first", [0.5, 2.9, 3.0, 1e3, 1e200])
@pytest.mark.parametrize("search", [StrongWolfe(evaluations=1000), Backtracking(evaluations=1000)])
def test_where_there_are_no_numbers_counts_as_much_too_far(search, first):
    line = Line(exponential_wall)
    found = search.search(line, line.start, first)
    assert found is not None
    assert found.value < 1
    assert math.isfinite(found.value)


def test_a_slope_that_is_no_number_counts_as_much_too_far():
    line = Line(lambda a: ((a - 1) ** 2, 2 * (a - 1) if a < 1.5 else math.nan))
    found = StrongWolfe().search(line, line.start, 1.9)
    assert found is not None
    assert found.step < 1.5


def test_a_search_towards_a_cliff_approaches_it_from_one_side():
    """The value falls ever steeper up to 3, beyond which there is none."""
    line = Line(lambda a: (-a * a - a, -2 * a - 1) if a < 3 else (math.nan, math.nan))
    found = StrongWolfe(evaluations=30).search(line, line.start, 1.0)
    assert found is not None
    assert 2.9 < found.step < 3
    assert found.step == line.asked[-1]


@pytest.mark.parametrize("search", [StrongWolfe(evaluations=7), Backtracking(evaluations=7)])
@pytest.mark.parametrize("function", [lambda a: (a, -1.0), lambda a: (math.nan if a else 0.0, -1.0)])
def test_a_search_that_finds_nothing_ends_and_says_so(search, function):
    """The slope lies: the value only rises, or there is none."""
    line = Line(function)
    assert search.search(line, line.start, 1.0) is None
    assert 1 <= len(line.asked) <= 7


def test_the_best_trial_will_do_when_the_limit_ends_the_search():
    line = Line(yanai(1e-3, 1e-2))
    search = StrongWolfe(decrease=1e-3, curvature=1.1e-3, evaluations=2)
    found = search.search(line, line.start, 0.1)
    assert found is not None
    assert found.value == min(line.function(step)[0] for step in line.asked)
    assert line.asked[-1] == found.step
    assert len(line.asked) <= 3


@pytest.mark.parametrize(("first", "expected"), [(1.0, [1.0]), (8.0, [8.0, 4.0, 2.0, 1.0])])
def test_backtracking_halves_until_the_value_is_low_enough(first, expected):
    line = Line(lambda a: ((a - 1) ** 2, 2 * (a - 1)))
    found = Backtracking(decrease=0.3).search(line, line.start, first)
    assert line.asked == expected
    assert found == Trial(1.0, 0.0, 0.0)


def trial(function: Any, derivative: Any, at: float) -> Trial:
    return Trial(at, float(function(at)), float(derivative(at)))


@pytest.mark.parametrize(("a", "b"), [(0.0, 1.0), (2.0, 0.5), (-1.0, 3.0)])
def test_minima_of_polynomials_are_found(a, b):
    parabola = np.polynomial.Polynomial([3.0, -4.0, 2.0])  # lowest at 1
    ends = [trial(parabola, parabola.deriv(), at) for at in (a, b)]
    assert quadratic_minimum(*ends) == pytest.approx(1.0)
    assert secant_minimum(*ends) == pytest.approx(1.0)
    assert cubic_minimum(*ends) == pytest.approx(1.0)
    cubic = np.polynomial.Polynomial([0.0, 0.0, -3.0, 2.0])  # lowest at 1, highest at 0
    assert cubic_minimum(*(trial(cubic, cubic.deriv(), at) for at in (a, b))) == pytest.approx(1.0)


def test_what_has_no_minimum_has_it_beyond_the_second_trial():
    line = np.polynomial.Polynomial([0.0, -1.0])
    ends = [trial(line, line.deriv(), at) for at in (0.0, 1.0)]
    assert cubic_minimum(*ends) == secant_minimum(*ends) == quadratic_minimum(*ends) == math.inf
    assert cubic_minimum(*reversed(ends)) == -math.inf
