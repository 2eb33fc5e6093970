from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mnistnn.data.batches import Batches
from mnistnn.errors import DivergedError
from mnistnn.layers.dense import Dense
from mnistnn.losses.penalties import L1, L2
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.supervised import Objective, score
from mnistnn.optim.adaptive import CourseRMSProp
from mnistnn.optim.averaging import WeightAverage
from mnistnn.optim.momentum import Nesterov
from mnistnn.optim.schedules import BoldDriver, Exponential, Plateau, Sutskever
from mnistnn.optim.sgd import SGD
from mnistnn.stopping.contract import Deadline, Policy
from mnistnn.stopping.course import CoursePatience
from mnistnn.stopping.limits import MaxEpochs, MaxTime, MaxUpdates
from mnistnn.stopping.lisa import LisaPatience
from mnistnn.training.loop import RunningLoss, Training, train

PER_EPOCH = 5  # 18 examples in batches of 4: the last one has 2


class Recorder:
    """A checkpointing hook that notes each call with epoch, batch and updates, and the parameters at each evaluation.

    It raises after the update that it is told to.
    """

    def __init__(self, stop_after=None):
        self.calls: list[tuple[str, int, int, int]] = []
        self.evaluated: list[np.ndarray] = []
        self.stop_after = stop_after

    def note(self, what, t):
        self.calls.append((what, t.progress.epoch, t.progress.batch, t.progress.updates))

    def after_update(self, t):
        self.note("update", t)
        if t.progress.updates == self.stop_after:
            raise KeyboardInterrupt

    def after_evaluation(self, t):
        self.note("evaluation", t)
        self.evaluated.append(t.objective.theta.copy())

    def after_epoch(self, t):
        self.note("epoch", t)


class Watching:
    """Plain descent that notes each loss and the size of its batch."""

    def __init__(self, learning_rate):
        self.sgd = SGD(learning_rate=learning_rate)
        self.losses: list[tuple[float, int]] = []
        self.allocate, self.state, self.rate = self.sgd.allocate, self.sgd.state, self.sgd.rate
        self.metrics = self.sgd.metrics

    def step(self, objective, progress):
        loss = self.sgd.step(objective, progress)
        self.losses.append((float(loss), len(objective.x)))
        return loss


def mean_of(losses: list[tuple[float, int]]) -> float:
    """Return the mean over examples of batches' mean losses."""
    return sum(loss * n for loss, n in losses) / sum(n for _, n in losses)


class EndsAt(Policy):
    """A policy with a deadline, which an evaluation after `moved_after` epochs moves by one update."""

    def __init__(self, updates, moved_after=None):
        self.updates, self.moved_after = updates, moved_after

    def deadline(self, history):
        moved = self.moved_after is not None and len(history) >= self.moved_after
        return Deadline(self.updates + moved, f"ends at {self.updates}")


def training_of(policies, rate=0.5, evaluate=None, optimizer=None, evaluate_every=None, average=None) -> Training:
    """Three classes of noise, learnt by heart by a small network."""
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(18, 2, 3)).astype("float32"), rng.integers(3, size=18)
    x.setflags(write=False)
    labels.setflags(write=False)
    layers: dict[str, Any] = {"hidden": Dense(units=5, activation="tanh"), "output": Dense(units=3)}
    model, loss, penalty = Sequential(layers=layers), SoftmaxNLL(), L2(strength=1e-3)
    loss.build(model.build((2, 3)), 3)
    penalty.build(model.slots)
    model.allocate(np, "float32")
    model.initialize(0)
    batches, optimizer = Batches(size=4), optimizer or SGD(learning_rate=rate)
    batches.bind(x, labels, 3)
    objective = Objective(model, loss, [penalty])
    optimizer.allocate(objective.theta, objective.grad)
    if average is not None:
        average.allocate(objective.theta)

    def measure(t):
        found = score(model, loss, x, labels, 7)
        return {"valid.loss": found.loss / found.examples, "valid.error": found.errors / found.examples}

    return Training(
        objective=objective,
        optimizer=optimizer,
        batches=batches,
        policies=policies,
        evaluate=evaluate or measure,
        monitor="valid.error",
        best_values=objective.values.copy(),
        loss=RunningLoss(objective.theta),
        evaluate_every=evaluate_every,
        average=average,
    )


