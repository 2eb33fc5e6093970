"""Line searches: how far to go along a direction in which the objective falls.

φ(α) = f(θ₀ + α d). Every trial costs a pass over the batch, so the searches take few, and a limit ends them. A trial
whose value or slope is not a finite number counts as much too far.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

from pydantic import Field, model_validator

from mnistnn.component import component

_BACK = 0.1  # of the way to a trial without a finite value is where the next one is made
_SHRINKS = 0.66  # an interval that has not shrunk to this in two trials is halved
_NEAR, _FAR = 1.1, 4.0  # how many times the last step the next one is, while no minimum is bracketed
_PRECISION = 1e-10  # relative width of an interval in which no better step is looked for


@dataclass(frozen=True)
class Trial:
    """A point on the line: how far along, the value there, and the slope φ'."""

    step: float
    value: float
    slope: float

    @property
    def is_finite(self) -> bool:
        return math.isfinite(self.value) and math.isfinite(self.slope)


Line = Callable[[float], Trial]
"""Goes to a place on the line and looks: theta and its gradient are then those of the trial."""


class LineSearch(Protocol):
    """`search` goes along a line that begins at `start`, which must fall there: first to `first`, then to where the
    conditions of the method hold. Returns where it stands, or None, standing anywhere, if it has found no such place.
    """

    def search(self, line: Line, start: Trial, first: float) -> Trial | None: ...


@component
class StrongWolfe:
    """To where the strong Wolfe conditions hold, φ(α) ≤ φ(0) + decrease · α φ'(0) and |φ'(α)| ≤ curvature · |φ'(0)|.

    By interpolation in an interval that holds such a place and shrinks. Moré & Thuente (1994), Line search algorithms
    with guaranteed sufficient decrease. If the limit ends it, the best trial will do if it meets the first condition.
    """

    type: Literal["strong_wolfe"] = "strong_wolfe"
    decrease: Annotated[float, Field(gt=0, lt=1)] = 1e-4
    """The fraction of the decrease that the first slope promises which must be reached (Armijo)."""
    curvature: Annotated[float, Field(gt=0, lt=1)] = 0.9
    """The fraction of the first slope that may be left; the smaller, the more exact is the step."""
    evaluations: Annotated[int, Field(ge=1)] = 20
    """Trials at most."""

    @model_validator(mode="after")
    def _ordered(self) -> "StrongWolfe":
        if self.curvature <= self.decrease:
            raise ValueError(f"curvature: must be above decrease ({self.decrease:g}), got {self.curvature:g}")
        return self

    def search(self, line: Line, start: Trial, first: float) -> Trial | None:
        interval = _Interval(start, first)
        promised = self.decrease * start.slope  # a negative slope
        is_first_stage = True
        at = last = first
        for _ in range(self.evaluations):
            trial, last = line(at), at
            if not trial.is_finite:
                interval.back_from(at)
                at = interval.next
                if interval.is_exhausted:
                    break
                continue
            is_low = trial.value <= start.value + trial.step * promised
            if is_low and abs(trial.slope) <= -self.curvature * start.slope:
                return trial
            if is_first_stage and is_low and trial.slope >= 0.0:
                is_first_stage = False
            # Until a low enough place with a rising slope is seen, what is brought down is φ(α) − decrease · α φ'(0),
            # whose minimum meets the first condition.
            tilt = promised if is_first_stage and trial.value <= interval.best.value and not is_low else 0.0
            interval.take(trial, tilt)
            if interval.is_exhausted:
                break
            at = interval.next
        best = interval.best
        if not best.value < start.value or best.value > start.value + best.step * promised:
            return None
        return best if last == best.step else line(best.step)


