"""What an autoencoder learns by: its gradient against differences, its masks, and values for line searches."""

import itertools
from typing import Any, cast

import numpy as np
import pytest

from mnistnn.losses.penalties import L1, L2
from mnistnn.losses.reconstruction import Reconstruction
from mnistnn.models.autoencoder import Autoencoder
from mnistnn.objectives.gradient_check import check_array
from mnistnn.objectives.reconstruction import HiddenPixels, ReconstructionObjective
from mnistnn.optim.contract import ObjectiveContract, Progress
from mnistnn.optim.lbfgs import LBFGS
from tests.objectives.tiny import build

UNITS = 4


def objective_of(
    corruption: float = 0.0, penalties: Any = (), dtype: str = "float64", xp: Any = np, n: int = 5, **keys: Any
) -> ReconstructionObjective:
    model = Autoencoder(hidden=UNITS, **keys)
    build(model, penalties, 0.5, dtype, xp)
    objective = ReconstructionObjective(model, Reconstruction(corruption=corruption), penalties, 0, 10)
    objective.set_batch(xp.asarray(data(n, dtype)), xp.zeros(n), 0)
    return objective


def data(n: int = 5, dtype: str = "float64") -> np.ndarray:
    return np.random.default_rng(2).uniform(size=(n, 2, 3)).astype(dtype)


@pytest.mark.parametrize("n", [1, 5])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("visible", ["binary", "gaussian"])
@pytest.mark.parametrize("corruption", [0.0, 0.4])
@pytest.mark.parametrize("penalties", [(), (L1(strength=0.1), L2(strength=0.2))])
def test_gradient_is_that_of_the_value(n, tied, visible, corruption, penalties):
    objective = objective_of(corruption, penalties, n=n, tied=tied, visible=visible)
    value = objective.value_and_grad()
    mean_loss = objective.mean_loss
    assert objective.value() == pytest.approx(value, rel=1e-12)
    gradient = objective.grad.copy()
    rng = np.random.default_rng(0)
    row = check_array("theta", objective.value, objective.theta, gradient, rng, coordinates=None)
    assert row.passed, row.said
    loss = objective.loss_and_grad()
    np.testing.assert_array_equal(objective.grad, gradient)
    assert float(loss) == pytest.approx(mean_loss, rel=1e-12)


@pytest.mark.parametrize("tied", [True, False])
def test_loss_is_what_the_model_says_of_what_it_has_seen(tied):
    objective = objective_of(0.5, tied=tied)
    expected = objective.model.reconstruction_nll(data(), objective._seen).mean()
    assert float(objective.loss_and_grad()) == pytest.approx(expected, rel=1e-12)


def test_so_large_a_share_of_pixels_is_hidden_and_the_others_stay():
    objective = objective_of(0.3, n=3000)
    x, seen = data(3000).reshape(3000, 6), objective._seen
    assert np.array_equal(seen[seen != 0], x[seen != 0])
    assert (seen == 0).mean() == pytest.approx(0.3, abs=0.01)


def test_masks_are_those_of_the_update():
    objective, seen = objective_of(0.5), []
    for update in (3, 4, 3):
        objective.set_batch(data(), np.zeros(5), update)
        seen.append(objective._seen.copy())
    assert np.array_equal(seen[0], seen[2])
    assert not np.array_equal(seen[0], seen[1])


def test_without_corruption_images_are_seen_as_they_are():
    objective = objective_of()
    assert objective._seen is objective.v


def test_pixels_hidden_in_measuring_are_the_same_each_time():
    x = data(50).reshape(50, 6)
    first = HiddenPixels(0.5, seed=1).seen(x, 0).copy()
    hidden = HiddenPixels(0.5, seed=1)
    assert not np.array_equal(hidden.seen(x, 1), first)
    assert np.array_equal(hidden.seen(x, 0), first)
    assert not np.array_equal(HiddenPixels(0.5, seed=2).seen(x, 0), first)


def test_l_bfgs_brings_the_value_down_under_fixed_masks():
    objective, optimizer = objective_of(0.3), LBFGS()
    optimizer.allocate(objective.theta, objective.grad)
    values = []
    for update in range(10):
        optimizer.step(cast("ObjectiveContract", objective), Progress(updates=update, updates_per_objective=None))
        values.append(objective.value())
    assert all(later < before for before, later in itertools.pairwise(values))
    assert values[-1] < 0.9 * values[0]


@pytest.mark.parametrize("visible", ["binary", "gaussian"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradient_and_loss_have_the_dtype_of_the_parameters(visible, dtype):
    objective = objective_of(0.2, dtype=dtype, visible=visible)
    loss = objective.loss_and_grad()
    assert loss.dtype == objective.grad.dtype == np.dtype(dtype)


def test_batches_of_other_sizes_may_follow():
    objective = objective_of(0.2)
    for n in (3, 7, 5):
        objective.set_batch(data(n), np.zeros(n), n)
        assert np.isfinite(float(objective.loss_and_grad()))
        assert objective.examples == n
