import numpy as np
import pytest

from mnistnn.layers.dense import Dense
from mnistnn.layers.initializers import Normal, Zeros


def bound(layer, in_shape, dtype="float64"):
    rng = np.random.default_rng(0)
    _, parameters = layer.build(in_shape)
    values = {p.name: rng.normal(size=p.shape).astype(dtype) for p in parameters}
    layer.bind(values, {name: np.full_like(value, np.nan) for name, value in values.items()})
    return layer


def test_dense_declares_a_matrix_and_a_row_for_images():
    out_shape, (W, b) = Dense(units=7).build((28, 27))
    assert out_shape == (7,)
    assert (W.name, W.shape, W.kind) == ("W", (28 * 27, 7), "weight")
    assert (b.name, b.shape, b.kind) == ("b", (7,), "bias")


def test_dense_draws_weights_as_configured_and_biases_as_zeros():
    init = Normal(std=0.3)
    _, (W, b) = Dense(units=7, init=init).build((5,))
    assert W.init is init
    assert isinstance(b.init, Zeros)


def test_dense_tells_initializers_its_fan_and_activation():
    _, (W, _) = Dense(units=7, activation="sigmoid").build((2, 3))
    assert (W.fan.n_in, W.fan.n_out, W.fan.activation) == (6, 7, "sigmoid")


def test_dense_forward_is_the_activated_affine_map_of_the_pixels_in_a_row():
    layer = bound(Dense(units=4, activation="tanh"), (2, 3))
    x = np.random.default_rng(1).normal(size=(5, 2, 3))
    expected = np.tanh(np.einsum("ihw,hwj->ij", x, layer.W.reshape(2, 3, 4)) + layer.b)
    np.testing.assert_allclose(layer.forward(x, train=True), expected, atol=1e-14)


@pytest.mark.parametrize("in_shape", [(6,), (2, 3), (1, 2, 3)])
def test_dense_returns_dx_in_the_shape_of_x(in_shape):
    layer = bound(Dense(units=4), in_shape)
    y = layer.forward(np.ones((5, *in_shape)), train=True)
    assert layer.backward(np.ones_like(y)).shape == (5, *in_shape)


def test_dense_writes_its_gradients_over_what_was_there():
    layer = bound(Dense(units=4, activation="tanh"), (3,))
    x = np.random.default_rng(1).normal(size=(5, 3))
    results = []
    for _ in range(2):
        y = layer.forward(x, train=True)
        layer.backward(np.ones_like(y))
        results.append((layer.dW.copy(), layer.db.copy()))
    assert np.array_equal(results[0][0], results[1][0])
    assert np.array_equal(results[0][1], results[1][1])


def test_dense_makes_no_room_for_a_dx_that_nobody_needs():
    layer = bound(Dense(units=4), (3,))
    y = layer.forward(np.ones((5, 3)), train=True)
    before = layer.scratch.nbytes
    layer.backward(np.ones_like(y), need_dx=False)
    assert layer.scratch.nbytes == before == y.nbytes


def test_dense_lends_the_dx_of_a_smaller_batch_from_the_same_memory():
    layer = bound(Dense(units=4), (2, 3))
    places = []
    for n in (5, 2):
        y = layer.forward(np.ones((n, 2, 3)), train=True)
        places.append(layer.backward(np.ones_like(y)).ctypes.data)
    assert places[0] == places[1]


def test_dense_stays_in_float32():
    layer = bound(Dense(units=4, activation="sigmoid"), (3,), "float32")
    y = layer.forward(np.ones((5, 3), "float32"), train=True)
    dx = layer.backward(np.ones_like(y))
    assert {array.dtype for array in (y, dx, layer.dW, layer.db)} == {np.dtype("float32")}


def lengths(layer):
    return np.linalg.norm(layer.W, axis=0)


def test_dense_scales_columns_longer_than_max_norm_down_to_it():
    layer = bound(Dense(units=40, max_norm=2.0), (5,))
    before, b = layer.W.copy(), layer.b.copy()
    long = lengths(layer) > 2.0
    assert 0 < long.sum() < 40
    layer.project()
    np.testing.assert_allclose(lengths(layer)[long], 2.0, rtol=1e-14)
    cosines = (layer.W * before).sum(axis=0) / (lengths(layer) * np.linalg.norm(before, axis=0))
    np.testing.assert_allclose(cosines, 1.0, rtol=1e-14)
    assert np.array_equal(layer.W[:, ~long], before[:, ~long])
    assert np.array_equal(layer.b, b)


def test_dense_without_max_norm_projects_nothing():
    layer = bound(Dense(units=4), (5,))
    before = layer.W.copy()
    layer.project()
    assert np.array_equal(layer.W, before)
