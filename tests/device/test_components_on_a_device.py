"""Every part of an objective on the stand-in: it mixes with nothing of the host and gives the same bits.

The cases are those of the registries' own tests, so a new component has one here as soon as it has one there.
"""

from typing import Any

import numpy as np
import pytest

from mnistnn.losses.each_step import EachStep
from mnistnn.losses.mean_squared_error import MeanSquaredError
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.models.sequential import Sequential
from mnistnn.optim.contract import Progress
from mnistnn.tasks.mc_dropout import mean_probabilities, summed_nll
from tests import test_registry as registry
from tests import test_registry_of_training as registry_of_training
from tests.test_registry import LOSSES, MODELS, PENALTIES, chain_of, each_chain, each_dtype, each_loss
from tests.test_registry_of_training import METHODS, OPTIMIZERS, TRANSFORMS, allocated, at, fit, of


@pytest.fixture
def assert_same_bits(cupy, traffic):
    """Return a function that computes an objective on both, and compares all that comes of it."""

    def compare(make, kind, penalties=tuple, dtype="float32"):
        host, device = (registry.objective_of(make(), kind(), penalties(), dtype=dtype, xp=xp) for xp in (np, cupy))
        with traffic.under("none"):  # a step of a gradient method reads nothing
            loss = device.loss_and_grad()
        assert loss.get() == host.loss_and_grad()
        assert np.array_equal(device.grad.get(), host.grad)
        assert np.array_equal(device.values.get(), host.values)
        with traffic.under("any"):
            assert device.value_and_grad() == host.value_and_grad()
            scored = [o.loss.score(o.model.forward(o.x, train=False), o.labels) for o in (host, device)]
        assert scored[0] == scored[1]
        for objective in (host, device):
            with traffic.under("none"):
                objective.project(0.01)
        assert np.array_equal(device.values.get(), host.values)
        losses: list[Any] = [host.loss, device.loss]
        outputs = [o.model.forward(o.x, train=False) for o in (host, device)]
        probabilities = [loss.probabilities(z) for loss, z in zip(losses, outputs, strict=True)]
        assert np.array_equal(probabilities[1].get(), probabilities[0])

    return compare


@each_chain
def test_chain_gives_the_same_bits(assert_same_bits, case, f):
    assert_same_bits(lambda: chain_of(case, f), SoftmaxNLL)


@each_chain
def test_dx_of_a_chain_has_the_same_bits(cupy, case, f):
    host, device = (registry.objective_of(chain_of(case, f), SoftmaxNLL(), xp=xp) for xp in (np, cupy))
    found = []
    for objective, xp in ((host, np), (device, cupy)):
        dx = xp.asarray(np.random.default_rng(1).normal(size=objective.model.forward(objective.x, train=True).shape))
        for layer in reversed(objective.model.layers.values()):
            dx = layer.backward(dx)
        found.append(dx)
    assert np.array_equal(found[1].get(), found[0])


@each_dtype
@each_loss
def test_loss_gives_the_same_bits(assert_same_bits, kind, dtype):
    assert_same_bits(lambda: chain_of("dense", "tanh", LOSSES[kind][0]), kind, dtype=dtype)


@each_dtype
@pytest.mark.parametrize("kind", LOSSES, ids=lambda kind: kind.__name__)
def test_weighted_loss_gives_the_same_bits(assert_same_bits, kind, dtype):
    weights = [0.5, 0.0, 3.0][-LOSSES[kind][1] :]
    assert_same_bits(
        lambda: chain_of("dense", "tanh", LOSSES[kind][0]), lambda: kind(class_weights=weights), dtype=dtype
    )


@each_dtype
@pytest.mark.parametrize("weights", [None, [0.5, 0.0, 3.0]], ids=["alike", "weighted"])
def test_smoothed_loss_gives_the_same_bits(assert_same_bits, weights, dtype):
    assert_same_bits(MODELS[Sequential], lambda: SoftmaxNLL(class_weights=weights, label_smoothing=0.2), dtype=dtype)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_penalty_gives_the_same_bits(assert_same_bits, penalty):
    assert_same_bits(MODELS[Sequential], SoftmaxNLL, lambda: [PENALTIES[penalty]()])


@of(OPTIMIZERS)
def test_optimizer_moves_with_the_same_bits_and_reads_nothing(cupy, traffic, make):
    host, device = registry_of_training.objective_of(), registry_of_training.objective_of(xp=cupy)
    for objective in (host, device):
        optimizer = allocated(make, objective)
        with traffic.under("none"):
            for i in range(6):
                optimizer.step(objective, Progress(updates=i))
    assert np.array_equal(device.theta.get(), host.theta)


@of(METHODS)
def test_method_moves_with_the_same_bits(cupy, traffic, make):
    """It reads what it asks for, and nothing behind the stand-in's back."""
    host, device = registry_of_training.objective_of(), registry_of_training.objective_of(xp=cupy)
    for objective in (host, device):
        optimizer = allocated(make, objective)
        with traffic.under("any"):
            for i in range(6):
                optimizer.step(objective, at(i))
    assert np.array_equal(device.theta.get(), host.theta)


@of(TRANSFORMS)
def test_transform_gives_the_same_bits(cupy, make):
    x, given = np.random.default_rng(5).random((50, 2, 3)), []
    for xp in (np, cupy):
        transform, images = make(), xp.asarray(x.copy())
        transform.build(x.shape[1:])
        fit(transform, images)
        given.append(transform.apply(images))
    np.testing.assert_array_equal(given[1].get(), given[0])


@each_loss
def test_sampled_masks_give_the_same_probabilities(cupy, traffic, kind):
    given = []
    for xp in (np, cupy):
        o = registry.objective_of(chain_of("dropout", "tanh", LOSSES[kind][0]), kind(), xp=xp)
        loss: Any = o.loss
        p = mean_probabilities(o.model, loss, o.x, samples=3)
        with traffic.under("any"):
            given.append((p if xp is np else p.get(), summed_nll(p, o.labels) if p.shape[1] > 1 else 0.0))
    assert np.array_equal(given[0][0], given[1][0])
    np.testing.assert_array_equal(given[0][1], given[1][1])


@pytest.mark.parametrize("of_numbers", [False, True])
def test_losses_of_sequences_give_the_same_bits(cupy, traffic, of_numbers):
    rng, found = np.random.default_rng(0), []
    z, labels = rng.normal(size=(4, 5, 3)), rng.integers(-1, 3, size=(4, 5))
    numbers = np.where(rng.random((4, 5, 3)) < 0.2, np.nan, z + 1.0)
    for xp in (np, cupy):
        loss: Any = MeanSquaredError() if of_numbers else EachStep(SoftmaxNLL())
        loss.build((5, 3), (5, 3) if of_numbers else 3)
        with traffic.under("none"):
            value, dz = loss.value_and_dz(xp.asarray(z), xp.asarray(numbers if of_numbers else labels))
        found.append([value, dz] if xp is np else [value.get(), dz.get()])
    for host, device in zip(*found, strict=True):
        np.testing.assert_allclose(device, host, rtol=1e-14)
