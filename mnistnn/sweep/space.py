"""The search space of a sweep: values listed for a key, or drawn from a range, as written on the command line.

    optimizer.learning_rate=0.1,0.03     each of these
    penalties.l2.strength=1e-6..1e-3:log     drawn, uniform in the logarithm
    model.layers.hidden.units=100..800     drawn, whole numbers, since both ends are

What has neither a comma outside of brackets and quotes nor a range is an ordinary override, the same for all.
"""

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mnistnn.backend.rng import stream
from mnistnn.errors import UsageError

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?::(\w+))?")
_WHOLE = re.compile(r"[+-]?\d+")
_SIGNIFICANT_DIGITS = 6  # of a number that is drawn: the configuration shows all of it
_PAIRS = {"[": "]", "{": "}"}

# The value of each key of a point, as text for an override.
Point = dict[str, str]


@dataclass(frozen=True)
class Listed:
    """A key with its values."""

    key: str
    values: tuple[str, ...]

    def draw(self, rng: np.random.Generator) -> str:
        return self.values[int(rng.integers(len(self.values)))]

    def text(self, value: str) -> str:
        return value

    def parse(self, text: str) -> str:
        return text

    @property
    def ends(self) -> tuple[str, ...]:
        return self.values

    @property
    def count(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Range:
    """A key with the range that its values are drawn from, both ends included."""

    key: str
    low: float
    high: float
    is_log: bool
    is_whole: bool

    def draw(self, rng: np.random.Generator) -> str:
        low, high = self.low, self.high
        if self.is_whole:  # each whole number has a unit of room around it
            low, high = low - 0.5, high + 0.5
        value = math.exp(rng.uniform(math.log(low), math.log(high))) if self.is_log else rng.uniform(low, high)
        if self.is_whole:
            value = min(max(round(value), self.low), self.high)
        return self.text(value)

    def text(self, value: float) -> str:
        """Write a number of the range."""
        return str(int(value)) if self.is_whole else f"{value:.{_SIGNIFICANT_DIGITS}g}"

    def parse(self, text: str) -> float:
        """Return the number that `text` writes, inside the range: rounding may have moved it past an end."""
        return int(text) if self.is_whole else min(max(float(text), self.low), self.high)

    @property
    def ends(self) -> tuple[str, ...]:
        """The lowest and the highest value."""
        return self.text(self.low), self.text(self.high)

    @property
    def count(self) -> float:
        """How many values there are; infinite for a range that is not of whole numbers."""
        return self.high - self.low + 1 if self.is_whole else math.inf


@dataclass(frozen=True)
class Space:
    """All that varies, and the overrides that do not."""

    axes: tuple[Listed | Range, ...]
    fixed: tuple[str, ...]

    @property
    def size(self) -> int | None:
        """How many points there are; None if they cannot be counted, because a range is among the axes."""
        if any(isinstance(axis, Range) for axis in self.axes):
            return None
        return math.prod(len(axis.values) for axis in self.axes if isinstance(axis, Listed))

    def grid(self) -> Iterator[Point]:
        """Yield every point; the last axis varies fastest."""
        listed = [axis for axis in self.axes if isinstance(axis, Listed)]
        for values in itertools.product(*(axis.values for axis in listed)):
            yield dict(zip((axis.key for axis in listed), values, strict=True))

    def ends(self) -> list[Point]:
        """Return a point for each end of a range and each listed value, the other keys being at their first value."""
        first = {axis.key: axis.ends[0] for axis in self.axes}
        return [first, *(first | {axis.key: value} for axis in self.axes for value in axis.ends[1:])]

    def draw(self, count: int, seed: int) -> list[Point]:
        """Return points drawn at random, each once: point n is the same however many are drawn.

        Raises UsageError if there are not so many.
        """
        if self.size is not None and count > self.size:
            raise UsageError(
                f"--trials {count}: there are only {self.size} combinations; without --trials all are tried"
            )
        points: list[Point] = []
        for number in itertools.count():
            rng = stream(seed, "sweep", number)
            point = {axis.key: axis.draw(rng) for axis in self.axes}
            if point not in points:
                points.append(point)
            if len(points) == count:
                return points
            if number > 1000 * (count + 10):
                raise UsageError(f"--trials {count}: the ranges hold only about {len(points)} different points")
        raise AssertionError


def parse_space(arguments: Sequence[str]) -> Space:
    """Read what stands on the command line. Raises UsageError, naming the argument, for what cannot be meant."""
    axes: list[Listed | Range] = []
    fixed: list[str] = []
    for argument in arguments:
        axis = _axis(argument)
        if axis is None:
            fixed.append(argument)
        elif any(axis.key == other.key for other in axes):
            raise UsageError(f"{argument}: {axis.key} is given twice")
        else:
            axes.append(axis)
    for argument in fixed:
        key = argument.partition("=")[0].strip()
        if any(key == axis.key for axis in axes):
            raise UsageError(f"{argument}: {key} is given twice")
    return Space(tuple(axes), tuple(fixed))


def _axis(argument: str) -> Listed | Range | None:
    """Return what varies; None for an ordinary override."""
    key, _, text = argument.partition("=")
    key, text = key.strip(), text.strip()
    if key == "seed":
        raise UsageError(f"{argument}: seeds are no part of what is chosen; give them as --seeds 0..4")
    if found := _RANGE.fullmatch(text):
        return _range(argument, key, *found.groups())
    values = [value.strip() for value in _split(text)]
    if len(values) == 1:
        return None
    if not all(values):
        raise UsageError(f"{argument}: a value is missing beside a comma")
    if repeated := [value for number, value in enumerate(values) if value in values[:number]]:
        raise UsageError(f"{argument}: {repeated[0]} is given twice")
    return Listed(key, tuple(values))


def _range(argument: str, key: str, first: str, last: str, kind: str | None) -> Range:
    low, high = float(first), float(last)
    if kind not in (None, "log"):
        raise UsageError(f"{argument}: a range is LOW..HIGH or LOW..HIGH:log, not ':{kind}'")
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UsageError(f"{argument}: the range must go up, from a number to a larger one")
    if kind == "log" and low <= 0:
        raise UsageError(f"{argument}: a logarithmic range begins above 0")
    is_whole = bool(_WHOLE.fullmatch(first) and _WHOLE.fullmatch(last))
    return Range(key, low, high, kind == "log", is_whole)


def _split(text: str) -> list[str]:
    """Cut text at the commas that are neither in brackets nor in quotes."""
    parts, expected, quote = [""], [], ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in _PAIRS:
            expected.append(_PAIRS[character])
        elif expected and character == expected[-1]:
            expected.pop()
        elif character == "," and not expected:
            parts.append("")
            continue
        parts[-1] += character
    return parts
