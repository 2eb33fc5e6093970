"""Each policy against the algorithm of its source, written out again here as the loop that it was published as."""

from math import inf, nan
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistnn.data.batches import Batches
from mnistnn.stopping import CoursePatience, LisaPatience, MaxEpochs
from mnistnn.train import RunningLoss, Training, train

# Few different values, so that there are ties, small improvements and large ones.
ERRORS = st.lists(st.sampled_from([0.5, 0.4, 0.399, 0.39, 0.3, 0.2995, 0.1, 0.0]), min_size=1, max_size=30)


def trained_with(policy: Any, errors: list[float], updates_per_epoch: int = 3) -> tuple[int, str]:
    """Run the real loop on a model that is none, with these errors; return the updates made and the reason."""
    figures = iter(errors)
    batches, theta = Batches(size=1, order="sequential"), np.zeros(1)
    batches.bind(np.zeros((updates_per_epoch, 1)), np.zeros(updates_per_epoch, "int64"), 0)
    stub: Any = SimpleNamespace
    training = Training(
        objective=stub(theta=theta, set_batch=lambda x, labels: None),
        optimizer=stub(step=lambda objective, progress: np.float64(1), rate=lambda progress: 0.1),
        batches=batches,
        policies=[policy, MaxEpochs(epochs=len(errors))],
        evaluate=lambda: {"valid.error": next(figures)},
        monitor="valid.error",
        best_theta=theta.copy(),
        loss=RunningLoss(theta),
    )
    reason = train(training, stub(after_update=lambda training: None, after_evaluation=lambda training: None))
    return training.progress.updates, reason


def rows(errors, updates_per_epoch=83) -> list[dict[str, float]]:
    return [
        {"epoch": epoch, "updates": epoch * updates_per_epoch, "valid.error": error, "valid.loss": 10 * error}
        for epoch, error in enumerate(errors, start=1)
    ]


def last_update(policy: LisaPatience, errors, updates_per_epoch=83) -> int:
    """Return the update after which a run with these errors would end without another evaluation."""
    deadline = policy.deadline(rows(errors, updates_per_epoch))
    assert deadline is not None
    return deadline.updates


def published_lisa(errors, updates_per_epoch, patience, increase, threshold) -> int:
    """Return the updates made by the loop of LISA's tutorials, which looks at the validation set once an epoch."""
    best, epoch, done, iteration = inf, 0, False, 0
    while epoch < len(errors) and not done:
        epoch += 1
        for minibatch in range(updates_per_epoch):
            iteration = (epoch - 1) * updates_per_epoch + minibatch
            if (iteration + 1) % updates_per_epoch == 0:
                error = errors[epoch - 1]
                if error < best:
                    if error < best * threshold:
                        patience = max(patience, iteration * increase)
                    best = error
            if patience <= iteration:
                done = True
                break
    return iteration + 1


def published_course(errors, min_epochs, max_patience) -> int:
    """Return the epochs made by the course's algorithm 1."""
    epochs, patience, best = 0, 0, inf
    while epochs < len(errors) and (epochs < min_epochs or patience < max_patience):
        if errors[epochs] < best:
            best, patience = errors[epochs], 0
        else:
            patience += 1
        epochs += 1
    return epochs


@given(
    errors=ERRORS,
    updates_per_epoch=st.integers(1, 9),
    patience=st.integers(1, 60),
    increase=st.sampled_from([1, 1.1, 1.5, 2, 2.75]),
    threshold=st.sampled_from([1, 0.995, 0.9]),
)
def test_lisa_patience_ends_at_the_update_of_the_published_loop(
    errors, updates_per_epoch, patience, increase, threshold
):
    policy = LisaPatience(updates=patience, increase=increase, threshold=threshold)
    expected = published_lisa(errors, updates_per_epoch, patience, increase, threshold)
    assert trained_with(policy, errors, updates_per_epoch)[0] == expected