@component
class Backtracking:
    """Back from the first trial, each time by a factor, until φ(α) ≤ φ(0) + decrease · α φ'(0). Armijo (1966)."""

    type: Literal["backtracking"] = "backtracking"
    decrease: Annotated[float, Field(gt=0, lt=1)] = 1e-4
    """The fraction of the decrease that the first slope promises which must be reached (Armijo)."""
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Factor on a step that is too long."""
    evaluations: Annotated[int, Field(ge=1)] = 20
    """Trials at most."""

    def search(self, line: Line, start: Trial, first: float) -> Trial | None:
        at = first
        for _ in range(self.evaluations):
            trial = line(at)
            if trial.is_finite and trial.value <= start.value + self.decrease * trial.step * start.slope:
                return trial
            at *= self.factor
        return None


class _Interval:
    """The interval of Moré & Thuente, from the best trial so far to where a minimum must have been passed.

    best     the end with the lowest value
    other    the other end; before there is one, `best` itself
    next     where the next trial is to be made
    """

    def __init__(self, start: Trial, first: float) -> None:
        self.best = self.other = start
        self.is_bracketed = False
        self.next = first
        self._came_from = start.step  # the lower end before the last trial
        self._is_first = True
        self._ceiling = math.inf  # at and beyond it there are no finite values
        self._widths = [math.inf, math.inf]  # of the interval, one and two trials ago

    def back_from(self, at: float) -> None:
        """Choose the next place after a trial `at` without a finite value."""
        self._ceiling = min(self._ceiling, at)
        self.next = self.best.step + _BACK * (at - self.best.step)

    @property
    def is_exhausted(self) -> bool:
        """Whether rounding leaves no better step to be found."""
        width = abs(self.other.step - self.best.step)
        is_narrow = self.is_bracketed and width <= _PRECISION * max(self.best.step, self.other.step)
        return is_narrow or self.next in (self.best.step, self.other.step) or not math.isfinite(self.next)

    def take(self, trial: Trial, tilt: float) -> None:
        """Shrink or shift the interval by a trial made at `next`, and choose the next place.

        tilt  what is taken off all slopes (and off values, in proportion to the step) before they are compared
        """
        low, other, new = (tilted(each, tilt) for each in (self.best, self.other, trial))
        at, is_bracketed = self._interpolated(low, other, new)
        self._came_from = self.best.step
        # The ends: the trial takes the place of the one that is on its side of the minimum.
        if new.value > low.value:
            self.other = trial
        else:
            if new.slope * (low.step - new.step) < 0.0:
                self.other = self.best
            self.best = trial
        self.is_bracketed = self.is_bracketed or is_bracketed
        self.next = self._safe(at)
        self._is_first = False

    def _interpolated(self, low: Trial, other: Trial, new: Trial) -> tuple[float, bool]:
        """Return the minimum that polynomials through what is known suggest, and whether the trial brackets one."""
        cubic = cubic_minimum(low, new)
        if new.value > low.value:
            # Higher: a minimum lies between. The cubic one is taken if it is nearer to the lower end, else the mean.
            quadratic = quadratic_minimum(low, new)
            is_near = abs(cubic - low.step) < abs(quadratic - low.step)
            return cubic if is_near else 0.5 * (cubic + quadratic), True
        secant = secant_minimum(low, new)
        if low.slope * new.slope < 0.0:
            # Lower, and the slope has turned: a minimum lies between. The farther suggestion makes slower mistakes.
            return cubic if abs(cubic - new.step) >= abs(secant - new.step) else secant, True
        if abs(new.slope) < abs(low.slope):
            # Lower, less steep: the cubic counts if it goes on beyond the trial.
            if (cubic - new.step) * (new.step - low.step) <= 0.0:
                cubic = math.copysign(math.inf, new.step - low.step)
            is_nearer = abs(cubic - new.step) < abs(secant - new.step)
            if not self.is_bracketed:
                return secant if is_nearer else cubic, False
            at, limit = cubic if is_nearer else secant, new.step + _SHRINKS * (other.step - new.step)
            return (min(at, limit) if new.step > low.step else max(at, limit)), False
        # Lower, and steeper still.
        if self.is_bracketed:
            return cubic_minimum(new, other), False
        return math.inf if new.step > low.step else 0.0, False

    def _safe(self, at: float) -> float:
        """Return a suggestion, or where the interval's state asks for something else, that instead."""
        best, other = self.best.step, self.other.step
        if not self.is_bracketed:
            gone = best - self._came_from
            at = min(max(at, 0.0 if self._is_first else best + _NEAR * gone), best + _FAR * gone)
            return at if at < self._ceiling else best + 0.5 * (self._ceiling - best)
        width = abs(other - best)
        is_slow = width >= _SHRINKS * self._widths[0]
        self._widths = [self._widths[1], width]
        if is_slow or not min(best, other) <= at <= max(best, other):
            return best + 0.5 * (other - best)
        return at


def tilted(trial: Trial, tilt: float) -> Trial:
    """Return a trial with a line of slope `tilt` through the origin taken off."""
    return Trial(trial.step, trial.value - tilt * trial.step, trial.slope - tilt) if tilt else trial


def cubic_minimum(a: Trial, b: Trial) -> float:
    """Return the minimum of the cubic with the values and slopes of two trials; infinite, beyond b, if it has none.

    With θ = 3 (φ_a − φ_b)/(b − a) + φ'_a + φ'_b and γ = √(θ² − φ'_a φ'_b), signed as b − a is, the minimum is
    b − (b − a) (φ'_b + γ − θ)/(φ'_b − φ'_a + 2 γ). Nocedal & Wright (2006), equation 3.59.
    """
    width = b.step - a.step
    theta = 3.0 * (a.value - b.value) / width + a.slope + b.slope
    scale = max(abs(theta), abs(a.slope), abs(b.slope)) or 1.0  # so that no square overflows
    square = (theta / scale) ** 2 - (a.slope / scale) * (b.slope / scale)
    gamma = math.copysign(scale * math.sqrt(max(square, 0.0)), width)
    divisor = b.slope - a.slope + 2.0 * gamma
    if square < 0.0 or divisor == 0.0:
        return math.copysign(math.inf, width)
    return b.step - width * (b.slope + gamma - theta) / divisor


def quadratic_minimum(a: Trial, b: Trial) -> float:
    """Return the minimum of the parabola with both values and the slope at a."""
    width = b.step - a.step
    drop = (a.value - b.value) / width + a.slope
    return a.step + 0.5 * a.slope / drop * width if drop else math.copysign(math.inf, width)


def secant_minimum(a: Trial, b: Trial) -> float:
    """Return the minimum of the parabola with the slopes of both trials."""
    change = b.slope - a.slope
    return b.step - b.slope * (b.step - a.step) / change if change else math.copysign(math.inf, b.step - a.step)
