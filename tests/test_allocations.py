"""A training step in its steady state takes no memory that grows with the batch or with the model.

Memory is watched from inside the real loop, from the first batch of the second epoch to its last, incomplete one. Two
shapes of problem make every array large along one axis at least: many examples, or many units and classes.
"""

import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from mnistnn.data.batches import Batches
from mnistnn.layers.activation import ActivationLayer
from mnistnn.layers.dense import Dense
from mnistnn.losses import SoftmaxNLL
from mnistnn.models.sequential import Sequential
from mnistnn.objective import Objective
from mnistnn.optim.sgd import SGD
from mnistnn.penalties import L1, L2
from mnistnn.stopping import MaxEpochs
from mnistnn.train import RunningLoss, Training, train

# Room for views and for Python's numbers; an array with an axis of LARGE numbers of 4 bytes is larger.
BOUND_BYTES = 4096
LARGE, SMALL = 1200, 8
SHAPES = {"many examples": (LARGE, SMALL), "many units": (SMALL, LARGE)}  # batch size, units and classes


class MemoryJournal:
    """Measures how far memory rises above its level after the first batch of epoch 2, until the last batch."""

    def after_update(self, t: Training) -> None:
        if t.progress.epoch == 1 and t.progress.batch == 1:
            tracemalloc.reset_peak()
            self.level = tracemalloc.get_traced_memory()[0]
        if t.progress.epoch == 1 and t.progress.batch == 4:
            self.risen_bytes = tracemalloc.get_traced_memory()[1] - self.level

    def after_evaluation(self, t: Training) -> None:
        pass


def training_of(shape: str, order: Any = "sequential", penalties: Any = (), optimizer: Any = None) -> Training:
    """Make a training with three full batches and one of half the size, read only."""
    n, units = SHAPES[shape]
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(3 * n + n // 2, 4, 4)).astype("float32")
    labels = rng.integers(units, size=len(x))
    x.setflags(write=False)
    labels.setflags(write=False)
    layers: dict[str, Any] = {
        "hidden": Dense(units=units, activation="tanh"),
        "apart": ActivationLayer(activation="sigmoid"),
        "second": Dense(units=units, activation="relu"),
        "output": Dense(units=units),
    }
    model, loss, batches = Sequential(layers=layers), SoftmaxNLL(), Batches(size=n, order=order)
    loss.build(model.build((4, 4)), units)
    model.allocate(np, "float32")
    model.initialize(0)
    for penalty in penalties:
        penalty.build(model.slots)
    batches.bind(x, labels, seed=0)
    objective = Objective(model, loss, penalties)
    return Training(
        objective=objective,
        optimizer=optimizer or SGD(learning_rate=0.1),
        batches=batches,
        policies=[MaxEpochs(epochs=2)],
        evaluate=lambda: {"valid.error": 0.5},
        monitor="valid.error",
        best_theta=objective.theta.copy(),
        loss=RunningLoss(objective.theta),
    )


@pytest.fixture(autouse=True)
def small_buffers_inside_numpy() -> Iterator[None]:
    """Shrink the buffer of 8192 numbers that NumPy takes for each operation that broadcasts, however small or large:
    it is not of batch or parameter size, and would hide what is.
    """
    before = np.setbufsize(16)
    yield
    np.setbufsize(before)


def risen_bytes(training: Training) -> int:
    journal = MemoryJournal()
    tracemalloc.start()
    try:
        train(training, journal)
    finally:
        tracemalloc.stop()
    return journal.risen_bytes


@pytest.mark.parametrize("penalties", [[], [L1(strength=1e-4), L2(strength=1e-4, biases=True)]], ids=["plain", "L1-L2"])
@pytest.mark.parametrize("order", ["sequential", "permute"])
@pytest.mark.parametrize("shape", SHAPES)
def test_steady_state_allocates_nothing_of_batch_or_parameter_size(shape, order, penalties):
    assert risen_bytes(training_of(shape, order, penalties)) < BOUND_BYTES


class WastefulSGD(SGD):
    """Writes the step as a formula, which makes an array of the size of theta."""

    def step(self, objective, progress):
        loss = objective.loss_and_grad()
        objective.theta -= self.learning_rate * objective.grad
        return loss


def test_harness_sees_one_array_of_parameter_size():
    training = training_of("many units", optimizer=WastefulSGD(learning_rate=0.1))
    assert risen_bytes(training) >= training.objective.theta.nbytes


def test_harness_sees_one_number_per_example(monkeypatch):
    original = SoftmaxNLL.value_and_dz

    def wasteful(self, z, labels):
        labels = labels.copy()
        return original(self, z, labels)

    monkeypatch.setattr(SoftmaxNLL, "value_and_dz", wasteful)
    assert risen_bytes(training_of("many examples")) > BOUND_BYTES


def test_harness_sees_one_number_per_unit(monkeypatch):
    original = Dense.forward

    def wasteful(self, x, train):
        self.b[...] = self.b * 1.0
        return original(self, x, train)

    monkeypatch.setattr(Dense, "forward", wasteful)
    assert risen_bytes(training_of("many units")) > BOUND_BYTES
