"""What a model learns by: contrastive divergence against the exact gradient, which is a sum over all states."""

import itertools
import tracemalloc
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logsumexp

from mnistnn.losses.contrastive_divergence import ContrastiveDivergence, GrowingSteps, Sparsity
from mnistnn.losses.penalties import L1, L2
from mnistnn.models.rbm import RBM
from mnistnn.objectives.contrastive_divergence import RBMObjective
from tests.objectives.tiny import binary_images, build

N_IN, UNITS = 6, 4
V = np.array(list(itertools.product([0.0, 1.0], repeat=N_IN)))
H = np.array(list(itertools.product([0.0, 1.0], repeat=UNITS)))


def objective_of(
    loss: ContrastiveDivergence,
    penalties: Any = (),
    scale: float = 0.5,
    dtype: str = "float64",
    xp: Any = np,
    **keys: Any,
) -> RBMObjective:
    model = RBM(hidden=UNITS, **keys)
    build(model, penalties, scale, dtype, xp)
    return RBMObjective(model, loss, penalties, seed=0, updates_per_epoch=10)


def means(model: RBM, v: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return ⟨v h'⟩, ⟨h⟩, ⟨v⟩ over rows of v with these weights, end to end, h by its probabilities."""
    p = expit(v @ model.W + model.b_h)
    found: np.ndarray = np.concatenate([(v.T @ (weights[:, None] * p)).ravel(), weights @ p, weights @ v])
    return found


def exact_gradient(objective: RBMObjective, x: np.ndarray) -> np.ndarray:
    """Return the gradient of −mean log P(v): the means of the model minus those of the data."""
    model = objective.model
    log_p = logsumexp((V @ model.b_v)[:, None] + (H @ model.b_h)[None] + V @ model.W @ H.T, axis=1)
    of_model = np.exp(log_p - logsumexp(log_p))
    flat = x.reshape(len(x), -1)
    found: np.ndarray = means(model, V, of_model) - means(model, flat, np.full(len(x), 1 / len(x)))
    return found


def mean_gradient(objective: RBMObjective, x: np.ndarray, updates: int) -> np.ndarray:
    total = np.zeros_like(objective.grad)
    for update in range(updates):
        objective.set_batch(x, np.zeros(len(x)), update)
        objective.loss_and_grad()
        total += objective.grad
    found: np.ndarray = total / updates
    return found


@pytest.mark.parametrize("loss", [ContrastiveDivergence(steps=50), ContrastiveDivergence(steps=5, particles=500)])
def test_long_chains_give_the_exact_gradient(loss):
    objective = objective_of(loss)
    expected = exact_gradient(objective, x := binary_images())
    found = mean_gradient(objective, x, 200)
    assert np.abs(found - expected).max() < 0.03
    assert found @ expected / np.linalg.norm(found) / np.linalg.norm(expected) > 0.99


def test_the_longer_the_chains_the_closer_is_their_gradient_to_the_exact_one():
    errors = []
    for steps in (1, 3, 30):
        objective = objective_of(ContrastiveDivergence(steps=steps), scale=1.0)
        expected = exact_gradient(objective, x := binary_images())
        errors.append(np.linalg.norm(mean_gradient(objective, x, 300) - expected))
    assert errors[0] > 1.5 * errors[1] > 1.5 * errors[2]


def test_exact_gradient_is_that_of_the_log_likelihood():
    """By differences, so that the yardstick of the tests above is one."""
    objective = objective_of(ContrastiveDivergence())
    model, x = objective.model, binary_images()

    def nll() -> float:
        states = np.concatenate([V, x.reshape(len(x), -1)])
        log_p = logsumexp((states @ model.b_v)[:, None] + (H @ model.b_h)[None] + states @ model.W @ H.T, axis=1)
        return float(logsumexp(log_p[: len(V)]) - log_p[len(V) :].mean())

    expected, step = exact_gradient(objective, x), 1e-6
    for i in range(model.size):
        start = model.theta[i]
        model.theta[i] = start + step
        above = nll()
        model.theta[i] = start - step
        below = nll()
        model.theta[i] = start
        assert (above - below) / (2 * step) == pytest.approx(expected[i], abs=1e-7)


def test_gradient_of_a_centred_rbm_is_the_centred_one():
    """⟨(v − μ)(h − λ)'⟩, and biases that make up for it: after Montavon & Müller, computed from the plain one."""
    plain = objective_of(ContrastiveDivergence(steps=2, particles=30))
    centred = objective_of(ContrastiveDivergence(steps=2, particles=30), centred=True)
    x = binary_images()
    for objective in (plain, centred):
        objective.set_batch(x, np.zeros(len(x)), 0)
        objective.loss_and_grad()
    mu, lam = centred.model.v_mean, centred.model.h_mean
    model = plain.model
    dW = model.dW - np.outer(mu, model.db_h) - np.outer(model.db_v, lam)
    np.testing.assert_allclose(centred.model.dW, dW, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(centred.model.db_v, model.db_v - dW @ lam, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(centred.model.db_h, model.db_h - mu @ dW, rtol=1e-10, atol=1e-14)


def test_means_of_a_centred_rbm_follow_the_data():
    objective = objective_of(ContrastiveDivergence(), centred=True)
    x = binary_images()
    for update in range(2000):
        objective.set_batch(x, np.zeros(len(x)), update)
        objective.loss_and_grad()
    flat = x.reshape(len(x), -1)
    np.testing.assert_allclose(objective.model.v_mean, flat.mean(axis=0), atol=1e-6)
    hidden = expit(flat @ objective.model.W + objective.model.b_h).mean(axis=0)
    np.testing.assert_allclose(objective.model.h_mean, hidden, atol=1e-6)


def test_penalties_are_added_once_and_decay_may_be_left_to_the_rule():
    bare = objective_of(ContrastiveDivergence(steps=3))
    objective = objective_of(ContrastiveDivergence(steps=3), [L1(strength=0.1), L2(strength=0.2)])
    x = binary_images()
    for each in (bare, objective):
        each.set_batch(x, np.zeros(len(x)), 0)
        each.loss_and_grad()
    W = objective.model.W
    added = (objective.grad - bare.grad)[: W.size].reshape(W.shape)
    np.testing.assert_allclose(added, 0.1 * np.sign(W) + 0.4 * W, atol=1e-12)
    np.testing.assert_allclose((objective.grad - bare.grad)[W.size :], 0.0, atol=1e-15)
    objective.loss_and_grad(decay=False)
    np.testing.assert_allclose((objective.grad - bare.grad)[: W.size].reshape(W.shape), 0.1 * np.sign(W), atol=1e-12)


def test_sparsity_pulls_the_bias_of_a_unit_towards_its_target():
    bare = objective_of(ContrastiveDivergence())
    sparse = objective_of(ContrastiveDivergence(sparsity=Sparsity(target=0.1, strength=2.0)))
    x = binary_images()
    for each in (bare, sparse):
        each.set_batch(x, np.zeros(len(x)), 0)
        each.loss_and_grad()
    activity = expit(x.reshape(len(x), -1) @ bare.model.W + bare.model.b_h).mean(axis=0)
    np.testing.assert_allclose(sparse.model.db_h - bare.model.db_h, 2.0 * (activity - 0.1), atol=1e-12)


def test_particles_go_on_from_update_to_update_and_are_all_that_is_remembered():
    loss = ContrastiveDivergence(steps=2, particles=7)
    whole, before, after = (objective_of(loss) for _ in range(3))
    x = binary_images()
    for update in range(6):
        whole.set_batch(x, np.zeros(len(x)), update)
        whole.loss_and_grad()
        one = before if update < 3 else after
        one.set_batch(x, np.zeros(len(x)), update)
        one.loss_and_grad()
        if update == 2:
            after.state()["particles"][...] = before.state()["particles"]
    assert np.array_equal(after.grad, whole.grad)
    assert np.array_equal(after.state()["particles"], whole.state()["particles"])
    assert set(np.unique(whole.state()["particles"])) == {0.0, 1.0}
    assert objective_of(ContrastiveDivergence()).state() == {}


def test_an_update_is_random_in_itself_and_the_same_when_repeated():
    objective, x = objective_of(ContrastiveDivergence()), binary_images()
    gradients = []
    for update in (3, 4, 3):
        objective.set_batch(x, np.zeros(len(x)), update)
        objective.loss_and_grad()
        gradients.append(objective.grad.copy())
    assert np.array_equal(gradients[0], gradients[2])
    assert not np.array_equal(gradients[0], gradients[1])


def test_sampled_pixels_have_the_pixels_as_their_probabilities():
    objective = objective_of(ContrastiveDivergence(sample_pixels=True))
    x = np.broadcast_to(np.linspace(0, 1, 6).reshape(2, 3), (500, 2, 3))
    objective.set_batch(x, np.zeros(500), 0)
    drawn = objective._binary(objective.v)
    assert set(np.unique(drawn)) == {0.0, 1.0}
    np.testing.assert_allclose(drawn.mean(axis=0), np.linspace(0, 1, 6), atol=0.08)


@pytest.mark.parametrize(("epoch", "steps"), [(0, 1), (4, 2), (5, 3), (9, 4), (10, 5), (99, 5)])
def test_steps_grow_stage_by_stage(epoch, steps):
    assert ContrastiveDivergence(steps=GrowingSteps(start=1, end=5, epochs=10)).steps_in(epoch) == steps
    assert ContrastiveDivergence(steps=3).steps_in(epoch) == 3


def test_reconstruction_is_watched_of_chains_that_begin_at_the_data():
    objective, x = objective_of(ContrastiveDivergence(steps=3)), binary_images(2000)
    objective.set_batch(x, np.zeros(len(x)), 0)
    flat, model = x.reshape(len(x), -1), objective.model
    h = np.random.default_rng(0).random((len(x), UNITS)) < expit(flat @ model.W + model.b_h)
    a = h @ model.W.T + model.b_v
    expected = (np.logaddexp(0, a) - flat * a).sum(axis=1).mean()
    assert float(objective.loss_and_grad()) == pytest.approx(expected, rel=0.02)  # of other draws of h


def test_pseudo_likelihood_is_watched_of_persistent_chains():
    objective, x = objective_of(ContrastiveDivergence(particles=5)), binary_images(60)
    model, log_p = objective.model, {}
    for row, value in zip(
        V,
        logsumexp((V @ objective.model.b_v)[:, None] + (H @ model.b_h)[None] + V @ model.W @ H.T, axis=1),
        strict=True,
    ):
        log_p[tuple(row)] = value
    expected = 0.0
    for row, v in enumerate(x.reshape(60, -1)):
        flipped = v.copy()
        flipped[row % N_IN] = 1 - flipped[row % N_IN]
        expected += N_IN * (np.logaddexp(log_p[tuple(v)], log_p[tuple(flipped)]) - log_p[tuple(v)]) / 60
    objective.set_batch(x, np.zeros(60), 0)
    assert float(objective.loss_and_grad()) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("sampled", [False, True])
def test_images_of_zeros_and_ones_are_multiplied_by_the_weights_once(sampled, monkeypatch):
    """Their pseudo-likelihood, of rounded pixels, takes what is known of them; that of grey images does not."""
    objective = objective_of(ContrastiveDivergence(particles=5, sample_pixels=sampled))
    x, calls = binary_images(), list[int]()
    multiply = RBM.into_hidden

    def counted(model: RBM, v: Any, out: Any) -> None:
        calls.append(len(v))
        multiply(model, v, out)

    monkeypatch.setattr(RBM, "into_hidden", counted)
    for images, times in ((x, 1), (np.clip(x, 0.1, 0.9), 1 if sampled else 2)):
        calls.clear()
        objective.set_batch(images, np.zeros(len(x)), 0)
        objective.loss_and_grad()
        assert calls.count(len(x)) == times


@pytest.mark.parametrize("keys", [{}, {"centred": True}], ids=str)
@pytest.mark.parametrize("particles", [None, 100])
def test_an_update_takes_no_memory_of_batch_or_parameter_size(particles, keys):
    model, n = RBM(hidden=200, **keys), 100
    model.build((20, 20))
    model.allocate(np, "float32")
    model.initialize(0)
    objective = RBMObjective(model, ContrastiveDivergence(steps=2, particles=particles), [], 0, 10)
    x = np.random.default_rng(0).random((n, 20, 20)).astype("float32")
    before = np.setbufsize(16)
    try:
        for update in range(3):
            tracemalloc.start()
            tracemalloc.reset_peak()
            level = tracemalloc.get_traced_memory()[0]
            objective.set_batch(x, np.zeros(n), update)
            objective.loss_and_grad()
            risen = tracemalloc.get_traced_memory()[1] - level
    finally:
        tracemalloc.stop()
        np.setbufsize(before)
    assert risen < n * model.hidden * model.theta.itemsize / 4


@pytest.mark.parametrize("visible", ["binary", "gaussian"])
@pytest.mark.parametrize("particles", [None, 7])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradient_and_loss_have_the_dtype_of_the_parameters(visible, particles, dtype):
    objective = objective_of(
        ContrastiveDivergence(steps=2, particles=particles), dtype=dtype, visible=visible, centred=True
    )
    objective.set_batch(binary_images(dtype=dtype), np.zeros(40), 0)
    loss = objective.loss_and_grad()
    assert loss.dtype == objective.grad.dtype == np.dtype(dtype)
    assert np.isfinite(objective.grad).all()