def metrics(*errors):
    """Return an evaluation that gives these validation errors in turn."""
    each = iter(errors)
    return lambda t: {"valid.error": next(each)}


def resumed(saved: Training, policies, **options) -> Training:
    """Return a new training that stands where another one does, by the counters and vectors that a checkpoint holds."""
    t = training_of(policies, **options)
    t.objective.theta[...], t.best_values[...] = saved.objective.theta, saved.best_values
    for name, array in t.optimizer.state().items():
        array[...] = saved.optimizer.state()[name]
    if t.average is not None and saved.average is not None:
        t.average.theta[...] = saved.average.theta
    t.history[:] = saved.history
    t.progress = replace(saved.progress, history=t.history)
    t.loss = RunningLoss(t.objective.theta, saved.loss.total, saved.loss.examples)
    return t


def assert_same_end(found: Training, expected: Training) -> None:
    assert found.history == expected.history
    assert found.progress == expected.progress
    assert np.array_equal(found.objective.theta, expected.objective.theta)
    assert np.array_equal(found.best_values, expected.best_values)


def test_checkpointing_sees_every_update_and_then_the_evaluation():
    checkpointing = Recorder()
    train(training_of([MaxEpochs(epochs=2)]), checkpointing)
    assert checkpointing.calls == [
        *[("update", 0, batch, batch) for batch in range(1, 6)],
        ("evaluation", 1, 0, 5),
        *[("update", 1, batch, 5 + batch) for batch in range(1, 6)],
        ("evaluation", 2, 0, 10),
    ]


def test_train_returns_the_reason():
    assert train(training_of([MaxEpochs(epochs=1)]), Recorder()) == "max_epochs: 1 epoch is done"


def test_first_policy_in_the_list_that_ends_the_run_gives_the_reason():
    policies = [CoursePatience(min_epochs=9, max_patience=1), MaxEpochs(epochs=2), MaxEpochs(epochs=1)]
    t = training_of(policies)
    assert train(t, Recorder()) == "max_epochs: 1 epoch is done"
    t = training_of([EndsAt(5), *policies])
    assert train(t, Recorder()) == "max_epochs: 1 epoch is done"


def test_row_holds_the_metrics_of_its_epoch():
    t = training_of([MaxEpochs(epochs=2)])
    train(t, Recorder())
    row = t.history[1]
    assert list(row) == [
        "epoch", "updates", "examples", "train.loss", "valid.loss", "valid.error", "learning_rate", "theta.norm",
    ]  # fmt: skip
    assert (row["epoch"], row["updates"], row["examples"], row["learning_rate"]) == (2, 10, 36, 0.5)
    assert row["theta.norm"] == pytest.approx(np.linalg.norm(t.objective.theta))
    assert {"valid.loss": row["valid.loss"], "valid.error": row["valid.error"]} == t.evaluate(t)


def test_learning_rate_of_a_row_is_that_of_its_last_update():
    t = training_of([MaxEpochs(epochs=2)], rate=Exponential(start=0.5, factor=0.5))
    train(t, Recorder())
    assert [row["learning_rate"] for row in t.history] == pytest.approx([0.5 * 0.5**0.8, 0.5 * 0.5**1.8])


def test_rate_that_responds_to_an_evaluation_is_lower_in_the_row_after_it():
    rate = Plateau(start=0.5, monitor="valid.error", patience=1)
    t = training_of([MaxEpochs(epochs=4)], rate=rate, evaluate=metrics(0.5, 0.5, 0.4, 0.4))
    train(t, Recorder())
    assert [row["learning_rate"] for row in t.history] == [0.5, 0.5, 0.25, 0.25]
    assert t.optimizer.rate(t.progress) == 0.125


