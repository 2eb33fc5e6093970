"""Hand-written gradients against central differences, in float64: whoever checks a gradient does it here.

A function f is moved by a step h along a direction d, there and back. For the gradient g, g'd should be

    (f(θ + h d) − f(θ − h d)) / 2h,

which is off by two things. What the third derivative adds, h²/6 times it, is small for the steps that are tried, and is
covered by TOLERANCE, a share of the two slopes. And each value of f is rounded: to 16 eps |f|, where eps = 2.2e-16 is
the spacing of float64 at 1, and 16 is for the sums of many terms that f is made of. The difference of two such values
over 2h is uncertain by

    rounding = 16 eps |f| / h,

8e-10 for a loss of 2.3 and a step of 1e-5. So |g'd − difference| may be TOLERANCE (|g'd| + |difference|) + rounding. A
derivative that is smaller than that rounding is not judged by its size, for nothing could be.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf, isnan

import numpy as np

from mnistnn.backend.rng import stream
from mnistnn.models.flat import Slot
from mnistnn.types import Array

TOLERANCE = 1e-6
INPUT, SCORES = "input", "scores"
"""What inputs, and the outputs that a loss judges, are called among the names of parameters."""

# A step across the kink of a ReLU gives a wrong difference for that step only; a wrong gradient is wrong for all.
_STEPS = (1e-5, 1e-6, 1e-4)
_DIRECTIONS = 3
_COORDINATES = 10
_ROUNDING = 16 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Slope:
    """The derivative along one direction.

    analytic  as the backward pass has it
    numeric   as a central difference
    rounding  by how much rounding alone may have moved the difference
    """

    analytic: float
    numeric: float
    rounding: float

    @property
    def error(self) -> float:
        """How far the two are apart; infinity if either is no number."""
        error = abs(self.analytic - self.numeric)
        return inf if isnan(error) else error

    @property
    def allowed(self) -> float:
        """How far they may be apart."""
        return TOLERANCE * self._size + self.rounding

    @property
    def relative_error(self) -> float:
        """The error as a share of |analytic| + |numeric|: 1 if one of them is zero, or has the wrong sign."""
        return self._share(self.error)

    @property
    def relative_allowed(self) -> float:
        """The same share of what is allowed: TOLERANCE, and more for derivatives that rounding covers."""
        return self._share(self.allowed)

    @property
    def passed(self) -> bool:
        return self.error <= self.allowed and self.error != inf

    @property
    def excess(self) -> float:
        """The error in units of what is allowed."""
        if self.error == inf or self.error == 0.0:
            return self.error
        return self.error / self.allowed if self.allowed else inf

    @property
    def _size(self) -> float:
        return abs(self.analytic) + abs(self.numeric)

    def _share(self, of: float) -> float:
        return of / self._size if of not in (0.0, inf) and self._size else of


@dataclass(frozen=True)
class GradientRow:
    """The gradient by one array.

    name      of a parameter, INPUT or SCORES
    size      how many numbers the array has
    compared  along how many directions it was checked
    worst     the slope that exceeds most what is allowed, or comes nearest to that
    """

    name: str
    size: int
    compared: int
    worst: Slope

    @property
    def passed(self) -> bool:
        return self.worst.passed

    @property
    def said(self) -> str:
        """What is wrong, in words."""
        worst = self.worst
        what = f"the {self.name}" if self.name in (INPUT, SCORES) else f"parameter `{self.name}`"
        return (
            f"the gradient of {what} is wrong: error {worst.relative_error:.2g}, allowed {worst.relative_allowed:.0e}"
        )


@dataclass(frozen=True)
class CheckedFunction:
    """A function of theta, which is float64, with a gradient that `value_and_grad` writes into grad.

    input_and_dx  returns the inputs, to be moved in place, and the derivative by them; None where none is computed
    magnitude     of the terms that a value is made of, where they may cancel: rounding is measured by it, if larger
    """

    theta: Array
    grad: Array
    value: Callable[[], float]
    value_and_grad: Callable[[], float]
    input_and_dx: Callable[[], tuple[Array, Array]] | None = None
    magnitude: float = 0.0


def check_function(
    function: CheckedFunction, slots: Sequence[Slot], seed: int, coordinates: int | None = _COORDINATES
) -> list[GradientRow]:
    """Compare the gradient of a function where it now stands with differences: by each parameter, and by the inputs.

    theta and the inputs are left as they were; grad is overwritten. For `coordinates` see `check_array`.
    """
    rng = stream(seed, "check", 1)
    function.value_and_grad()
    grad = function.grad.copy()
    arrays = [(slot.name, function.theta[slot.part], grad[slot.part]) for slot in slots]
    if function.input_and_dx is not None:
        arrays.append((INPUT, *function.input_and_dx()))
    return [check_array(name, function.value, at, by, rng, coordinates, function.magnitude) for name, at, by in arrays]


def check_array(
    name: str,
    value: Callable[[], float],
    at: Array,
    gradient: Array,
    rng: np.random.Generator,
    coordinates: int | None = _COORDINATES,
    magnitude: float = 0.0,
) -> GradientRow:
    """Compare the gradient of `value` by an array that it depends on with differences; the array stays as it was.

    at           the array, which may be a view, moved in place meanwhile
    gradient     like it
    coordinates  how many of its numbers are moved on their own, beside some random directions; None means each
    magnitude    see `CheckedFunction`
    """
    gradient = gradient.reshape(-1).copy()
    slopes = [_slope(value, at, gradient, along, magnitude) for along in _directions(at.size, rng, coordinates)]
    return GradientRow(name, at.size, len(slopes), worst_of(slopes))


def worst_of(slopes: Iterable[Slope]) -> Slope:
    """Return the slope that exceeds most what is allowed; of an array without numbers, one that is right."""
    return max(slopes, key=lambda slope: slope.excess, default=Slope(0.0, 0.0, 0.0))


def _directions(size: int, rng: np.random.Generator, coordinates: int | None) -> Iterator[np.ndarray]:
    """Yield unit vectors (size,): dense random ones, and some of the coordinate axes (all of a small array)."""
    for _ in range(_DIRECTIONS if size else 0):
        dense = rng.normal(size=size)
        yield dense / np.linalg.norm(dense)
    for place in rng.permutation(size)[:coordinates]:
        axis = np.zeros(size)
        axis[place] = 1.0
        yield axis


# Values that are not finite are seen by what follows from them; warnings of NumPy would precede that.
@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def _slope(value: Callable[[], float], at: Array, gradient: Array, direction: np.ndarray, magnitude: float) -> Slope:
    """Return the slope along a direction, by the step that is best."""
    start, along = at.copy(), direction.reshape(at.shape)
    analytic, best = float(gradient @ direction), None
    for step in _STEPS:
        at[...] = start + step * along
        above = value()
        at[...] = start - step * along
        below = value()
        at[...] = start
        rounding = _ROUNDING * max(abs(above), abs(below), magnitude) / step
        slope = Slope(analytic, (above - below) / (2 * step), rounding)
        if best is None or slope.excess < best.excess:
            best = slope
        if best.passed:
            break
    assert best is not None
    return best


def randomize(theta: Array, slots: Sequence[Slot], seed: int) -> None:
    """Replace all parameters by normal draws, scaled so that no unit saturates; theta must be float64.

    Zeros would hide mistakes: the gradient behind a layer of zeros is zero.
    """
    rng = stream(seed, "check")
    for slot in slots:
        shape = slot.parameter.shape
        scale = 1.0 / np.sqrt(slot.parameter.fan.n_in) if slot.parameter.kind == "weight" else 0.1
        theta[slot.part] = rng.normal(0.0, scale, shape).reshape(-1)
