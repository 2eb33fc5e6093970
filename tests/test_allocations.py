"""A training step in its steady state takes no memory that grows with the batch or with the model.

Memory is watched from inside the real loop, from the first batch of an epoch to its last, incomplete one. Two
shapes of problem make every array large along one axis at least: many examples, or many units and classes. Two models
have every layer; the leaky ReLU and the softplus, whose working memory is a small block, have a test of their own.
"""

import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any, get_args

import numpy as np
import pytest

from mnistnn.backend import jit
from mnistnn.data.batches import Batches
from mnistnn.kernels import dropout, image_loops
from mnistnn.layers.activation_layer import ActivationLayer
from mnistnn.layers.activations import ACTIVATIONS
from mnistnn.layers.batch_norm import BatchNorm
from mnistnn.layers.conv import Conv
from mnistnn.layers.dense import Dense
from mnistnn.layers.dropconnect import DropConnect
from mnistnn.layers.dropout import Dropout
from mnistnn.layers.flatten import Flatten
from mnistnn.layers.gru import GRU
from mnistnn.layers.initializers import Identity
from mnistnn.layers.lstm import LSTM
from mnistnn.layers.pool import Pool
from mnistnn.layers.recurrent import Recurrent
from mnistnn.losses.binary_nll import BinaryNLL
from mnistnn.losses.penalties import L1, L2
from mnistnn.losses.perceptron import Perceptron
from mnistnn.losses.sigmoid_normalized_nll import SigmoidNormalizedNLL
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.losses.squared_error import SquaredError
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.supervised import Objective
from mnistnn.optim import Rule, rule
from mnistnn.optim.rule import BLOCK
from mnistnn.optim.sgd import SGD
from mnistnn.stopping.limits import MaxEpochs
from mnistnn.training.loop import RunningLoss, Training, train

# Room for views and for Python's numbers; an array with an axis of LARGE numbers of 4 bytes is larger.
BOUND_BYTES = 4096
LARGE, SMALL = 1200, 8
SHAPES = {"many examples": (LARGE, SMALL), "many units": (SMALL, LARGE)}  # batch size, units and classes
NEITHER = {"few of both": (SMALL, SMALL)}


class MemoryCheckpointing:
    """Measures how far memory rises above its level after the first batch of an epoch, until the last batch.

    Of the epochs after the first, the one in which it rises least counts: what a step takes it takes in each of them,
    while what Python takes for itself now and then, it does not. Memory is not traced before that: the
    compilation of loops would take half a minute.
    """

    risen_bytes = 1 << 62

    def after_update(self, t: Training) -> None:
        if t.progress.epoch >= 1 and t.progress.batch == 1:
            tracemalloc.start()  # nothing, if it is traced already
            tracemalloc.reset_peak()
            self.level = tracemalloc.get_traced_memory()[0]
        if t.progress.epoch >= 1 and t.progress.batch == 4:
            self.risen_bytes = min(self.risen_bytes, tracemalloc.get_traced_memory()[1] - self.level)

    def after_evaluation(self, t: Training) -> None:
        pass

    def after_epoch(self, t: Training) -> None:
        pass


def layers_of(units: int, outputs: int) -> dict[str, Any]:
    """Every kind of layer, every constraint, and every activation that works in place.

    No matrix has two large axes: one tells as much, and takes no seconds.
    """
    return {
        "inputs": Dropout(keep=0.8),
        "hidden": Dense(units=units, activation="tanh", max_norm=1.0),
        "units": Dropout(keep=0.5),
        "apart": ActivationLayer(activation="sigmoid"),
        "few": Dense(units=SMALL),
        "second": DropConnect(units=units, activation="relu", keep=0.5),
        "third": DropConnect(units=SMALL, activation="scaled_tanh", keep=0.5, per_example=units == SMALL),
        "output": Dense(units=outputs),
    }


def layers_for_images(units: int, outputs: int) -> dict[str, Any]:
    """Every kind of layer for images, and those that treat images in a way of their own."""
    return {
        "pooled": Conv(maps=SMALL, kernel=2, padding=1, pool=2, activation="tanh", flipped=True),
        "normal": BatchNorm(),
        "bent": ActivationLayer(activation="relu"),
        "maps": Dropout(keep=0.8, whole_maps=True),
        "wide": Conv(maps=units, kernel=2, padding=1),
        "largest": Pool(size=2, stride=1),
        "mean": Pool(size="whole", reduce="mean"),
        "rows": Flatten(),
        "few": Dense(units=SMALL),
        "normal_units": BatchNorm(),
        "output": Dense(units=outputs),
    }


