"""A chart of curves as geometry: what a template needs to draw it as SVG.

Lengths are in units of the chart's own; a browser scales them to the width that there is.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistnn.analysis.curves import Band

WIDTH, HEIGHT = 460, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 14, 44
_MOST_POINTS = 400  # of a line; more could not be told apart, and make a page of megabytes
_MOST_POWERS = 8  # of ten, on a logarithmic axis
_LOG_ABOVE = 30.0  # the ratio of largest to smallest value from which the axis is logarithmic


@dataclass(frozen=True)
class Line:
    """One curve to be drawn.

    colour  the number of its colour; one for each group
    style   solid for what is measured on the validation split, dashed for the rest
    best    (x, y) of the best epoch, where that is to be marked
    """

    label: str
    colour: int
    style: str
    band: Band
    best: tuple[float, float] | None = None


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


def chart(title: str, x_label: str, y_label: str, lines: Sequence[Line], is_percent: bool = False) -> Chart:
    """Lay out lines, at least one. Errors are drawn as percent from zero, the rest between its extremes."""
    scale = 100.0 if is_percent else 1.0
    lows = np.concatenate([line.band.mean - line.band.deviation for line in lines]) * scale
    means = np.concatenate([line.band.mean for line in lines]) * scale
    highs = np.concatenate([line.band.mean + line.band.deviation for line in lines]) * scale
    across = _Scale.over(np.concatenate([line.band.x for line in lines]), _LEFT, WIDTH - _RIGHT, from_zero=True)
    is_log = bool(means.min() > 0 and means.max() / _LOG_ABOVE >= means.min())
    if is_log:
        lows = np.maximum(lows, means.min() / 2)
    up = _Scale.over(np.concatenate([lows, highs]), HEIGHT - _BOTTOM, _TOP, from_zero=not is_log, is_log=is_log)
    return Chart(
        title=title,
        x_label=x_label,
        y_label=f"{y_label}, log scale" if is_log else y_label,
        lines=[_drawn(line, across, up, scale) for line in lines],
        x_ticks=across.ticks(6),
        y_ticks=up.ticks(5),
        x_range=(across.low, across.high),
        is_percent=is_percent,
    )


def _drawn(line: Line, across: "_Scale", up: "_Scale", scale: float) -> Drawn:
    keep = _thinned(len(line.band.x))
    x, mean, deviation = line.band.x[keep], line.band.mean[keep] * scale, line.band.deviation[keep] * scale
    area = ""
    if deviation.any():
        there = zip(across(x), up(mean + deviation), strict=True)
        back = zip(across(x)[::-1], up(mean - deviation)[::-1], strict=True)
        area = f"M{_path([*there, *back])}Z"
    best = None
    if line.best is not None:
        best = (float(across(line.best[0])), float(up(line.best[1] * scale)))
    values = " ".join(f"{a:.6g},{b:.5g},{c:.3g}" for a, b, c in zip(x, mean, deviation, strict=True))
    path = f"M{_path(zip(across(x), up(mean), strict=True))}"
    return Drawn(line.label, line.colour, line.style, path, area, best, values)


def _path(points: Iterable[tuple[float, float]]) -> str:
    return "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _thinned(count: int) -> NDArray[np.int64]:
    """Return which of so many points are drawn: all, or evenly many with both ends."""
    return np.unique(np.linspace(0, count - 1, min(count, _MOST_POINTS)).round().astype(np.int64))


@dataclass(frozen=True)
class _Scale:
    """Maps values from low to high onto lengths from start to end."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool

    @classmethod
    def over(
        cls, values: NDArray[np.float64], start: float, end: float, from_zero: bool, is_log: bool = False
    ) -> "_Scale":
        """Return the scale on which all values have room."""
        low, high = float(values.min()), float(values.max())
        if from_zero and low >= 0:
            low = 0.0
        if high <= low:
            high = low + (abs(low) or 1.0)
        return cls(low, high, start, end, is_log)

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


def _round_values(low: float, high: float, count: int) -> list[float]:
    """Return multiples of 1, 2 or 5 times a power of ten from low to high, about `count` of them."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _round_logarithmic(low: float, high: float) -> list[float]:
    """Return powers of ten from low to high, some if there are many; with their double and fivefold if there are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    exponents = range(first, last + 1, 1 + (last - first) // _MOST_POWERS)
    powers = [10.0**exponent for exponent in exponents]
    factors = (1, 2, 5) if len(powers) <= 3 else (1,)
    return [value for power in powers for factor in factors if low <= (value := factor * power) <= high]
