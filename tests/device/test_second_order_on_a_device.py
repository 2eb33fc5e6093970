"""Gauss–Newton products, diagonals and matrices on the stand-in: the same bits, and nothing mixed with the host's."""

import numpy as np
import pytest

from mnistnn.backend.arrays import to_host
from mnistnn.losses.softmax_nll import SoftmaxNLL
from tests.objectives.test_gauss_newton import each_loss, offering
from tests.test_registry import LOSSES, chain_of, objective_of


@pytest.fixture(params=["stand-in", pytest.param("gpu", marks=pytest.mark.gpu)])
def xp(request):
    return request.getfixturevalue("cupy") if request.param == "stand-in" else pytest.importorskip("cupy")


@pytest.fixture
def assert_alike(xp):
    """Return a function that computes on both what a function of an objective and an array to write to computes."""

    def compare(make, compute, kind=SoftmaxNLL, of_host=False):
        found = []
        for module in (np, xp):
            objective = objective_of(make(), kind(), xp=module)
            size = objective.theta.size
            out = np.empty((size, size)) if of_host else module.empty(size)
            compute(objective, module, out)
            found.append(to_host(out))
        np.testing.assert_allclose(found[1], found[0], rtol=1e-9, atol=1e-12)

    return compare


def product(objective, xp, out):
    v = xp.asarray(np.random.default_rng(8).normal(size=objective.theta.size))
    multiply = objective.gauss_newton.products(slice(0, 4))
    multiply(v, out)
    multiply(v, out)


def diagonal(objective, xp, out):
    objective.gauss_newton.diagonal(slice(0, 4), out)


def matrix(objective, xp, out):
    objective.gauss_newton.matrix(slice(0, 4), out)


@offering("tangents")
def test_product_of_a_chain_is_alike(assert_alike, case, f):
    assert_alike(lambda: chain_of(case, f), product)


@offering("gauss_newton_diagonal")
def test_diagonal_of_a_chain_is_alike(assert_alike, case, f):
    assert_alike(lambda: chain_of(case, f), diagonal)


@offering("per_example_gradients")
def test_matrix_of_a_chain_is_alike(assert_alike, case, f):
    assert_alike(lambda: chain_of(case, f), matrix, of_host=True)


@each_loss
def test_losses_are_alike(assert_alike, kind):
    def make():
        return chain_of("dense", "tanh", LOSSES[kind][0])

    assert_alike(make, product, kind)
    assert_alike(make, diagonal, kind)
    assert_alike(make, matrix, kind, of_host=True)
