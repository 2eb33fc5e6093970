"""What a Boltzmann machine learns by, against the exact gradient, which is a sum over all states."""

import itertools
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logsumexp

from mnistnn.kernels.boltzmann import sweep
from mnistnn.losses.contrastive_divergence import ContrastiveDivergence, Sparsity
from mnistnn.losses.penalties import L2
from mnistnn.models.boltzmann import Boltzmann
from mnistnn.objectives.boltzmann import BoltzmannObjective
from tests.objectives.tiny import binary_images, build

N_IN = 6
each_size = pytest.mark.parametrize("hidden", [0, 3])


def objective_of(
    loss: ContrastiveDivergence,
    hidden: int = 0,
    penalties: Any = (),
    scale: float = 0.5,
    dtype: str = "float64",
    xp: Any = np,
) -> BoltzmannObjective:
    model = Boltzmann(hidden=hidden)
    build(model, penalties, scale, dtype, xp)
    return BoltzmannObjective(model, loss, penalties, seed=0, updates_per_epoch=10)


def states(count: int) -> np.ndarray:
    return np.array(list(itertools.product([0.0, 1.0], repeat=count)))


def joint(model: Boltzmann) -> tuple[np.ndarray, np.ndarray]:
    """Return all states and their probabilities."""
    W, b = model.connections()
    x = states(model.units)
    minus_energy = x @ b + 0.5 * ((x @ W) * x).sum(axis=1)
    return x, np.exp(minus_energy - logsumexp(minus_energy))


def exact_gradient(objective: BoltzmannObjective, x: np.ndarray) -> np.ndarray:
    """Return the gradient of −mean log P(v): ⟨xᵢ xⱼ⟩ of the model minus that of the data, with P(h | v)."""
    model = objective.model
    everything, p = joint(model)
    rows = [tuple(row) for row in everything[:, :N_IN]]
    pairs, units = np.zeros((model.units, model.units)), np.zeros(model.units)
    for v in x.reshape(len(x), -1):
        given = p * np.array([row == tuple(v) for row in rows])
        given /= given.sum()
        pairs -= (everything.T * given) @ everything / len(x)
        units -= given @ everything / len(x)
    pairs += (everything.T * p) @ everything
    units += p @ everything
    kept = model.grad.copy()
    model.write_gradient(pairs, units)
    found: np.ndarray = model.grad.copy()
    model.grad[...] = kept
    return found


def nll(model: Boltzmann, x: np.ndarray) -> float:
    every = model.free_energy(states(N_IN).reshape(-1, 2, 3))
    return float(model.free_energy(x).mean() + logsumexp(-every))


def mean_gradient(objective: BoltzmannObjective, x: np.ndarray, updates: int) -> np.ndarray:
    total = np.zeros_like(objective.grad)
    for update in range(updates):
        objective.set_batch(x, np.zeros(len(x)), update)
        objective.loss_and_grad()
        total += objective.grad
    found: np.ndarray = total / updates
    return found


@each_size
def test_exact_gradient_is_that_of_the_log_likelihood(hidden):
    """By differences, so that the yardstick of the tests below is one. Each pair counts once."""
    objective = objective_of(ContrastiveDivergence(), hidden)
    model, x, step = objective.model, binary_images(), 1e-6
    expected = exact_gradient(objective, x)
    for i in range(model.size):
        start = model.theta[i]
        model.theta[i] = start + step
        above = nll(model, x)
        model.theta[i] = start - step
        below = nll(model, x)
        model.theta[i] = start
        assert (above - below) / (2 * step) == pytest.approx(expected[i], abs=1e-7)


@each_size
@pytest.mark.parametrize("loss", [ContrastiveDivergence(steps=40), ContrastiveDivergence(steps=10, particles=300)])
def test_long_chains_give_the_exact_gradient(hidden, loss):
    objective = objective_of(loss, hidden)
    expected = exact_gradient(objective, x := binary_images())
    found = mean_gradient(objective, x, 100)
    assert np.abs(found - expected).max() < 0.03
    assert found @ expected / np.linalg.norm(found) / np.linalg.norm(expected) > 0.99


def test_gradient_of_the_slides_has_the_other_sign():
    """With P ∝ exp(−x'Wx − x'b) as they write it, learning goes by ⟨xᵢ xⱼ⟩ of the model minus that of the data, for W
    upside down: moving against our gradient is moving along theirs.
    """
    objective = objective_of(ContrastiveDivergence(), 2)
    model, x = objective.model, binary_images()
    gradient, before = exact_gradient(objective, x), nll(model, x)
    model.theta -= 0.01 * gradient
    assert nll(model, x) < before
    model.theta += 0.02 * gradient
    assert nll(model, x) > before