def layers_through_time(units: int, outputs: int) -> dict[str, Any]:
    """Every recurrent layer, upon each other. Orthogonal matrices would be half of the time to draw."""
    plain, units = Identity(), min(units, LARGE // 2)
    return {
        "simple": Recurrent(units=units, output="every", recurrent_init=plain),
        "lstm": LSTM(units=units, output="every", peepholes=True, bidirectional=True, recurrent_init=plain),
        "gru": GRU(units=units, truncate=3, recurrent_init=plain),
        "output": Dense(units=outputs),
    }


def training_of(
    shape: str,
    order: Any = "sequential",
    penalties: Any = (),
    optimizer: Any = None,
    loss: Any = None,
    layers: Callable[[int, int], dict[str, Any]] = layers_of,
    **keys: Any,
) -> Training:
    """Make a training with three full batches and one of half the size, read only."""
    n, units = (SHAPES | NEITHER)[shape]
    loss = loss or SoftmaxNLL()
    outputs, classes = (1, 2) if isinstance(loss, (BinaryNLL, Perceptron)) else (units, units)
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(3 * n + n // 2, 4, 4)).astype("float32")
    labels = rng.integers(classes, size=len(x))
    x.setflags(write=False)
    labels.setflags(write=False)
    model, batches = Sequential(layers=layers(units, outputs)), Batches(size=n, order=order, **keys)
    loss.build(model.build((4, 4)), classes)
    model.allocate(np, "float32")
    model.initialize(0)
    for penalty in penalties:
        penalty.build(model.slots)
    batches.bind(x, labels, seed=0)
    objective, optimizer = Objective(model, loss, penalties), optimizer or SGD(learning_rate=0.1)
    optimizer.allocate(objective.theta, objective.grad)
    return Training(
        objective=objective,
        optimizer=optimizer,
        batches=batches,
        policies=[MaxEpochs(epochs=4)],
        evaluate=lambda t: {"valid.error": 0.5},
        monitor="valid.error",
        best_values=objective.values.copy(),
        loss=RunningLoss(objective.theta),
    )


@pytest.fixture(autouse=True)
def small_buffers(monkeypatch) -> Iterator[None]:
    """Shrink what is not of batch or parameter size, and would hide what is: the buffer of 8192 numbers that NumPy
    takes for each operation that broadcasts, however small or large, and the block in which masks are drawn.
    """
    monkeypatch.setattr(dropout, "BLOCK", 256)
    before = np.setbufsize(16)
    yield
    np.setbufsize(before)


def risen_bytes(training: Training) -> int:
    checkpointing = MemoryCheckpointing()
    try:
        train(training, checkpointing)
    finally:
        tracemalloc.stop()
    return checkpointing.risen_bytes


PENALTIES: dict[str, list[Any]] = {
    "plain": [],
    "L1-L2": [L1(strength=1e-4), L2(strength=1e-4, biases=True)],
    "proximal": [L1(strength=1e-4, proximal=True, biases=True)],
}


@pytest.mark.parametrize("penalties", PENALTIES)
@pytest.mark.parametrize("order", ["sequential", "permute"])
@pytest.mark.parametrize("shape", SHAPES)
def test_steady_state_allocates_nothing_of_batch_or_parameter_size(shape, order, penalties):
    assert risen_bytes(training_of(shape, order, PENALTIES[penalties])) < BOUND_BYTES


@pytest.mark.parametrize("compiled", [False, True], ids=["NumPy", "Numba"])
@pytest.mark.parametrize("shape", SHAPES)
def test_layers_for_images_allocate_nothing_of_batch_or_parameter_size(shape, compiled, monkeypatch):
    if compiled:
        pytest.importorskip("numba")
    monkeypatch.setattr(image_loops, "are_worth_it", lambda x: compiled)
    large, small = (risen_bytes(training_of(of, layers=layers_for_images)) for of in (shape, *NEITHER))
    assert large - small < BOUND_BYTES  # so many layers take more than one array would for their views alone


@pytest.mark.parametrize("shape", SHAPES)
def test_layers_through_time_allocate_nothing_of_batch_or_parameter_size(shape):
    large, small = (risen_bytes(training_of(of, layers=layers_through_time)) for of in (shape, *NEITHER))
    # An array of a step has two axes, and is larger than that, too. More examples are more pieces, each with its views.
    assert large - small < (4 if shape == "many examples" else 2) * BOUND_BYTES


@pytest.mark.parametrize("loss", [SigmoidNormalizedNLL, BinaryNLL, SquaredError, Perceptron])
@pytest.mark.parametrize("shape", SHAPES)
def test_losses_allocate_nothing_of_batch_or_class_size(shape, loss):
    assert risen_bytes(training_of(shape, loss=loss())) < BOUND_BYTES


@pytest.mark.parametrize(
    "layers", [lambda _, outputs: {"output": Dense(units=outputs)}, layers_of], ids=["step", "loss"]
)
@pytest.mark.parametrize("shape", SHAPES)
def test_compiled_softmax_allocates_nothing_of_batch_or_class_size(shape, layers):
    pytest.importorskip("numba")
    with jit.Compiled(wanted=True).in_use():
        assert risen_bytes(training_of(shape, layers=layers)) < BOUND_BYTES


def three_blocks_of_parameters(units: int, outputs: int) -> dict[str, Any]:
    return {"narrow": Dense(units=3 * BLOCK // LARGE), "output": Dense(units=outputs)}


@pytest.mark.parametrize(
    ("clip_norm", "compiled"), [(None, False), (0.01, False), (None, True)], ids=["", "clipped", "compiled"]
)
@pytest.mark.parametrize("kind", get_args(Rule))
def test_optimizers_allocate_nothing_of_block_or_parameter_size(kind, clip_norm, compiled, monkeypatch):
    if compiled:
        pytest.importorskip("numba")
    monkeypatch.setattr(rule, "is_available", lambda: compiled)
    monkeypatch.setattr(rule, "FUSED_ABOVE", 0)
    optimizer = kind(learning_rate=0.01, clip_norm=clip_norm)
    training = training_of("many units", optimizer=optimizer, layers=three_blocks_of_parameters)
    assert training.objective.theta.size > 2 * BLOCK
    assert risen_bytes(training) < BOUND_BYTES


@pytest.mark.parametrize("name", ["leaky_relu", "softplus"])
def test_activations_with_working_memory_take_one_block_of_it(name):
    z = np.random.default_rng(0).normal(size=(10, BLOCK))
    tracemalloc.start()
    try:
        ACTIVATIONS[name].forward(z)
        ACTIVATIONS[name].backward(z, z.copy())
        risen = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert risen < z.nbytes + 2 * BLOCK * z.itemsize


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
