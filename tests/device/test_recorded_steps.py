"""Updates recorded in a CUDA graph: launched again, they do what they do asked for one by one, bit for bit.

Each test runs on the stand-in, which does again what it recorded, and on a GPU where there is one.
"""

import math

import numpy as np
import pytest

from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.supervised import score
from mnistnn.optim.adaptive import Adam
from mnistnn.optim.contract import Progress
from mnistnn.optim.schedules import Cosine
from mnistnn.optim.sgd import SGD
from mnistnn.training.steps import Eager, Recorded, steps_for
from tests.test_registry import LAYERS, LOSSES, MODELS, PENALTIES, chain_of, each_loss, objective_of
from tests.test_registry_of_training import FUSED, allocated, of

UPDATES = 6


@pytest.fixture(params=["stand-in", pytest.param("gpu", marks=pytest.mark.gpu)])
def xp(request):
    return request.getfixturevalue("cupy") if request.param == "stand-in" else pytest.importorskip("cupy")


def adam():
    return Adam(learning_rate=Cosine(start=0.1, epochs=9.0))


def batches_of(objective, count=UPDATES, fresh=True):
    """Return batches: the objective's, with its examples in another order each time, in memory of their own or not."""
    host_x, host_labels = objective.x.get(), objective.labels.get()
    for number in range(count):
        if fresh:
            objective.x, objective.labels = objective.x.copy(), objective.labels.copy()
        objective.x.set(np.roll(host_x, number, axis=0))
        objective.labels.set(np.roll(host_labels, number))
        yield objective.x, objective.labels


@pytest.fixture
def assert_recorded_alike(xp):
    """Return a function that does the same updates twice and compares all that they leave."""

    def compare(make_objective, make_optimizer=adam, fresh=True, between=lambda objective: None):
        found = []
        for kind in (Eager, Recorded):
            objective = make_objective()
            optimizer = allocated(make_optimizer, objective)
            steps, losses = kind(objective, optimizer), []
            batches = batches_of(objective, fresh=fresh)
            for updates, (x, labels) in enumerate(batches):
                loss = steps.take(x, labels, Progress(updates=updates, epoch=updates))
                losses.append(float(loss.get()))
                between(objective)
            state = [array.get() for array in optimizer.state().values()]
            found.append([np.array(losses), objective.values.get(), objective.grad.get(), *state])
        assert isinstance(steps, Recorded)
        assert not steps.is_refused
        assert steps.replays == UPDATES - 2
        for eager, recorded in zip(*found, strict=True):
            np.testing.assert_array_equal(recorded, eager)

    return compare


@of(FUSED)
def test_every_rule_moves_alike(xp, assert_recorded_alike, make):
    assert_recorded_alike(lambda: objective_of(MODELS[Sequential](), SoftmaxNLL(), xp=xp), make)


def test_clipped_rule_moves_alike(xp, assert_recorded_alike):
    assert_recorded_alike(
        lambda: objective_of(MODELS[Sequential](), SoftmaxNLL(), xp=xp), lambda: SGD(learning_rate=0.1, clip_norm=0.01)
    )


@pytest.mark.parametrize("case", sorted(set(LAYERS) - {"dropconnect-per-example"}))
def test_every_layer_is_recorded_with_what_it_draws(xp, assert_recorded_alike, case):
    assert_recorded_alike(lambda: objective_of(chain_of(case, "softplus"), SoftmaxNLL(), xp=xp, dtype="float32"))


@each_loss
def test_every_loss_is_recorded(xp, assert_recorded_alike, kind):
    assert_recorded_alike(lambda: objective_of(chain_of("dense", "tanh", LOSSES[kind][0]), kind(), xp=xp))


@each_loss
def test_every_weighted_loss_is_recorded(xp, assert_recorded_alike, kind):
    weights = [0.5, 0.0, 3.0][-LOSSES[kind][1] :]
    assert_recorded_alike(
        lambda: objective_of(chain_of("dense", "tanh", LOSSES[kind][0]), kind(class_weights=weights), xp=xp)
    )


@pytest.mark.parametrize("weights", [None, [0.5, 0.0, 3.0]], ids=["alike", "weighted"])
def test_smoothed_loss_is_recorded(xp, assert_recorded_alike, weights):
    assert_recorded_alike(
        lambda: objective_of(MODELS[Sequential](), SoftmaxNLL(class_weights=weights, label_smoothing=0.2), xp=xp)
    )