@each_size
def test_sweeps_leave_the_distribution_of_the_model_as_it_is(hidden):
    model = objective_of(ContrastiveDivergence(), hidden).model
    (W, b), (x, p), rng = model.connections(), joint(model), np.random.default_rng(3)
    chains = x[rng.choice(len(x), size=20_000, p=p)].T.copy()
    for _ in range(3):
        u = rng.random(chains.shape)
        sweep(chains, W, b, range(model.units), u, np.empty((1, chains.shape[1])))
    found = np.bincount((chains.T @ (1 << np.arange(model.units)[::-1])).astype(int), minlength=len(x)) / 20_000
    assert np.abs(found - p).max() < 0.012


def test_sweep_draws_each_unit_given_the_present_state_of_all_others():
    rng = np.random.default_rng(0)
    W = rng.normal(size=(4, 4))
    W = W + W.T
    np.fill_diagonal(W, 0.0)
    b, u, x = rng.normal(size=4), rng.random((3, 5)), (rng.random((4, 5)) < 0.5).astype(float)
    expected = x.copy()
    for chain in range(5):
        for place, i in enumerate((0, 2, 3)):
            expected[i, chain] = u[place, chain] < expit(W[i] @ expected[:, chain] + b[i])
    sweep(x, W, b, (0, 2, 3), u, np.empty((1, 5)))
    np.testing.assert_array_equal(x, expected)


def test_watched_is_minus_the_pseudo_likelihood_of_a_fully_visible_boltzmann_machine():
    objective, x = objective_of(ContrastiveDivergence()), binary_images()
    objective.set_batch(x, np.zeros(40), 0)
    expected = objective.model.pixels_nll(x.reshape(40, -1)).mean()
    assert float(objective.loss_and_grad()) == pytest.approx(expected, rel=1e-10)


def test_particles_go_on_from_update_to_update_and_are_states():
    objective, x = objective_of(ContrastiveDivergence(particles=7), hidden=2), binary_images()
    assert objective.state()["particles"].shape == (8, 7)
    assert not objective.state()["particles"].any()
    seen = []
    for update in range(2):
        objective.set_batch(x, np.zeros(40), update)
        objective.loss_and_grad()
        seen.append(objective.state()["particles"].copy())
    assert set(np.unique(seen)) == {0.0, 1.0}
    assert not np.array_equal(*seen)
    assert objective_of(ContrastiveDivergence()).state() == {}


@each_size
def test_an_update_is_random_in_itself_and_the_same_when_repeated(hidden):
    objective, x = objective_of(ContrastiveDivergence(), hidden), binary_images()
    gradients = []
    for update in (3, 4, 3):
        objective.set_batch(x, np.zeros(len(x)), update)
        objective.loss_and_grad()
        gradients.append(objective.grad.copy())
    assert np.array_equal(gradients[0], gradients[2])
    assert not np.array_equal(gradients[0], gradients[1])


def test_penalties_and_sparsity_are_added():
    x, loss = binary_images(), ContrastiveDivergence()
    bare, objective = objective_of(loss, 3), objective_of(loss, 3, [L2(strength=0.2)])
    sparse = objective_of(ContrastiveDivergence(sparsity=Sparsity(target=0.1, strength=2.0)), 3)
    for each in (bare, objective, sparse):
        each.set_batch(x, np.zeros(40), 0)
        each.loss_and_grad()
    assert np.allclose(objective.grad - bare.grad, 0.4 * bare.theta * (objective.grad != bare.grad), rtol=1e-9)
    change = objective.model.views(sparse.grad - bare.grad)
    assert np.abs(change.pop("hidden.b")).min() > 0.01
    assert not any(array.any() for array in change.values())


def test_pixels_are_drawn_where_that_is_asked_for():
    objective = objective_of(ContrastiveDivergence(sample_pixels=True))
    x = np.broadcast_to(np.linspace(0, 1, 6).reshape(2, 3), (400, 2, 3))
    objective.set_batch(x, np.zeros(400), 0)
    objective.loss_and_grad()
    drawn = objective._room("x", 6, 800)[:, :400]
    assert set(np.unique(drawn)) == {0.0, 1.0}
    np.testing.assert_allclose(drawn.mean(axis=1), np.linspace(0, 1, 6), atol=0.08)


@each_size
@pytest.mark.parametrize("particles", [None, 7])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradient_and_loss_have_the_dtype_of_the_parameters(hidden, particles, dtype):
    objective = objective_of(ContrastiveDivergence(steps=2, particles=particles), hidden, dtype=dtype)
    objective.set_batch(binary_images(dtype=dtype), np.zeros(40), 0)
    loss = objective.loss_and_grad()
    assert loss.dtype == objective.grad.dtype == np.dtype(dtype)
    assert np.isfinite(objective.grad).all()