def test_row_is_made_of_plain_numbers():
    t = training_of([MaxEpochs(epochs=1)])
    train(t, Recorder())
    assert {type(value) for value in t.history[0].values()} == {int, float}


def test_training_loss_is_the_mean_over_examples_of_the_epoch():
    optimizer = Watching(learning_rate=0.5)
    t = training_of([MaxEpochs(epochs=2)], optimizer=optimizer)
    train(t, Recorder())
    assert [n for _, n in optimizer.losses] == [4, 4, 4, 4, 2] * 2
    assert t.history[1]["train.loss"] == pytest.approx(mean_of(optimizer.losses[PER_EPOCH:]), rel=1e-14)


def test_training_lowers_the_loss():
    t = training_of([MaxEpochs(epochs=40)])
    train(t, Recorder())
    assert t.history[-1]["train.loss"] < 0.2 * t.history[0]["train.loss"]


def test_best_parameters_are_those_of_the_first_lowest_metric():
    t = training_of([MaxEpochs(epochs=5)], evaluate=metrics(0.5, 0.3, 0.4, 0.3, 0.6))
    checkpointing = Recorder()
    train(t, checkpointing)
    assert t.best is t.history[1]
    assert np.array_equal(t.best_values, checkpointing.evaluated[1])


def test_best_is_none_before_the_first_evaluation():
    assert training_of([MaxEpochs(epochs=5)]).best is None


@pytest.mark.parametrize("updates", range(1, 13))
def test_deadline_ends_the_run_after_exactly_its_update(updates):
    t = training_of([EndsAt(updates), MaxEpochs(epochs=9)])
    assert train(t, Recorder()) == f"ends at {updates}"
    assert t.progress.updates == updates
    assert len(t.history) == updates // PER_EPOCH  # nothing is measured inside an epoch


def test_earliest_deadline_counts():
    t = training_of([EndsAt(8), EndsAt(7), MaxEpochs(epochs=9)])
    assert train(t, Recorder()) == "ends at 7"


def test_evaluation_comes_before_a_deadline_at_the_end_of_its_epoch_and_may_move_it():
    t = training_of([EndsAt(10, moved_after=2)])
    train(t, Recorder())
    assert t.progress.updates == 11
    assert len(t.history) == 2


def test_run_at_its_end_does_nothing():
    t = training_of([MaxEpochs(epochs=1)])
    train(t, Recorder())
    checkpointing = Recorder()
    assert train(t, checkpointing) == "max_epochs: 1 epoch is done"
    assert checkpointing.calls == []


@pytest.mark.parametrize(
    "policies",
    [
        [MaxEpochs(epochs=3)],
        [EndsAt(13)],
        [EndsAt(15, moved_after=3)],  # a deadline that the evaluation at that very update moves
        [LisaPatience(updates=7, increase=1.3), MaxEpochs(epochs=9)],
    ],
    ids=["epochs", "inside-an-epoch", "end-of-an-epoch", "patience"],
)
def test_resuming_after_any_update_ends_with_the_same_bits(policies):
    whole = training_of(policies)
    reason = train(whole, Recorder())
    for updates in range(1, whole.progress.updates + 1):
        interrupted = training_of(policies)
        with pytest.raises(KeyboardInterrupt):
            train(interrupted, Recorder(stop_after=updates))
        again = resumed(interrupted, policies)
        assert train(again, Recorder()) == reason
        assert_same_end(again, whole)


def test_resuming_inside_an_epoch_makes_only_the_remaining_updates():
    policies = [MaxEpochs(epochs=2)]
    interrupted = training_of(policies)
    with pytest.raises(KeyboardInterrupt):
        train(interrupted, Recorder(stop_after=8))
    checkpointing = Recorder()
    train(resumed(interrupted, policies), checkpointing)
    assert checkpointing.calls == [("update", 1, 4, 9), ("update", 1, 5, 10), ("evaluation", 2, 0, 10)]