@pytest.mark.parametrize("penalty", PENALTIES)
def test_every_penalty_acts_alike(xp, assert_recorded_alike, penalty):
    assert_recorded_alike(lambda: objective_of(MODELS[Sequential](), SoftmaxNLL(), [PENALTIES[penalty]()], xp=xp))


def test_batches_in_the_same_memory_are_read_there(xp, assert_recorded_alike):
    assert_recorded_alike(lambda: objective_of(MODELS[Sequential](), SoftmaxNLL(), xp=xp), fresh=False)


def test_batch_that_moves_later_is_copied_to_where_the_recording_reads(xp):
    found = []
    for kind in (Eager, Recorded):
        objective = objective_of(MODELS[Sequential](), SoftmaxNLL(), xp=xp)
        steps = kind(objective, allocated(adam, objective))
        for updates in range(8):
            if updates == 5:
                objective.x, objective.labels = objective.x.copy() * 0.5, objective.labels.copy()
            steps.take(objective.x, objective.labels, Progress(updates=updates))
        found.append(objective.theta.get())
    np.testing.assert_array_equal(*found)


def test_larger_batches_measured_in_between_change_nothing(xp, traffic, assert_recorded_alike):
    def measure(objective):
        n = len(objective.x) * 3
        x, labels = xp.zeros((n, *objective.x.shape[1:]), dtype=objective.x.dtype), xp.zeros(n, dtype="int64")
        with traffic.under("any"):
            score(objective.model, objective.loss, x, labels, batch_size=n)
        xp.zeros((64, 1024))  # takes memory that was reconstructed

    with_places = next(kind for kind in LOSSES if kind.__name__ == "SquaredError")
    assert_recorded_alike(
        lambda: objective_of(chain_of("conv", "tanh", LOSSES[with_places][0]), with_places(), xp=xp),
        between=measure,
    )


def test_smaller_batches_in_turn_are_recorded_by_themselves(xp):
    found = []
    for kind in (Eager, Recorded):
        objective = objective_of(MODELS[Sequential](), SoftmaxNLL(), xp=xp)
        steps, whole, labels = kind(objective, allocated(adam, objective)), objective.x, objective.labels
        for updates in range(10):
            few = slice(0, len(whole) - updates % 2)
            steps.take(whole[few], labels[few], Progress(updates=updates))
        found.append(objective.theta.get())
    assert isinstance(steps, Recorded)
    assert steps.replays == 10 - 2 * 2
    np.testing.assert_array_equal(*found)


def test_optimizer_that_asks_the_device_is_not_recorded_and_moves_alike(xp, traffic):
    class Asking(SGD):
        def step(self, objective, progress):
            value = objective.value_and_grad()
            assert math.isfinite(value)
            return super().step(objective, progress)

    found = []
    for kind in (Eager, Recorded):
        objective = objective_of(MODELS[Sequential](), SoftmaxNLL(), xp=xp)
        steps = kind(objective, allocated(lambda: Asking(learning_rate=0.1), objective))
        with traffic.under("any"):
            for updates in range(5):
                steps.take(objective.x, objective.labels, Progress(updates=updates))
        found.append(objective.theta.get())
    assert isinstance(steps, Recorded)
    assert steps.is_refused
    np.testing.assert_array_equal(*found)


def test_net_on_a_device_is_recorded(xp):
    objective = objective_of(MODELS[Sequential](), SoftmaxNLL(), xp=xp)
    assert isinstance(steps_for(objective, allocated(adam, objective)), Recorded)


def test_rule_without_a_fused_update_is_not_recorded_and_moves_alike(xp, monkeypatch):
    found = []
    for kind in (Recorded, Eager):
        objective = objective_of(MODELS[Sequential](), SoftmaxNLL(), xp=xp)
        steps = steps_for(objective, allocated(adam, objective))
        assert isinstance(steps, kind)
        for updates in range(UPDATES):
            steps.take(objective.x, objective.labels, Progress(updates=updates, epoch=updates))
        found.append(objective.theta.get())
        monkeypatch.setattr(Adam, "fused_update", None)
    np.testing.assert_array_equal(*found)


def test_host_is_not_recorded():
    objective = objective_of(MODELS[Sequential](), SoftmaxNLL())
    assert isinstance(steps_for(objective, allocated(adam, objective)), Eager)