@given(errors=ERRORS, min_epochs=st.integers(0, 12), max_patience=st.integers(1, 8))
def test_course_patience_ends_at_the_epoch_of_the_slides_loop(errors, min_epochs, max_patience):
    policy = CoursePatience(min_epochs=min_epochs, max_patience=max_patience)
    expected = published_course(errors, min_epochs, max_patience)
    assert trained_with(policy, errors)[0] == 3 * expected


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([], 5001),
        ([0.12], 5001),  # an improvement on infinity: patience max(5000, 2·82)
        ([0.12] * 60, 5001),
        ([0.12 * 0.99**i for i in range(30)], 5001),  # 2·(83·30 − 1) = 4978 is less than 5000
        ([0.12 * 0.99**i for i in range(31)], 5145),  # 2·(83·31 − 1) + 1
        ([0.12 * 0.996**i for i in range(60)], 5001),  # better every time, but never significantly
        ([*[0.12 * 0.99**i for i in range(37)], *[0.09] * 30], 6141),
    ],
)
def test_lisa_patience_of_the_logistic_regression(errors, expected):
    assert last_update(LisaPatience(), errors) == expected


def test_lisa_patience_ends_the_published_logistic_regression_in_epoch_74():
    """Its last significant improvement came in epoch 37: it ends one update short of 74 whole epochs."""
    errors = [*[0.12 * 0.99**i for i in range(37)], *[0.0832] * 60]
    updates, reason = trained_with(LisaPatience(), errors, updates_per_epoch=83)
    assert updates == 74 * 83 - 1
    assert reason == "lisa_patience: 6140 updates of patience are used up at valid.error 0.0832"


def test_lisa_patience_compares_with_the_best_and_not_with_the_last_significant_one():
    """Steps of 0.4 % are never significant, however far they lead in the end."""
    errors = [0.12 * 0.996**i for i in range(70)]
    assert last_update(LisaPatience(), errors) == 5001


@pytest.mark.parametrize("policy", [LisaPatience(), CoursePatience(min_epochs=0, max_patience=3)], ids=lambda p: p.type)
def test_nan_is_no_improvement(policy):
    with_nan, without = rows([0.3, nan, nan, 0.29, nan]), rows([0.3, 0.9, 0.9, 0.29, 0.9])
    assert policy.reason(with_nan) == policy.reason(without)
    assert policy.deadline(with_nan) == policy.deadline(without)


def test_nan_from_the_start_uses_up_patience():
    assert CoursePatience(min_epochs=0, max_patience=3).reason(rows([nan] * 3)) is not None
    assert last_update(LisaPatience(), [nan] * 60) == 5001


def test_number_after_nan_is_an_improvement():
    assert CoursePatience(min_epochs=0, max_patience=2).reason(rows([nan, 0.3, 0.4])) is None


@pytest.mark.parametrize(("done", "ends"), [(0, False), (1, False), (2, True), (3, True)])
def test_max_epochs_ends_after_its_number(done, ends):
    reason = MaxEpochs(epochs=2).reason(rows([0.5] * done))
    assert reason == ("max_epochs: 2 epochs are done" if ends else None)


def test_course_patience_says_why():
    policy = CoursePatience(min_epochs=3, max_patience=2)
    assert policy.reason(rows([0.3, 0.3])) is None
    assert policy.reason(rows([0.3, 0.3, 0.4])) == "course_patience: no better valid.error than 0.3 in 2 evaluations"


def test_course_patience_may_end_where_min_epochs_is_reached():
    policy = CoursePatience(min_epochs=6, max_patience=2)
    assert [policy.reason(rows([0.3] * done)) is not None for done in range(8)] == [False] * 6 + [True] * 2


def test_course_defaults_are_those_of_the_slides():
    assert (CoursePatience().min_epochs, CoursePatience().max_patience) == (50, 20)


@pytest.mark.parametrize("kind", [CoursePatience, LisaPatience])
def test_monitor_names_the_figure_that_counts(kind):
    history = [{**row, "valid.loss": 1.0} for row in rows([0.5 - 0.005 * i for i in range(80)])]
    by_error, by_loss = kind(monitor="valid.error"), kind(monitor="valid.loss")
    said = [(policy.reason(history), policy.deadline(history)) for policy in (by_error, by_loss)]
    assert said[0] != said[1]
