"""The Gauss–Newton matrix against a dense one, whose J is put together from ordinary backward passes, one for each
output of each example, and whose H is written out here; and each layer's share in it, for every layer of the table.
"""

from typing import Any

import numpy as np
import pytest
from scipy.linalg import block_diag

from mnistnn.layers.batch_norm import BatchNorm
from mnistnn.layers.dense import Dense
from mnistnn.layers.gru import GRU
from mnistnn.layers.lstm import LSTM
from mnistnn.layers.recurrent import Recurrent
from mnistnn.losses.binary_nll import BinaryNLL
from mnistnn.losses.penalties import L1, L2
from mnistnn.losses.perceptron import Perceptron
from mnistnn.losses.sigmoid_normalized_nll import SigmoidNormalizedNLL
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.losses.squared_error import SquaredError
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.supervised import Objective
from tests.test_registry import IMAGE, LAYERS, LOSSES, activations_of, bound, chain_of, objective_of

HESSIANS: dict[type, Any] = {
    SoftmaxNLL: lambda z: np.diag(p := np.exp(z) / np.exp(z).sum()) - np.outer(p, p),
    BinaryNLL: lambda z: np.diag(np.exp(-z) / (1 + np.exp(-z)) ** 2),
    SquaredError: lambda z: 2 * np.eye(len(z)),
}
NOT_CONVEX = {SigmoidNormalizedNLL, Perceptron}
WITHOUT_TANGENTS = {BatchNorm, Recurrent, LSTM, GRU}


def offering(what: str) -> Any:
    """Parametrize a test by the layers that offer something to second-order methods, each with its activations."""
    return pytest.mark.parametrize(
        ("case", "f"),
        [(case, f) for case in LAYERS if what in LAYERS[case]("tanh").second_order for f in activations_of(case)],
    )


def linear_model() -> Any:
    return Sequential(layers={"output": Dense(units=3)})


each_loss = pytest.mark.parametrize("kind", HESSIANS, ids=lambda kind: kind.__name__)


def dense_jacobian(objective: Objective) -> np.ndarray:
    """Return J (n·k, P), by a backward pass for each output of each example."""
    shape = objective.model.forward(objective.x, train=True).shape
    rows = []
    for number in range(np.prod(shape)):
        objective.model.forward(objective.x, train=True)
        dz = np.zeros(shape)
        dz.flat[number] = 1.0
        objective.model.backward(dz)
        rows.append(objective.grad.copy())
    return np.array(rows)


def dense_matrix(objective: Objective) -> np.ndarray:
    """Return Jᵀ H J / n, with H written out."""
    z = objective.model.forward(objective.x, train=True).copy()
    H = block_diag(*[HESSIANS[type(objective.loss)](row) for row in z])
    J = dense_jacobian(objective)
    found: np.ndarray = J.T @ H @ J / len(z)
    return found


def product(objective: Objective, v: np.ndarray) -> np.ndarray:
    out = np.empty_like(v)
    objective.gauss_newton.products(slice(0, objective.examples))(v, out)
    return out


def matrix(objective: Objective) -> np.ndarray:
    out = np.empty((objective.theta.size, objective.theta.size))
    objective.gauss_newton.matrix(slice(0, objective.examples), out)
    return out


def diagonal(objective: Objective) -> np.ndarray:
    out = np.empty(objective.theta.size)
    objective.gauss_newton.diagonal(slice(0, objective.examples), out)
    return out


def vectors(objective: Objective) -> np.ndarray:
    return np.random.default_rng(8).normal(size=(3, objective.theta.size))


@pytest.mark.parametrize("n", [1, 4])
@offering("tangents")
def test_product_of_a_chain_equals_that_with_the_dense_matrix(case, f, n):
    objective = objective_of(chain_of(case, f), SoftmaxNLL(), n=n)
    G = dense_matrix(objective)
    for v in vectors(objective):
        np.testing.assert_allclose(product(objective, v), G @ v, rtol=1e-10, atol=1e-10 * abs(G @ v).max())