class Poisoned:
    """Gives a loss that is no number at its third step, and is plain descent otherwise."""

    def __init__(self):
        self.sgd = SGD(learning_rate=0.5)
        self.allocate, self.state, self.rate = self.sgd.allocate, self.sgd.state, self.sgd.rate
        self.metrics = self.sgd.metrics

    def step(self, objective, progress):
        loss = self.sgd.step(objective, progress)
        return loss * np.float32(np.nan) if progress.updates == 2 else loss


def test_loss_that_is_no_number_ends_the_run_at_once():
    t, checkpointing = training_of([MaxEpochs(epochs=9)], optimizer=Poisoned()), Recorder()
    with pytest.raises(DivergedError, match=r"epoch 1, update 3\); a smaller learning rate"):
        train(t, checkpointing)
    assert [call[0] for call in checkpointing.calls] == ["update", "update"]


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_evaluation_that_is_no_number_ends_the_run_without_a_row(wrong):
    t, checkpointing = training_of([MaxEpochs(epochs=9)], evaluate=metrics(0.5, wrong)), Recorder()
    with pytest.raises(DivergedError, match=r"epoch 2, update 10\)"):
        train(t, checkpointing)
    assert len(t.history) == 1
    assert checkpointing.calls[-1] == ("update", 1, 5, 10)


def test_best_parameters_survive_divergence():
    t, checkpointing = training_of([MaxEpochs(epochs=9)], evaluate=metrics(0.5, np.nan)), Recorder()
    with pytest.raises(DivergedError):
        train(t, checkpointing)
    assert np.array_equal(t.best_values, checkpointing.evaluated[0])


def test_division_by_a_mean_square_of_zero_is_divergence_and_no_warning():
    """With a short memory the slides' rmsprop does reach 0 where a gradient stays away."""
    t = training_of([MaxEpochs(epochs=9)], optimizer=CourseRMSProp(learning_rate=0.1, beta=0.1))
    t.optimizer.state()["ms"][:] = 0.0
    with pytest.raises(DivergedError):
        train(t, Recorder())


@pytest.mark.parametrize("rate", [1e6, 1e20, 1e38])
def test_divergence_is_a_message_and_no_warning(rate):
    with pytest.raises(DivergedError):
        train(training_of([MaxEpochs(epochs=50)], rate=rate), Recorder())


def test_running_loss_adds_float32_losses_in_float64():
    mean = RunningLoss(np.zeros(1, "float32"))
    for _ in range(1000):
        mean.add(np.float32(0.1), 3)
    assert mean.total == pytest.approx(3000 * float(np.float32(0.1)), rel=1e-12)
    assert mean.mean == pytest.approx(float(np.float32(0.1)), rel=1e-12)


def test_running_loss_goes_on_from_its_saved_sum():
    whole, first = RunningLoss(np.zeros(1)), RunningLoss(np.zeros(1))
    for value in (0.1, 0.7):
        whole.add(np.float64(value), 3)
    first.add(np.float64(0.1), 3)
    second = RunningLoss(np.zeros(1), first.total, first.examples)
    second.add(np.float64(0.7), 3)
    assert (second.total, second.examples) == (whole.total, whole.examples)


def test_running_loss_of_nothing_is_no_number():
    assert np.isnan(RunningLoss(np.zeros(1)).mean)


def test_evaluations_inside_an_epoch_come_beside_those_at_its_end():
    t = training_of([MaxEpochs(epochs=2)], evaluate_every=2)
    train(t, Recorder())
    assert [row["updates"] for row in t.history] == [2, 4, 5, 6, 8, 10]
    assert [row["epoch"] for row in t.history] == [0.4, 0.8, 1, 1.2, 1.6, 2]
    assert [type(row["epoch"]) for row in t.history] == [float, float, int, float, float, int]
    assert [row["examples"] for row in t.history] == [8, 16, 18, 22, 30, 36]


