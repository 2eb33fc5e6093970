"""Schedules: values at the points that matter, and that nothing but progress and history decides them."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from mnistnn.optim.contract import Progress
from mnistnn.optim.schedules import (
    BoldDriver,
    Cosine,
    Exponential,
    InverseTime,
    Linear,
    OneCycle,
    Plateau,
    Step,
    Sutskever,
)

PER_EPOCH = 8


def after(epochs, history=()) -> Progress:
    """Return the progress of so many epochs of 8 batches, fractions included."""
    updates = round(epochs * PER_EPOCH)
    epoch, batch = divmod(updates, PER_EPOCH)
    return Progress(epoch=epoch, batch=batch, updates=updates, batches_per_epoch=PER_EPOCH, history=history)


def rows(*metrics, name="valid.loss") -> list[dict[str, float]]:
    return [{name: figure} for figure in metrics]


CYCLE = OneCycle(peak=2.0, epochs=10, warmup=0.25, start_factor=0.1, end_factor=0.01)


@pytest.mark.parametrize(
    ("schedule", "table"),
    [
        (Step(start=8, factor=0.5, every_epochs=2), {0: 8, 1.875: 8, 2: 4, 3.875: 4, 4: 2, 20: 8 / 1024}),
        (Step(start=8, factor=0.5, every_epochs=0.5), {0: 8, 0.375: 8, 0.5: 4, 1: 2, 1.5: 1}),
        (Exponential(start=8, factor=0.25), {0: 8, 0.5: 4, 1: 2, 1.5: 1, 3: 0.125}),
        (InverseTime(start=8, decay=0.5), {0: 8, 1: 8 / 1.5, 2: 4, 6: 2, 6.5: 8 / 4.25}),
        (Linear(start=8, end=2, epochs=4), {0: 8, 0.5: 7.25, 2: 5, 4: 2, 100: 2}),
        (Linear(start=0.5, end=0.9, epochs=2), {0: 0.5, 1: 0.7, 2: 0.9, 3: 0.9}),
        (Cosine(start=8, end=2, epochs=4), {0: 8, 1: 5 + 3 * np.sqrt(0.5), 2: 5, 3: 5 - 3 * np.sqrt(0.5), 4: 2, 9: 2}),
        (CYCLE, {0: 0.2, 1.25: 1.1, 2.5: 2, 6.25: 2 * (0.01 + 0.5 * 0.99), 10: 0.02, 11: 0.02}),
    ],
    ids=lambda value: getattr(value, "type", ""),
)
def test_value_at_the_points_that_matter(schedule, table):
    assert {epochs: schedule.at(after(epochs)) for epochs in table} == pytest.approx(table, rel=1e-14)


@pytest.mark.parametrize("every", [0.1, 0.3, 0.7])
def test_step_comes_at_its_update_though_fractions_are_rounded(every):
    """0.3 epochs are 3 of 10 updates, but 0.3/0.1 is less than 3."""
    schedule = Step(start=1.0, factor=0.5, every_epochs=every)
    for updates in range(100):
        progress = Progress(epoch=updates // 10, batch=updates % 10, batches_per_epoch=10)
        assert schedule.at(progress) == 0.5 ** (updates // round(10 * every))


def test_one_cycle_is_continuous_and_has_one_peak():
    values = [CYCLE.at(after(n / PER_EPOCH)) for n in range(11 * PER_EPOCH + 1)]
    steps = np.diff(values)
    assert abs(steps).max() < 2.0 * np.pi / 2 / (7.5 * PER_EPOCH) * 2
    peak = int(np.argmax(values))
    assert (peak, values[peak]) == (2.5 * PER_EPOCH, 2.0)
    assert (steps[:peak] > 0).all()
    assert (steps[peak:] <= 0).all()


@pytest.mark.parametrize("warmup", [0.1, 0.3, 1 / 3, 0.9])
def test_one_cycle_meets_at_its_peak_from_both_sides(warmup):
    cycle = OneCycle(peak=3.0, epochs=1, warmup=warmup)
    near = [cycle.at(Progress(batch=round(warmup * 10**9) + n, batches_per_epoch=10**9)) for n in (-2, 0, 2)]
    assert near == pytest.approx([3.0] * 3, rel=1e-7)


@pytest.mark.parametrize(
    ("updates", "momentum"),
    [(0, 0.5), (249, 0.5), (250, 0.75), (500, 1 - 1 / 6), (750, 0.875), (12_249, 1 - 1 / 98), (12_250, 0.99)],
)
def test_sutskever_momentum_takes_the_values_of_its_formula(updates, momentum):
    assert Sutskever(limit=0.99).at(Progress(updates=updates)) == pytest.approx(momentum, rel=1e-14)
    formula = min(1 - 2 ** (-1 - np.log2(updates // 250 + 1)), 0.99)
    assert Sutskever(limit=0.99).at(Progress(updates=updates)) == pytest.approx(formula, rel=1e-14)


@pytest.mark.parametrize(
    ("losses", "factors"),
    [
        ([], []),
        ([1.0], []),
        ([1.0, 0.9], [1.05]),
        ([1.0, 1.0], [0.5]),  # no better is worse
        ([1.0, 0.9, 1.1, 1.0], [1.05, 0.5, 1.05]),  # each is compared with the one before, not with the best
    ],
)
def test_bold_driver_raises_a_little_and_lowers_a_lot(losses, factors):
    driver = BoldDriver(start=0.25, monitor="valid.loss")
    assert driver.at(after(3.5, rows(*losses))) == pytest.approx(0.25 * np.prod(factors), rel=1e-14)


@pytest.mark.parametrize("monitor", ["train.loss", "valid.loss", "valid.error"])
@pytest.mark.parametrize("kind", [BoldDriver, Plateau])
def test_schedule_reads_the_metric_it_is_told_to(kind, monitor):
    history = [{"train.loss": 1.0, "valid.loss": 1.0, "valid.error": 1.0} for _ in range(2)]
    history[1][monitor] = 0.5
    limits: dict[str, Any] = {"patience": 1} if kind is Plateau else {}
    for name in ("train.loss", "valid.loss", "valid.error"):
        fell = kind(start=1.0, monitor=name, **limits).at(after(2, history)) >= 1.0
        assert fell == (name == monitor)


@pytest.mark.parametrize(
    ("losses", "value"),
    [
        ([], 8),
        ([1.0, 0.9, 0.8], 8),
        ([1.0, 1.0], 8),
        ([1.0, 1.0, 1.1], 4),  # two evaluations without a better one
        ([1.0, 1.0, 1.1, 1.2], 4),  # and the count begins again
        ([1.0, 1.0, 1.1, 1.2, 1.0], 2),
        ([1.0, 1.1, 0.9, 1.0, 0.95], 4),
        ([1.0] * 100, 0.5),  # the minimum
    ],
)
def test_plateau_lowers_after_so_many_evaluations_without_a_better_one(losses, value):
    assert Plateau(start=8.0, patience=2, minimum=0.5).at(after(1, rows(*losses))) == value


def test_plateau_below_its_minimum_is_left_alone():
    assert Plateau(start=0.1, patience=1, minimum=0.5).at(after(1, rows(1.0, 1.0, 1.0))) == 0.1


def test_nan_is_no_improvement_to_a_schedule():
    history = rows(1.0, np.nan, np.nan)
    assert Plateau(start=8.0, patience=2).at(after(1, history)) == 4
    assert BoldDriver(start=8.0, monitor="valid.loss").at(after(1, history)) == 2


@pytest.mark.parametrize(
    "schedule", [BoldDriver(start=0.5, monitor="valid.loss"), Plateau(start=0.5, patience=2)], ids=lambda s: s.type
)
def test_schedule_that_saw_the_history_grow_equals_one_that_is_resumed_with_it(schedule):
    losses = np.random.default_rng(3).normal(size=30).tolist()
    growing: list[dict[str, float]] = []
    for loss in losses:
        growing.append({"valid.loss": loss})
        seen = schedule.at(after(1, growing))
        assert type(schedule)(**vars_of(schedule)).at(after(7, list(growing))) == seen


@pytest.mark.parametrize(
    "schedule", [BoldDriver(start=0.5, monitor="valid.loss"), Plateau(start=0.5, patience=1)], ids=lambda s: s.type
)
def test_schedule_does_not_take_one_history_for_another_of_its_length(schedule):
    better, worse = rows(1.0, 0.5), rows(1.0, 2.0)
    assert schedule.at(after(2, better)) > schedule.at(after(2, worse))
    assert schedule.at(after(2, better)) > schedule.at(after(2, worse))


def vars_of(schedule) -> dict[str, Any]:
    """Return the fields that a schedule was made from."""
    return {name: getattr(schedule, name) for name in type(schedule).__dataclass_fields__ if name != "type"}


@pytest.mark.parametrize(
    "schedule",
    [
        Step(start=8, factor=0.5, every_epochs=2),
        Exponential(start=1, factor=0.5),
        InverseTime(start=1, decay=0.1),
        Linear(start=1, epochs=3),
        Cosine(start=1, epochs=3),
        CYCLE,
        BoldDriver(start=1),
        Plateau(start=1),
        Sutskever(),
    ],
    ids=lambda s: s.type,
)
def test_value_is_a_python_float(schedule):
    assert [type(schedule.at(after(epochs))) for epochs in (0, 0.5, 40)] == [float] * 3


@pytest.mark.parametrize(
    "schedule", [Exponential(start=1, factor=0.5), InverseTime(start=1, decay=0.1), Linear(start=1, epochs=3)]
)
def test_value_changes_inside_an_epoch_and_not_only_at_its_end(schedule):
    values = [schedule.at(after(n / PER_EPOCH)) for n in range(2 * PER_EPOCH)]
    assert all(later < earlier for earlier, later in pairwise(values))
