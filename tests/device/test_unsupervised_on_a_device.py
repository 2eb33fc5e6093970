"""Unsupervised models on the stand-in: the same bits, and nothing mixed with the host's."""

import numpy as np
import pytest

from mnistnn.losses.contrastive_divergence import ContrastiveDivergence
from mnistnn.losses.penalties import L2
from tests.objectives import test_boltzmann, test_reconstruction
from tests.objectives.test_contrastive_divergence import objective_of
from tests.objectives.tiny import binary_images


@pytest.fixture(params=["stand-in", pytest.param("gpu", marks=pytest.mark.gpu)])
def xp(request):
    return request.getfixturevalue("cupy") if request.param == "stand-in" else pytest.importorskip("cupy")


@pytest.mark.parametrize("visible", ["binary", "gaussian"])
@pytest.mark.parametrize("particles", [None, 7])
def test_an_rbm_learns_alike(xp, visible, particles):
    divergence = ContrastiveDivergence(steps=2, particles=particles, sample_pixels=visible == "binary")
    x, values, watched = binary_images(), [], []
    for module in (np, xp):
        objective = objective_of(divergence, [L2(strength=0.1)], xp=module, visible=visible, centred=True)
        for update in range(3):
            objective.set_batch(module.asarray(x), module.asarray(np.zeros(40)), update)
            loss = objective.loss_and_grad()
            watched.append(float(loss if module is np else loss.get()))
            objective.theta -= 0.1 * objective.grad
        values.append(objective.values if module is np else objective.values.get())
    np.testing.assert_allclose(values[1], values[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(watched[3:], watched[:3], rtol=1e-9)


@pytest.mark.parametrize("visible", ["binary", "gaussian"])
def test_an_rbm_measures_alike(xp, visible):
    x, found = binary_images(), []
    for module in (np, xp):
        model = objective_of(ContrastiveDivergence(), xp=module, visible=visible).model
        v = module.asarray(x)
        measured = [model.free_energy(v), model.reconstruction_nll(v)]
        if visible == "binary":
            measured.append(model.pixel_nll(v.reshape(40, -1), np.arange(40) % 6))
        found.append([each if module is np else each.get() for each in measured])
    for host, device in zip(*found, strict=True):
        np.testing.assert_allclose(device, host, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("hidden", [0, 3])
@pytest.mark.parametrize("particles", [None, 7])
def test_a_boltzmann_machine_learns_alike(xp, hidden, particles):
    divergence = ContrastiveDivergence(steps=2, particles=particles, sample_pixels=True)
    x, values, watched = binary_images(), [], []
    for module in (np, xp):
        objective = test_boltzmann.objective_of(divergence, hidden, [L2(strength=0.1)], xp=module)
        for update in range(3):
            objective.set_batch(module.asarray(x), module.asarray(np.zeros(40)), update)
            loss = objective.loss_and_grad()
            watched.append(float(loss if module is np else loss.get()))
            objective.theta -= 0.1 * objective.grad
        values.append(objective.values if module is np else objective.values.get())
    np.testing.assert_allclose(values[1], values[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(watched[3:], watched[:3], rtol=1e-9)


@pytest.mark.parametrize("hidden", [0, 3])
def test_a_boltzmann_machine_measures_alike(xp, hidden):
    x, found = binary_images(), []
    for module in (np, xp):
        model = test_boltzmann.objective_of(ContrastiveDivergence(), hidden, xp=module).model
        v = module.asarray(x)
        measured = [model.free_energy(v), model.pixel_nll(v.reshape(40, -1), np.arange(40) % 6)]
        found.append([each if module is np else each.get() for each in measured])
    for host, device in zip(*found, strict=True):
        np.testing.assert_allclose(device, host, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("visible", ["binary", "gaussian"])
@pytest.mark.parametrize("corruption", [0.0, 0.3])
def test_an_autoencoder_learns_and_measures_alike(xp, tied, visible, corruption):
    measured, losses = [], []
    for module in (np, xp):
        objective = test_reconstruction.objective_of(corruption, xp=module, tied=tied, visible=visible)
        v = objective.v
        for update in range(3):
            objective.set_batch(v, module.asarray(np.zeros(5)), update)
            loss = objective.loss_and_grad()
            losses.append(float(loss if module is np else loss.get()))
            objective.theta -= 0.1 * objective.grad
        found = [objective.values, objective.model.reconstruction_nll(v)]
        measured.append([each if module is np else each.get() for each in found])
    for host, device in zip(*measured, strict=True):
        np.testing.assert_allclose(device, host, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(losses[3:], losses[:3], rtol=1e-9)