def test_epochs_that_are_not_evaluated_are_told_of_and_the_last_one_is_evaluated():
    t, checkpointing = training_of([MaxEpochs(epochs=3)], evaluate_every=4), Recorder()
    t.evaluates_epochs = False
    train(t, checkpointing)
    others = [call for call in checkpointing.calls if call[0] != "update"]
    assert others == [
        ("evaluation", 0, 4, 4),
        ("epoch", 1, 0, 5),
        ("evaluation", 1, 3, 8),
        ("epoch", 2, 0, 10),
        ("evaluation", 2, 2, 12),
        ("evaluation", 3, 0, 15),
    ]
    assert [row["epoch"] for row in t.history] == [0.8, 1.6, 2.4, 3]
    whole = training_of([MaxEpochs(epochs=3)])
    train(whole, Recorder())
    assert np.array_equal(t.objective.theta, whole.objective.theta)


def test_evaluating_inside_an_epoch_changes_no_update():
    often, seldom = (training_of([MaxEpochs(epochs=3)], evaluate_every=every) for every in (1, None))
    train(often, Recorder())
    train(seldom, Recorder())
    assert np.array_equal(often.objective.theta, seldom.objective.theta)


def test_training_loss_inside_an_epoch_is_the_mean_since_the_row_before():
    optimizer = Watching(learning_rate=0.5)
    t = training_of([MaxEpochs(epochs=2)], optimizer=optimizer, evaluate_every=3)
    train(t, Recorder())
    parts = [optimizer.losses[a:b] for a, b in ((0, 3), (3, 5), (5, 6), (6, 9), (9, 10))]
    assert [row["updates"] for row in t.history] == [3, 5, 6, 9, 10]
    assert [row["train.loss"] for row in t.history] == pytest.approx([mean_of(part) for part in parts], rel=1e-14)


class StopsAtEvaluation(Recorder):
    """A checkpointing hook that ends the loop right after the evaluation that follows a given update."""

    def __init__(self, updates):
        super().__init__()
        self.updates = updates

    def after_evaluation(self, t):
        super().after_evaluation(t)
        if t.progress.updates == self.updates:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("checkpointing", "first"),
    [(Recorder(stop_after=4), ("evaluation", 0, 4, 4)), (StopsAtEvaluation(4), ("update", 0, 5, 5))],
    ids=["before-it", "after-it"],
)
def test_resuming_at_an_evaluation_inside_an_epoch_neither_skips_nor_repeats_it(checkpointing, first):
    policies = [MaxEpochs(epochs=1)]
    interrupted = training_of(policies, evaluate_every=4)
    with pytest.raises(KeyboardInterrupt):
        train(interrupted, checkpointing)
    after = Recorder()
    again = resumed(interrupted, policies, evaluate_every=4)
    train(again, after)
    assert after.calls[0] == first
    assert [row["updates"] for row in again.history] == [4, 5]


def test_resuming_anywhere_with_averaging_momentum_and_schedules_ends_with_the_same_bits():
    policies = [LisaPatience(updates=7, increase=1.5), MaxEpochs(epochs=4)]

    def fresh():
        rate = BoldDriver(start=0.5, monitor="train.loss")
        return {
            "optimizer": Nesterov(learning_rate=rate, momentum=Sutskever(period_updates=4)),
            "evaluate_every": 3,
            "average": WeightAverage(decay=0.6),
        }

    whole: Any = training_of(policies, **fresh())
    reason = train(whole, Recorder())
    assert len({row["learning_rate"] for row in whole.history}) > 1
    for updates in range(1, whole.progress.updates + 1):
        for checkpointing in (Recorder(stop_after=updates), StopsAtEvaluation(updates)):
            interrupted = training_of(policies, **fresh())
            try:
                train(interrupted, checkpointing)
            except KeyboardInterrupt:
                again: Any = resumed(interrupted, policies, **fresh())
                assert train(again, Recorder()) == reason
                assert_same_end(again, whole)
                assert np.array_equal(again.average.theta, whole.average.theta)


