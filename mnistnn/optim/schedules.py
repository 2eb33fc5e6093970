"""Schedules: how a rate or a momentum changes during training.

A schedule is a pure function of how far training has come, so a resumed run needs no memory of it. Most look at the
number of epochs, fractions included; some respond to performance, and read the history of evaluations.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mnistnn.component import component
from mnistnn.optim.contract import Progress
from mnistnn.types import History

Positive = Annotated[float, Field(gt=0)]
Factor = Annotated[float, Field(gt=0, le=1)]
Epochs = Annotated[float, Field(gt=0)]
# A quotient that should be whole may come out a little less (0.3/0.1); an update is a much larger part of an epoch.
_ROUNDING = 1e-9


@component
class Step:
    """start · factor^⌊epochs / every_epochs⌋: constant, then lower, in equal steps."""

    type: Literal["step"] = "step"
    start: Positive
    """Value at the beginning."""
    factor: Factor = 0.5
    """Factor at each step."""
    every_epochs: Epochs
    """Length of a step."""

    def at(self, progress: Progress) -> float:
        steps = math.floor(progress.epochs / self.every_epochs + _ROUNDING)
        return self.start * math.pow(self.factor, steps)


@component
class Exponential:
    """start · factor^epochs."""

    type: Literal["exponential"] = "exponential"
    start: Positive
    """Value at the beginning."""
    factor: Factor
    """Factor over each epoch."""

    def at(self, progress: Progress) -> float:
        return self.start * math.pow(self.factor, progress.epochs)


@component
class InverseTime:
    """start / (1 + decay · epochs), the decay for which stochastic approximation is proved to converge."""

    type: Literal["inverse_time"] = "inverse_time"
    start: Positive
    """Value at the beginning."""
    decay: Positive
    """After 1/decay epochs the value is halved."""

    def at(self, progress: Progress) -> float:
        return self.start / (1.0 + self.decay * progress.epochs)


@component
class Linear:
    """From start to end in a straight line over so many epochs; then end."""

    type: Literal["linear"] = "linear"
    start: Annotated[float, Field(ge=0)]
    """Value at the beginning."""
    end: Annotated[float, Field(ge=0)] = 0.0
    """Value from `epochs` on."""
    epochs: Epochs
    """Length of the line."""

    def at(self, progress: Progress) -> float:
        done = min(1.0, progress.epochs / self.epochs)
        return self.start + (self.end - self.start) * done


@component
class Cosine:
    """From start to end along half a cosine: end + ½ (start − end)(1 + cos(π · epochs_done / epochs)); then end."""

    type: Literal["cosine"] = "cosine"
    start: Positive
    """Value at the beginning."""
    end: Annotated[float, Field(ge=0)] = 0.0
    """Value from `epochs` on."""
    epochs: Epochs
    """Length of the curve."""

    def at(self, progress: Progress) -> float:
        done = min(1.0, progress.epochs / self.epochs)
        return self.end + 0.5 * (self.start - self.end) * (1.0 + math.cos(math.pi * done))


@component
class OneCycle:
    """Up in a line to the peak, then down along half a cosine, after Smith & Topin (2017)."""

    type: Literal["one_cycle"] = "one_cycle"
    peak: Positive
    """Highest value."""
    epochs: Epochs
    """Length of the cycle; the value stays at its end after it."""
    warmup: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """Part of the cycle that goes up."""
    start_factor: Factor = 0.1
    """The cycle starts at this fraction of the peak."""
    end_factor: Annotated[float, Field(ge=0, le=1)] = 0.001
    """The cycle ends at this fraction of the peak."""

    def at(self, progress: Progress) -> float:
        done = min(1.0, progress.epochs / self.epochs)
        if done < self.warmup:
            factor = self.start_factor + (1.0 - self.start_factor) * done / self.warmup
        else:
            down = (done - self.warmup) / (1.0 - self.warmup)
            factor = self.end_factor + 0.5 * (1.0 - self.end_factor) * (1.0 + math.cos(math.pi * down))
        return self.peak * factor


@component
class BoldDriver:
    """The slides' single adaptive rate: a little higher after each epoch that went well, much lower after one that did
    not.

    Every evaluation multiplies the rate by `increase` if the monitored metric fell since the one before, else by
    `decrease`.
    """

    type: Literal["bold_driver"] = "bold_driver"
    start: Positive
    """Value at the beginning."""
    monitor: Literal["train.loss", "valid.loss", "valid.error", "valid.balanced_error"] = "train.loss"
    """The metric that should fall."""
    increase: Annotated[float, Field(ge=1)] = 1.05
    """Factor after an improvement."""
    decrease: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Factor after anything else."""

    def __post_init__(self) -> None:
        self._memo = _Memo()

    def at(self, progress: Progress) -> float:
        return self._memo.value(progress.history, self._fold)

    def _fold(self, history: History) -> float:
        value = self.start
        for before, now in pairwise(history):
            value *= self.increase if now[self.monitor] < before[self.monitor] else self.decrease
        return value


