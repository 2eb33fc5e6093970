"""A chart of curves as geometry: what a template needs to draw it as SVG.

Lengths are in units of the chart's own; a browser scales them to the width that there is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistnn.analysis.comparison.curves import Band

WIDTH, HEIGHT = 460, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 14, 44
_MOST_POINTS = 400  # of a line; more could not be told apart, and make a page of megabytes
_MOST_OF_MANY = 130  # of one that is there for the sake of others
_TENTHS = [f"{number / 10:.1f}" for number in range(10 * max(WIDTH, HEIGHT) + 1)]
"""All lengths of a chart as text: of tens of thousands of points, to look them up takes a fifth of formatting them."""
_X_TICKS, _Y_TICKS = 6, 5
FAR_FROM_ZERO = 0.5
_MOST_POWERS = 8  # of ten, on a logarithmic axis
_CLOSE = 8.0  # the ratio of high to low, on such an axis, up to which it has more ticks
_FACTORS: tuple[float, ...] = (1, 2, 5)
_CLOSE_FACTORS: tuple[float, ...] = (1, 1.5, 2, 3, 4, 5, 6, 8)
_LOG_ABOVE = 30.0  # the ratio of largest to smallest value from which the axis is logarithmic


@dataclass(frozen=True)
class Line:
    """One curve to be drawn.

    colour  the number of its colour; one for each group
    style   solid for what is measured on the validation split, dashed for the rest
    best    (x, y) of the best epoch, where that is to be marked
    is_read  whether its values can be read off; it is drawn with fewer points if not
    """

    label: str
    colour: int
    style: str
    band: Band
    best: tuple[float, float] | None = None
    is_read: bool = True


@dataclass(frozen=True)
class Tick:
    """A value on an axis: where, and its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Drawn:
    """A line in the chart's coordinates, and its values to be read off: `x y ± deviation` one after the other."""

    label: str
    colour: int
    style: str
    path: str
    area: str
    best: tuple[float, float] | None
    values: str


@dataclass(frozen=True)
class Chart:
    """Everything on a chart. `left` to `bottom` are the sides of the area in which lines are drawn."""

    title: str
    x_label: str
    y_label: str
    lines: list[Drawn]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    x_range: tuple[float, float]
    is_percent: bool
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def chart(
    title: str,
    x_label: str,
    y_label: str,
    lines: Sequence[Line],
    is_percent: bool = False,
    is_log: bool | None = None,
    far_from_zero: float = FAR_FROM_ZERO,
) -> Chart:
    """Lay out lines, at least one. Axes end at round values; zero is on them unless it is far below the lowest.

    is_log         whether the y axis is logarithmic, where all values are positive; if None, it is where they differ
                   much
    far_from_zero  the part of the highest value above which the lowest one is far from zero
    """
    scale = 100.0 if is_percent else 1.0
    means = scale * np.concatenate([line.band.mean for line in lines])
    deviations = scale * np.concatenate([line.band.deviation for line in lines])
    x = np.concatenate([line.band.x for line in lines])
    across = _Scale.between(min(0.0, float(x.min())), float(x.max()), _LEFT, WIDTH - _RIGHT)
    differs_much = bool(means.max() / _LOG_ABOVE >= means.min())
    is_log = bool(means.min() > 0) and (differs_much if is_log is None else is_log)
    low, high = float((means - deviations).min()), float((means + deviations).max())
    if means.min() >= 0:  # a band may reach below zero, where there is nothing
        low = max(low, 0.0)
    if is_log:
        low, high = _rounded_logarithmic(max(low, float(means.min()) / 2), high)
    else:
        low, high = _rounded(low if low < 0 or low > far_from_zero * high else 0.0, high, _Y_TICKS)
    up = _Scale.between(low, high, HEIGHT - _BOTTOM, _TOP, is_log)
    return Chart(
        title=title,
        x_label=x_label,
        y_label=f"{y_label}, log scale" if is_log else y_label,
        lines=[_drawn(line, across, up, scale) for line in lines],
        x_ticks=across.ticks(_X_TICKS),
        y_ticks=up.ticks(_Y_TICKS),
        x_range=(across.low, across.high),
        is_percent=is_percent,
    )


