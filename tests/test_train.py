from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mnistnn.data.batches import Batches
from mnistnn.errors import DivergedError
from mnistnn.layers.dense import Dense
from mnistnn.losses import SoftmaxNLL
from mnistnn.models.sequential import Sequential
from mnistnn.objective import Objective, score
from mnistnn.optim.sgd import SGD
from mnistnn.penalties import L2
from mnistnn.stopping import CoursePatience, Deadline, LisaPatience, MaxEpochs
from mnistnn.train import RunningLoss, Training, train

PER_EPOCH = 5  # 18 examples in batches of 4: the last one has 2


class Recorder:
    """A journal that notes each call with epoch, batch and updates, and the parameters at each evaluation.

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


class EndsAt:
    """A policy with a deadline, which an evaluation after `moved_after` epochs moves by one update."""

    def __init__(self, updates, moved_after=None):
        self.updates, self.moved_after = updates, moved_after

    def reason(self, history):
        return None

    def deadline(self, history):
        moved = self.moved_after is not None and len(history) >= self.moved_after
        return Deadline(self.updates + moved, f"ends at {self.updates}")


def training_of(policies, rate=0.5, evaluate=None) -> Training:
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
    batches, optimizer = Batches(size=4), SGD(learning_rate=rate)
    batches.bind(x, labels, 3)
    objective = Objective(model, loss, [penalty])
    optimizer.allocate(objective.theta)

    def measure():
        found = score(model, loss, x, labels, 7)
        return {"valid.loss": found.loss / found.examples, "valid.error": found.errors / found.examples}

    return Training(
        objective=objective,
        optimizer=optimizer,
        batches=batches,
        policies=policies,
        evaluate=evaluate or measure,
        monitor="valid.error",
        best_theta=objective.theta.copy(),
        loss=RunningLoss(objective.theta),
    )


def figures(*errors):
    """Return an evaluation that gives these validation errors in turn."""
    each = iter(errors)
    return lambda: {"valid.error": next(each)}


def resumed(saved: Training, policies) -> Training:
    """Return a new training that stands where another one does, by the counters and vectors that a checkpoint holds."""
    t = training_of(policies)
    t.objective.theta[...], t.best_theta[...] = saved.objective.theta, saved.best_theta
    for name, array in t.optimizer.state().items():
        array[...] = saved.optimizer.state()[name]
    t.progress = replace(saved.progress)
    t.history = list(saved.history)
    t.loss = RunningLoss(t.objective.theta, saved.loss.total, saved.loss.examples)
    return t


def assert_same_end(found: Training, expected: Training) -> None:
    assert found.history == expected.history
    assert found.progress == expected.progress
    assert np.array_equal(found.objective.theta, expected.objective.theta)
    assert np.array_equal(found.best_theta, expected.best_theta)


def test_journal_sees_every_update_and_then_the_evaluation():
    journal = Recorder()
    train(training_of([MaxEpochs(epochs=2)]), journal)
    assert journal.calls == [
        *[("update", 0, batch, batch) for batch in range(1, 6)],
        ("evaluation", 1, 0, 5),
        *[("update", 1, batch, 5 + batch) for batch in range(1, 6)],
        ("evaluation", 2, 0, 10),
    ]


def test_train_returns_the_reason():
    assert train(training_of([MaxEpochs(epochs=1)]), Recorder()) == "max_epochs: 1 epochs are done"


def test_first_policy_in_the_list_that_ends_the_run_gives_the_reason():
    policies = [CoursePatience(min_epochs=9, max_patience=1), MaxEpochs(epochs=2), MaxEpochs(epochs=1)]
    t = training_of(policies)
    assert train(t, Recorder()) == "max_epochs: 1 epochs are done"
    t = training_of([EndsAt(5), *policies])
    assert train(t, Recorder()) == "max_epochs: 1 epochs are done"


def test_row_holds_the_figures_of_its_epoch():
    t = training_of([MaxEpochs(epochs=2)])
    train(t, Recorder())
    row = t.history[1]
    assert list(row) == [
        "epoch", "updates", "examples", "train.loss", "valid.loss", "valid.error", "learning_rate", "theta.norm",
    ]  # fmt: skip
    assert (row["epoch"], row["updates"], row["examples"], row["learning_rate"]) == (2, 10, 36, 0.5)
    assert row["theta.norm"] == pytest.approx(np.linalg.norm(t.objective.theta))
    assert {"valid.loss": row["valid.loss"], "valid.error": row["valid.error"]} == t.evaluate()


def test_row_is_made_of_plain_numbers():
    t = training_of([MaxEpochs(epochs=1)])
    train(t, Recorder())
    assert {type(value) for value in t.history[0].values()} == {int, float}


def test_training_loss_is_the_mean_over_examples_of_the_epoch():
    t = training_of([MaxEpochs(epochs=2)])
    losses, step = [], t.optimizer.step

    class Watching(SGD):
        def step(self, objective, progress):
            loss = step(objective, progress)
            losses.append((float(loss), len(objective.x)))
            return loss

    t.optimizer = Watching(learning_rate=0.5)
    train(t, Recorder())
    assert [n for _, n in losses] == [4, 4, 4, 4, 2] * 2
    expected = sum(loss * n for loss, n in losses[PER_EPOCH:]) / 18
    assert t.history[1]["train.loss"] == pytest.approx(expected, rel=1e-14)


def test_training_lowers_the_loss():
    t = training_of([MaxEpochs(epochs=40)])
    train(t, Recorder())
    assert t.history[-1]["train.loss"] < 0.2 * t.history[0]["train.loss"]


def test_best_parameters_are_those_of_the_first_lowest_figure():
    t = training_of([MaxEpochs(epochs=5)], evaluate=figures(0.5, 0.3, 0.4, 0.3, 0.6))
    journal = Recorder()
    train(t, journal)
    assert t.best is t.history[1]
    assert np.array_equal(t.best_theta, journal.evaluated[1])


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
    journal = Recorder()
    assert train(t, journal) == "max_epochs: 1 epochs are done"
    assert journal.calls == []


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
    journal = Recorder()
    train(resumed(interrupted, policies), journal)
    assert journal.calls == [("update", 1, 4, 9), ("update", 1, 5, 10), ("evaluation", 2, 0, 10)]


class Poisoned(SGD):
    """Gives a loss that is no number at its third step."""

    def step(self, objective, progress):
        loss = super().step(objective, progress)
        return loss * np.float32(np.nan) if progress.updates == 2 else loss


def test_loss_that_is_no_number_ends_the_run_at_once():
    t, journal = training_of([MaxEpochs(epochs=9)]), Recorder()
    t.optimizer = Poisoned(learning_rate=0.5)
    with pytest.raises(DivergedError, match=r"epoch 1, update 3\); a smaller learning rate"):
        train(t, journal)
    assert [call[0] for call in journal.calls] == ["update", "update"]


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_evaluation_that_is_no_number_ends_the_run_without_a_row(wrong):
    t, journal = training_of([MaxEpochs(epochs=9)], evaluate=figures(0.5, wrong)), Recorder()
    with pytest.raises(DivergedError):
        train(t, journal)
    assert len(t.history) == 1
    assert journal.calls[-1] == ("update", 1, 5, 10)


def test_best_parameters_survive_divergence():
    t, journal = training_of([MaxEpochs(epochs=9)], evaluate=figures(0.5, np.nan)), Recorder()
    with pytest.raises(DivergedError):
        train(t, journal)
    assert np.array_equal(t.best_theta, journal.evaluated[0])


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