@component
class Plateau:
    """Multiply the rate by `factor` whenever `patience` evaluations in a row brought no better metric."""

    type: Literal["plateau"] = "plateau"
    start: Positive
    """Value at the beginning."""
    monitor: Literal["train.loss", "valid.loss", "valid.error", "valid.balanced_error"] = "valid.loss"
    """The metric that should fall."""
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Factor on the rate."""
    patience: Annotated[int, Field(ge=1)] = 5
    """Evaluations without improvement after which it happens, and after which it may happen again."""
    minimum: Annotated[float, Field(ge=0)] = 0.0
    """The rate never falls below this."""

    def __post_init__(self) -> None:
        self._memo = _Memo()

    def at(self, progress: Progress) -> float:
        return self._memo.value(progress.history, self._fold)

    def _fold(self, history: History) -> float:
        value, best, stale = self.start, math.inf, 0
        for row in history:
            if row[self.monitor] < best:
                best, stale = row[self.monitor], 0
            else:
                stale += 1
            if stale == self.patience:
                value, stale = max(value * self.factor, min(self.minimum, value)), 0
        return value


@component
class Sutskever:
    """Momentum that grows towards its limit: min(1 − 2^(−1 − log₂(⌊t/250⌋ + 1)), limit) at update t.

    Sutskever, Martens, Dahl & Hinton (2013), equation 5.
    """

    type: Literal["sutskever"] = "sutskever"
    limit: Annotated[float, Field(gt=0, lt=1)] = 0.99
    """The largest momentum; the paper tries 0.9, 0.99, 0.995 and 0.999."""
    period_updates: Annotated[int, Field(ge=1)] = 250
    """Updates after which the momentum takes its next value."""

    def at(self, progress: Progress) -> float:
        return min(1.0 - 0.5 / (progress.updates // self.period_updates + 1), self.limit)


class _Memo:
    """The value folded from the history so far; a cache only, since the history says it all."""

    def __init__(self) -> None:
        self._history: History | None = None
        self._length, self._value = 0, math.nan

    def value(self, history: History, fold: Callable[[History], float]) -> float:
        if history is not self._history or len(history) != self._length:
            self._history, self._length, self._value = history, len(history), fold(history)
        return self._value


def _below_one(schedule: Linear | Sutskever) -> Linear | Sutskever:
    """Refuse a momentum with which the velocity would never fade."""
    if isinstance(schedule, Linear) and max(schedule.start, schedule.end) >= 1:
        raise ValueError(f"a momentum must be in [0, 1), got {schedule.start:g} to {schedule.end:g}")
    return schedule


RateSchedule = Annotated[
    Step | Exponential | InverseTime | Linear | Cosine | OneCycle | BoldDriver | Plateau, Field(discriminator="type")
]
MomentumSchedule = Annotated[Linear | Sutskever, Field(discriminator="type"), AfterValidator(_below_one)]