@each_loss
def test_product_with_a_loss_equals_that_with_the_dense_matrix(kind):
    objective = objective_of(chain_of("dense", "tanh", LOSSES[kind][0], "scaled_tanh"), kind())
    G = dense_matrix(objective)
    for v in vectors(objective):
        np.testing.assert_allclose(product(objective, v), G @ v, rtol=1e-10, atol=1e-10 * abs(G @ v).max())


@each_loss
def test_matrix_equals_the_dense_one(kind):
    objective = objective_of(chain_of("dense", "tanh", LOSSES[kind][0]), kind())
    G = dense_matrix(objective)
    np.testing.assert_allclose(matrix(objective), G, rtol=1e-10, atol=1e-12 * abs(G).max())


@offering("per_example_gradients")
def test_matrix_of_a_chain_equals_the_dense_one(case, f):
    objective = objective_of(chain_of(case, f), SoftmaxNLL())
    G = dense_matrix(objective)
    np.testing.assert_allclose(matrix(objective), G, rtol=1e-10, atol=1e-12 * abs(G).max())


def test_matrix_is_the_same_in_tiles_of_any_size(monkeypatch):
    objective = objective_of(chain_of("dense", "tanh"), SoftmaxNLL(), n=7)
    whole = matrix(objective)
    monkeypatch.setattr(
        "mnistnn.objectives.gauss_newton._TILE_BYTES", 2 * 3 * 8 * objective.theta.size
    )  # of two examples
    np.testing.assert_allclose(matrix(objective), whole, rtol=1e-12, atol=1e-14)