def _drawn(line: Line, across: "_Scale", up: "_Scale", scale: float) -> Drawn:
    keep = _thinned(len(line.band.x), _MOST_POINTS if line.is_read else _MOST_OF_MANY)
    x, mean, deviation = line.band.x[keep], line.band.mean[keep] * scale, line.band.deviation[keep] * scale
    along = across(x)
    area = ""
    if deviation.any():
        above, below = up(mean + deviation), up(np.maximum(mean - deviation, up.low))
        area = f"M{_path(np.concatenate([along, along[::-1]]), np.concatenate([above, below[::-1]]))}Z"
    best = None
    if line.best is not None:
        best = (float(across(line.best[0])), float(up(line.best[1] * scale)))
    values = ""
    if line.is_read:
        points = zip(x.tolist(), mean.tolist(), deviation.tolist(), strict=True)
        values = " ".join([f"{a:.6g},{b:.5g},{c:.3g}" for a, b, c in points])
    return Drawn(line.label, line.colour, line.style, f"M{_path(along, up(mean))}", area, best, values)


def _path(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    """Return points as text, with one digit behind the dot."""
    places = zip(np.rint(10 * x).astype(int).tolist(), np.rint(10 * y).astype(int).tolist(), strict=True)
    return "L".join([f"{_TENTHS[a]} {_TENTHS[b]}" for a, b in places])


def _thinned(count: int, most: int) -> NDArray[np.int64]:
    """Return which of so many points are drawn: all, or evenly many with both ends."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


@dataclass(frozen=True)
class _Scale:
    """Maps values from low to high onto lengths from start to end."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool

    @classmethod
    def between(cls, low: float, high: float, start: float, end: float, is_log: bool = False) -> "_Scale":
        """Return the scale of a range, which is widened if it is empty."""
        return cls(low, high if high > low else low + (abs(low) or 1.0), start, end, is_log)

    def __call__(self, value: NDArray[np.float64] | float) -> NDArray[np.float64]:
        v, low, high = np.asarray(value, dtype=np.float64), self.low, self.high
        if self.is_log:
            v, low, high = np.log(np.maximum(v, low)), math.log(low), math.log(high)
        result: NDArray[np.float64] = self.start + (v - low) / (high - low) * (self.end - self.start)
        return result

    def ticks(self, count: int) -> list[Tick]:
        """Return about so many ticks at round values."""
        values = _round_logarithmic(self.low, self.high) if self.is_log else _round_values(self.low, self.high, count)
        return [Tick(round(float(self(value)), 1), f"{value:,.6g}") for value in values]


def _step(low: float, high: float, count: int) -> float:
    """Return 1, 2 or 5 times a power of ten, of which about `count` lie between low and high."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    return power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))


def _rounded(low: float, high: float, count: int) -> tuple[float, float]:
    """Return low rounded down and high rounded up to a tick, if they are not the same."""
    if high <= low:
        return low, high
    step = _step(low, high, count)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def _round_values(low: float, high: float, count: int) -> list[float]:
    """Return round values from low to high, about `count` of them."""
    step = _step(low, high, count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _rounded_logarithmic(low: float, high: float) -> tuple[float, float]:
    """Return low rounded down and high rounded up to 1, 2 or 5 times a power of ten; less far if they are close."""
    factors = _CLOSE_FACTORS if high <= _CLOSE * low else _FACTORS
    below, above = 10.0 ** math.floor(math.log10(low)), 10.0 ** math.floor(math.log10(high))
    return (
        max(factor * below for factor in factors if factor * below <= low * (1 + 1e-9)),
        min(factor * above for factor in (*factors, 10) if factor * above >= high * (1 - 1e-9)),
    )


def _round_logarithmic(low: float, high: float) -> list[float]:
    """Return powers of ten from low to high: a few of many; of few, multiples of them too."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    exponents = range(first, last + 1, 1 + (last - first) // _MOST_POWERS)
    powers = [10.0**exponent for exponent in exponents]
    # What was close before it was rounded.
    factors = _CLOSE_FACTORS if high <= 2 * _CLOSE * low else _FACTORS if len(powers) <= 3 else (1,)
    values = [factor * power for power in powers for factor in factors]
    return [value for value in values if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