@pytest.mark.parametrize("updates", [1, 4, 5, 7])
def test_limit_of_updates_ends_a_run_with_an_evaluation(updates):
    t = training_of([MaxUpdates(updates=updates), MaxEpochs(epochs=9)])
    assert train(t, Recorder()) == f"max_updates: {updates} updates are done"
    assert t.history[-1]["updates"] == t.progress.updates == updates
    assert t.history[-1]["epoch"] == updates / PER_EPOCH


def test_run_at_its_limit_of_updates_is_evaluated_once():
    t = training_of([MaxUpdates(updates=7)])
    train(t, Recorder())
    checkpointing = Recorder()
    train(t, checkpointing)
    assert checkpointing.calls == []


@pytest.mark.parametrize(("seconds", "updates"), [(0.5, 1), (7, 7), (10, 10)])
def test_limit_of_time_ends_a_run_after_the_update_that_reaches_it_with_an_evaluation(seconds, updates):
    t = training_of([MaxTime(seconds=seconds), MaxTime(seconds=1000), MaxEpochs(epochs=9)])
    t.clock = lambda: float(t.progress.updates)  # an update takes a second
    assert train(t, Recorder()) == f"max_time: {seconds:g} seconds are spent"
    assert t.progress.updates == updates
    assert t.history[-1]["updates"] == updates


def test_run_whose_time_was_spent_before_makes_no_update():
    t, checkpointing = training_of([MaxTime(seconds=5)]), Recorder()
    t.clock = lambda: 5.0
    assert train(t, checkpointing) == "max_time: 5 seconds are spent"
    assert checkpointing.calls == []


def test_clock_is_not_asked_without_a_limit_of_time():
    t = training_of([MaxEpochs(epochs=1)])
    t.clock = lambda: pytest.fail("asked")
    train(t, Recorder())


def test_average_is_evaluated_and_kept_as_the_best_while_training_goes_on_from_theta():
    plain = training_of([MaxEpochs(epochs=3)])
    averaged: Any = training_of([MaxEpochs(epochs=3)], average=WeightAverage(decay=0.7))
    averages, measured = [], []
    measure = averaged.evaluate

    def evaluate(t):
        averages.append(t.average.theta.copy())
        measured.append(t.objective.theta.copy())
        return measure(t)

    averaged.evaluate = evaluate
    train(plain, Recorder())
    train(averaged, Recorder())
    assert np.array_equal(averaged.objective.theta, plain.objective.theta)
    assert np.array_equal(measured, averages)
    assert not np.array_equal(averaged.average.theta, plain.objective.theta)
    best = averaged.history.index(averaged.best)
    assert np.array_equal(averaged.best_values, averages[best])
    norms = [row["theta.norm"] for row in averaged.history]
    assert norms == pytest.approx([np.linalg.norm(average) for average in averages], rel=1e-6)


def test_theta_comes_back_when_its_average_cannot_be_evaluated():
    t = training_of([MaxEpochs(epochs=1)], evaluate=metrics(np.nan), average=WeightAverage(decay=0.7))
    with pytest.raises(DivergedError):
        train(t, Recorder())
    reference = training_of([MaxEpochs(epochs=1)])
    train(reference, Recorder())
    assert np.array_equal(t.objective.theta, reference.objective.theta)


def test_projection_takes_the_rate_of_the_update_before_it():
    t: Any = training_of([MaxEpochs(epochs=1)], rate=Exponential(start=0.5, factor=0.5))
    rates: list[float] = []
    t.objective.project = rates.append
    train(t, Recorder())
    assert rates == pytest.approx([0.5 * 0.5 ** (batch / PER_EPOCH) for batch in range(PER_EPOCH)])


def test_proximal_penalty_makes_exact_zeros():
    t = training_of([MaxEpochs(epochs=5)])
    penalty = L1(strength=0.5, proximal=True)
    penalty.build(t.objective.model.slots)  # type: ignore[attr-defined]
    t.objective.proximal.append(penalty)
    train(t, Recorder())
    assert (t.objective.theta == 0).sum() > 20
