"""Compiled steps of softmax regression: the bits of those that layer, loss and rule take, and when they are taken."""

import numpy as np
import pytest

from mnistnn.backend import threads
from mnistnn.backend.handover import addresses_of_blas
from mnistnn.backend.jit import Compiled
from mnistnn.layers.dense import Dense
from mnistnn.losses.penalties import L1, L2
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.supervised import Objective
from mnistnn.optim.contract import Progress
from mnistnn.optim.momentum import Momentum
from mnistnn.optim.schedules import InverseTime
from mnistnn.optim.sgd import SGD
from mnistnn.training.softmax_step import SoftmaxSteps
from mnistnn.training.steps import Eager, SmallSteps, steps_for

pytest.importorskip("numba")
IN, CLASSES = (6, 5), 4


@pytest.fixture(autouse=True)
def loops():
    """Compile loops, as a run that wants them."""
    compiled = Compiled(wanted=True)
    if not compiled.enabled:
        pytest.skip("NUMBA_DISABLE_JIT")
    if not addresses_of_blas():
        pytest.skip("NumPy's BLAS has functions of other names")
    with compiled.in_use():
        yield


def regression(dtype="float32", penalties=(), optimizer=None, loss=None, layers=None, classes=CLASSES, chunk=None):
    """Return an objective and its optimizer."""
    model, loss = Sequential(layers=layers or {"output": Dense(units=classes)}), loss or SoftmaxNLL()
    loss.build(model.build(IN), classes)
    model.allocate(np, dtype)
    model.initialize(0)
    for penalty in penalties:
        penalty.build(model.slots)
    objective = Objective(model, loss, penalties, chunk)
    optimizer = optimizer or SGD(learning_rate=InverseTime(start=0.5, decay=0.1))
    optimizer.allocate(objective.theta, objective.grad)
    return objective, optimizer


def path_of(steps, objective, sizes, labels_dtype="int64"):
    """Return theta after each step, and each loss."""
    rng, found = np.random.default_rng(3), []
    for t, n in enumerate(sizes):
        x = rng.normal(size=(n, *IN)).astype(objective.theta.dtype)
        labels = rng.integers(objective.model.outputs, size=n).astype(labels_dtype)
        x.setflags(write=False)
        loss = steps.take(x, labels, Progress(updates=t, batch=t))
        found.append((objective.theta.tobytes(), np.asarray(loss).tobytes()))
    return found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "penalties",
    [(), (L2(strength=0.01),), (L2(strength=0.01, biases=True, reduce="mean"),)],
    ids=["plain", "L2", "L2 of biases too"],
)
@pytest.mark.parametrize("classes", [2, 4, 11])
def test_steps_give_the_bits_of_those_of_layer_loss_and_rule(dtype, penalties, classes, monkeypatch):
    sizes = [20, 20, 7, 20, 2, 3, 100, 256, 129]
    objective, optimizer = regression(dtype, penalties, classes=classes)
    found = path_of(steps_for(objective, optimizer), objective, sizes, "uint8")
    assert objective.passed == sum(sizes)
    objective, optimizer = regression(dtype, penalties, classes=classes)
    with Compiled(wanted=False).in_use():
        expected = path_of(Eager(objective, optimizer), objective, sizes)
    assert found == expected


def test_number_of_threads_changes_no_bit():
    paths = []
    for most in (1, 3):
        objective, optimizer = regression()
        with threads.allowed(most):
            paths.append(path_of(steps_for(objective, optimizer), objective, [20, 20, 5]))
    assert paths[0] == paths[1]


@pytest.mark.parametrize("n", [1, 257, 600])
def test_other_batches_are_left_to_layer_loss_and_rule(n):
    paths = []
    for made in (steps_for, Eager):
        objective, optimizer = regression()
        steps = made(objective, optimizer)
        paths.append(path_of(steps, objective, [n, n]))
    assert paths[0] == paths[1]
    assert not SoftmaxSteps(objective, optimizer).can_take(np.zeros((n, *IN), "float32"), np.zeros(n, "int64"))


def test_batch_of_few_is_taken_unless_loops_are_not_wanted():
    steps = SoftmaxSteps(*regression())
    x, labels = np.zeros((20, *IN), "float32"), np.zeros(20, "int64")
    assert steps.can_take(x, labels)
    assert not steps.can_take(np.zeros((20, *IN[::-1]), "float32").transpose(0, 2, 1), labels)
    with Compiled(wanted=False).in_use():
        assert not steps.can_take(x, labels)


def test_large_product_is_left_to_the_workers(monkeypatch):
    monkeypatch.setattr("mnistnn.training.softmax_step.CUT_FROM", (20 * 30 * CLASSES,))
    steps, labels = SoftmaxSteps(*regression()), np.zeros(20, "int64")
    assert not steps.can_take(np.zeros((20, *IN), "float32"), labels)
    assert steps.can_take(np.zeros((19, *IN), "float32"), labels[:19])


@pytest.mark.parametrize(
    "keys",
    [
        {"optimizer": Momentum(learning_rate=0.1)},
        {"optimizer": SGD(learning_rate=0.1, clip_norm=1.0)},
        {"loss": SoftmaxNLL(label_smoothing=0.1)},
        {"loss": SoftmaxNLL(class_weights=[1.0, 2.0, 1.0, 1.0])},
        {"penalties": [L1(strength=0.1)]},
        {"penalties": [L1(strength=0.1), L2(strength=0.1)]},
        {"penalties": [L2(strength=0.1), L1(strength=0.1, proximal=True)]},
        {"layers": {"output": Dense(units=CLASSES, activation="tanh")}},
        {"layers": {"output": Dense(units=CLASSES, max_norm=1.0)}},
        {"layers": {"hidden": Dense(units=5), "output": Dense(units=CLASSES)}},
        {"chunk": 10},
    ],
    ids=lambda keys: str(keys)[:40],
)
def test_anything_else_is_no_softmax_regression(keys):
    assert SoftmaxSteps.fits(*regression())
    objective, optimizer = regression(**keys)
    assert not SoftmaxSteps.fits(objective, optimizer)
    assert isinstance(steps_for(objective, optimizer), Eager)


class _SGD(SGD):
    """Somebody's own rule."""


def test_rule_that_extends_descent_moves_theta_itself():
    assert not SoftmaxSteps.fits(*regression(optimizer=_SGD(learning_rate=0.1)))
    assert isinstance(steps_for(*regression()), SmallSteps)
