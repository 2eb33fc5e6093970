"""LISA's patience against the loop of its tutorials, transcribed."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistnn.stopping.lisa import LisaPatience

ERRORS = st.lists(st.sampled_from([0.5, 0.4, 0.399, 0.39, 0.3, 0.2995, 0.1, 0.0]), min_size=1, max_size=30)


def published(error_after, batches, patience, increase, threshold, epochs) -> tuple[int, list[int]]:
    """Return the updates that the loop of LISA's tutorials makes, and those after which it asks for `error_after`."""
    frequency = max(1, min(batches, patience // 2))  # theirs is 0 for a patience of 1
    best, epoch, done, iteration, measured = inf, 0, False, 0, list[int]()
    while epoch < epochs and not done:
        epoch += 1
        for minibatch in range(batches):
            iteration = (epoch - 1) * batches + minibatch
            if (iteration + 1) % frequency == 0:
                measured.append(iteration + 1)
                error = error_after(iteration + 1)
                if error < best:
                    if error < best * threshold:
                        patience = max(patience, iteration * increase)
                    best = error
            if patience <= iteration:
                done = True
                break
    return iteration + 1, measured


def last_update(policy: LisaPatience, history) -> int:
    """Return the update after which a run with this history would end without another evaluation."""
    deadline = policy.deadline(history)
    assert deadline is not None
    assert not deadline.is_fixed
    return deadline.updates


any_loop = given(
    errors=ERRORS,
    updates_per_epoch=st.integers(1, 9),
    patience=st.integers(1, 60),
    increase=st.sampled_from([1, 1.1, 1.5, 2, 2.75]),
    threshold=st.sampled_from([1, 0.995, 0.9]),
)


@any_loop
def test_lisa_patience_measures_and_ends_where_the_published_loop_does(
    errors, updates_per_epoch, patience, increase, threshold, trained_with
):
    policy, epochs, seen = LisaPatience(updates=patience, increase=increase, threshold=threshold), 5, list[int]()

    def error_after(updates):
        return errors[(updates - 1) % len(errors)]

    end, measured = published(error_after, updates_per_epoch, patience, increase, threshold, epochs)
    figures = [error_after(updates) for updates in [*measured, end]]
    found, _ = trained_with(policy, figures, updates_per_epoch, epochs=epochs, as_needed=True, seen=seen)
    assert found == end
    assert seen in (measured, [*measured, end])  # the last epoch that may be is measured at its end
    assert seen == measured or end == epochs * updates_per_epoch


@any_loop
def test_lisa_patience_ends_there_also_where_epochs_are_measured_for_something_else(
    errors, updates_per_epoch, patience, increase, threshold, trained_with
):
    policy, epochs = LisaPatience(updates=patience, increase=increase, threshold=threshold), 5
    every = min(policy.evaluation_interval(), updates_per_epoch)

    def error_after(updates):
        return errors[(updates - 1) % len(errors)]

    end, _ = published(error_after, updates_per_epoch, patience, increase, threshold, epochs)
    whole = epochs * updates_per_epoch
    measured = sorted({*range(every, whole + 1, every), *range(updates_per_epoch, whole + 1, updates_per_epoch)})
    found, _ = trained_with(policy, map(error_after, measured), updates_per_epoch, evaluate_every=every, epochs=epochs)
    assert found == end


@pytest.mark.parametrize(("updates", "interval"), [(5000, 2500), (10_001, 5000), (3, 1), (1, 1)])
def test_evaluations_are_half_of_the_first_patience_apart(updates, interval):
    assert LisaPatience(updates=updates).evaluation_interval() == interval


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([], 5001),
        ([0.12], 5001),  # an improvement on infinity: patience max(5000, 2·82)
        ([0.12] * 60, 5001),
        ([0.12 * 0.99**i for i in range(30)], 5001),  # 2·(83·30 − 1) = 4978 is less than 5000
        ([0.12 * 0.99**i for i in range(31)], 5145),  # 2·(83·31 − 1) + 1
        ([0.12 * 0.996**i for i in range(70)], 5001),  # better every time, but never significantly
        ([*[0.12 * 0.99**i for i in range(37)], *[0.09] * 30], 6141),
        ([nan] * 60, 5001),
    ],
)
def test_lisa_patience_of_the_logistic_regression(errors, expected, rows):
    assert last_update(LisaPatience(), rows(errors)) == expected


def test_lisa_patience_ends_the_published_logistic_regression_in_epoch_74(trained_with):
    """Its last significant improvement came in epoch 37: it ends one update short of 74 whole epochs."""
    errors = [*[0.12 * 0.99**i for i in range(37)], *[0.0832] * 60]
    updates, reason = trained_with(LisaPatience(), errors, updates_per_epoch=83)
    assert updates == 74 * 83 - 1
    assert reason == "lisa_patience: 6140 updates of patience are used up at valid.error 8.32 %"


def test_nan_is_no_improvement(rows):
    policy = LisaPatience(updates=166)
    assert policy.deadline(rows([0.3, nan, nan, 0.29, nan])) == policy.deadline(rows([0.3, 0.9, 0.9, 0.29, 0.9]))


def test_monitor_names_the_metric_that_counts(rows):
    history = [{**row, "valid.loss": 1.0} for row in rows([0.5 * 0.99**i for i in range(80)])]
    assert last_update(LisaPatience(monitor="valid.error"), history) == 2 * (83 * 80 - 1) + 1
    assert last_update(LisaPatience(monitor="valid.loss"), history) == 5001
