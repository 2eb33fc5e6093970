from math import nan

import pytest

from mnistnn.stopping.contract import Deadline
from mnistnn.stopping.limits import MaxEpochs, MaxTime, MaxUpdates, Target


@pytest.mark.parametrize(("done", "ends"), [(0, False), (1, False), (2, True), (3, True)])
def test_max_epochs_ends_after_its_number(done, ends, rows):
    reason = MaxEpochs(epochs=2).reason(rows([0.5] * done))
    assert reason == ("max_epochs: 2 epochs are done" if ends else None)


def test_max_epochs_does_not_count_an_epoch_that_is_not_done(rows):
    history = [*rows([0.5]), {"epoch": 1.999, "updates": 165, "examples": 1650, "valid.error": 0.5}]
    assert MaxEpochs(epochs=2).reason(history) is None


@pytest.mark.parametrize("done", [0, 1, 7])
def test_max_updates_is_a_deadline_that_nothing_moves(done, rows):
    policy = MaxUpdates(updates=100)
    assert policy.deadline(rows([0.5] * done)) == Deadline(100, "max_updates: 100 updates are done", is_fixed=True)
    assert policy.reason(rows([0.5] * done)) is None


@pytest.mark.parametrize("updates", range(1, 8))
def test_max_updates_ends_a_run_there_also_inside_an_epoch(updates, trained_with):
    assert trained_with(MaxUpdates(updates=updates), [0.5] * 9) == (
        updates,
        f"max_updates: {updates} updates are done",
    )


def test_max_time_is_a_limit_of_time_and_none_of_the_history(rows):
    policy = MaxTime(seconds=90)
    assert policy.time_limit_s() == 90.0
    assert (policy.reason(rows([0.5] * 9)), policy.deadline(rows([0.5] * 9))) == (None, None)


@pytest.mark.parametrize("policy", [MaxEpochs(epochs=1), MaxUpdates(updates=1), Target(value=0)], ids=lambda p: p.type)
def test_other_policies_have_no_limit_of_time_and_need_no_evaluations(policy):
    assert (policy.time_limit_s(), policy.evaluation_interval()) == (None, None)


@pytest.mark.parametrize(
    ("errors", "ends"),
    [
        ([], False),
        ([0.0801], False),
        ([0.08], True),
        ([0.07], True),
        ([0.07, 0.09], False),  # the newest counts, and the run would have ended before
        ([nan], False),
    ],
)
def test_target_ends_at_or_below_its_value(errors, ends, rows):
    assert (Target(value=0.08).reason(rows(errors)) is not None) == ends


def test_target_watches_the_metric_it_is_told_to(rows):
    assert Target(monitor="valid.loss", value=0.8).reason(rows([0.09])) is None
    reason = Target(monitor="valid.loss", value=0.8).reason(rows([0.075]))
    assert reason == "target: valid.loss 0.7500 is not above 0.8000"
