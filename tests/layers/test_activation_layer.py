import numpy as np

from mnistnn.layers.activation_layer import ActivationLayer


def built(activation):
    layer = ActivationLayer(activation=activation)
    layer.build((2, 3))
    return layer


def test_activation_layer_keeps_the_shape_and_has_no_parameters():
    assert ActivationLayer(activation="tanh").build((2, 3)) == ((2, 3), [])


def test_activation_layer_applies_its_function_to_a_copy():
    x = np.random.default_rng(0).normal(size=(4, 2, 3))
    y = built("tanh").forward(x, train=True)
    np.testing.assert_allclose(y, np.tanh(x), rtol=1e-15)
    assert not np.shares_memory(x, y)


def test_activation_layer_differentiates_in_the_gradient_it_is_given():
    layer, x = built("tanh"), np.random.default_rng(0).normal(size=(4, 2, 3))
    layer.forward(x, train=True)
    dy = np.ones_like(x)
    assert layer.backward(dy) is dy
    np.testing.assert_allclose(dy, 1 / np.cosh(x) ** 2, rtol=1e-12)


def test_activation_layer_stays_in_float32():
    layer = built("sigmoid")
    y = layer.forward(np.ones((4, 2, 3), "float32"), train=True)
    assert layer.backward(np.ones_like(y)).dtype == y.dtype == np.float32