def test_for_a_linear_softmax_the_matrix_is_the_hessian():
    """Differences of gradients, since nothing but the loss is curved."""
    objective = objective_of(linear_model(), SoftmaxNLL())
    start, v, step = objective.theta.copy(), vectors(objective)[0], 1e-6
    gradients = []
    for sign in (1, -1):
        objective.theta[...] = start + sign * step * v
        objective.value_and_grad()
        gradients.append(objective.grad.copy())
    objective.theta[...] = start
    np.testing.assert_allclose(product(objective, v), (gradients[0] - gradients[1]) / (2 * step), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("penalty", [L2(strength=0.3), L2(strength=0.3, reduce="mean", biases=True), L1(strength=0.3)])
def test_l2_adds_its_multiple_of_the_identity_and_l1_nothing(penalty):
    bare = objective_of(chain_of("dense", "tanh"), SoftmaxNLL())
    objective = objective_of(chain_of("dense", "tanh"), SoftmaxNLL(), [penalty])
    added = np.zeros(objective.theta.size)
    for part, factor in penalty.decay:
        added[part] = factor
    np.testing.assert_allclose(matrix(objective), matrix(bare) + np.diag(added), rtol=1e-12, atol=1e-15)
    v = vectors(bare)[0]
    np.testing.assert_allclose(product(objective, v), product(bare, v) + added * v, rtol=1e-12)
    np.testing.assert_allclose(diagonal(objective), diagonal(bare) + added, rtol=1e-12)


def test_chunks_change_nothing_but_rounding():
    whole, cut = (objective_of(chain_of("dense", "tanh"), SoftmaxNLL(), n=7) for _ in range(2))
    cut.chunk = 3
    v = vectors(whole)[0]
    np.testing.assert_allclose(product(cut, v), product(whole, v), rtol=1e-12)
    np.testing.assert_allclose(diagonal(cut), diagonal(whole), rtol=1e-12)


@offering("tangents")
def test_all_products_after_one_forward_pass_are_the_same_function(case, f, monkeypatch):
    """What a backward pass uses up is brought back for the next product."""
    objective = objective_of(chain_of(case, f), SoftmaxNLL())
    expected = [product(objective, v) for v in vectors(objective)]
    several = objective.gauss_newton.products(slice(0, 4))
    monkeypatch.setattr(Sequential, "forward", None)
    for v, once in zip(vectors(objective), expected, strict=True):
        found = np.empty_like(v)
        several(v, found)
        assert np.array_equal(found, once)


def test_product_is_of_the_part_of_the_batch_that_is_asked_for():
    objective, alone = (objective_of(chain_of("dense", "tanh"), SoftmaxNLL(), n=7) for _ in range(2))
    alone.set_batch(objective.x[2:5], objective.labels[2:5], update=3)
    v, out = vectors(objective)[0], np.empty(objective.theta.size)
    objective.gauss_newton.products(slice(2, 5))(v, out)
    np.testing.assert_allclose(out, product(alone, v), rtol=1e-12)


def test_all_examples_that_pass_are_counted():
    objective = objective_of(chain_of("dense", "tanh"), SoftmaxNLL(), n=7)
    product(objective, vectors(objective)[0])
    matrix(objective)
    objective.value()
    objective.value_and_grad()
    assert objective.passed == 4 * 7


@offering("tangents")
def test_tangents_of_a_chain_equal_differences_of_its_output(case, f):
    objective = objective_of(chain_of(case, f), SoftmaxNLL())
    start, v, step = objective.theta.copy(), vectors(objective)[0], 1e-6
    outputs = []
    for sign in (1, -1):
        objective.theta[...] = start + sign * step * v
        outputs.append(objective.model.forward(objective.x, train=True).copy())
    objective.theta[...] = start
    objective.model.forward(objective.x, train=True)
    numeric = (outputs[0] - outputs[1]) / (2 * step)
    np.testing.assert_allclose(objective.model.jvp(v), numeric, rtol=1e-6, atol=1e-8)


@offering("tangents")
def test_tangents_leave_the_backward_pass_as_it_would_be(case, f):
    objective = objective_of(chain_of(case, f), SoftmaxNLL())
    gradients = []
    for between in (False, True):
        z = objective.model.forward(objective.x, train=True)
        if between:
            objective.model.jvp(vectors(objective)[0])
        _, dz = objective.loss.value_and_dz(z, objective.labels)
        objective.model.backward(dz)
        gradients.append(objective.grad.copy())
    assert np.array_equal(*gradients)


def gradients_of(layer: Any) -> dict[str, np.ndarray]:
    return {name[1:]: getattr(layer, name).reshape(-1) for name in ("dW", "db") if hasattr(layer, name)}


@offering("gauss_newton_diagonal")
def test_gauss_newton_diagonal_passes_back_through_the_squared_jacobian_of_a_layer(case, f):
    """One example, so that J, made by backward passes, belongs to it alone."""
    layer, rng = bound(case, f), np.random.default_rng(6)
    x = rng.normal(size=(1, *IMAGE))
    y = layer.forward(x, train=True)
    hy = rng.uniform(size=y.shape)
    expected: dict[str, Any] = {}
    for number in range(y.size):
        dy = np.zeros(y.shape)
        dy.flat[number] = 1.0
        dx = layer.backward(laid_out(dy, layer.forward(x, train=True)))
        for name, row in {"x": dx.copy().reshape(-1), **gradients_of(layer)}.items():
            expected[name] = expected.get(name, 0.0) + hy.flat[number] * row**2
    hx = layer.backward_diagonal(laid_out(hy, layer.forward(x, train=True)))
    for name, squares in {"x": hx.reshape(-1), **gradients_of(layer)}.items():
        np.testing.assert_allclose(squares, expected[name], rtol=1e-10, atol=1e-13)
    layer.forward(x, train=True)
    assert layer.backward_diagonal(laid_out(hy, y), need_hx=False) is None


def laid_out(x: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return a copy of x in the memory order of an array of its shape."""
    copy = np.empty_like(like)
    copy[...] = x
    return copy


def test_diagonal_of_a_linear_model_is_exact():
    objective = objective_of(linear_model(), SoftmaxNLL())
    np.testing.assert_allclose(diagonal(objective), np.diag(dense_matrix(objective)), rtol=1e-12)


def test_every_layer_has_tangents_or_is_known_not_to():
    without = {type(make("tanh")) for make in LAYERS.values() if "tangents" not in make("tanh").second_order}
    assert without == WITHOUT_TANGENTS


def test_every_loss_is_convex_or_known_not_to_be():
    assert {kind for kind in LOSSES if not kind.is_convex} == NOT_CONVEX  # type: ignore[attr-defined]
    assert set(HESSIANS) == set(LOSSES) - NOT_CONVEX
