from typing import get_args

import numpy as np
import pytest
from scipy.special import expit

from mnistnn.layers.activations import ACTIVATIONS, ActivationName

DEFINITIONS = {
    "linear": lambda z: z,
    "sigmoid": expit,
    "tanh": np.tanh,
    "scaled_tanh": lambda z: 1.7159 * np.tanh(2 / 3 * z),
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "softplus": lambda z: np.log1p(np.exp(z)),
}


def test_every_name_has_its_kernels():
    assert set(ACTIVATIONS) == set(get_args(ActivationName)) == set(DEFINITIONS)


@pytest.mark.parametrize("name", get_args(ActivationName))
def test_name_stands_for_its_function(name):
    z = np.linspace(-3, 3, 13)
    y = z.copy()
    ACTIVATIONS[name].forward(y)
    np.testing.assert_allclose(y, DEFINITIONS[name](z), atol=1e-15)


@pytest.mark.parametrize("name", get_args(ActivationName))
def test_backward_belongs_to_forward(name):
    z, step = np.array([-2.0, -0.3, 0.4, 1.5]), 1e-6
    y, dz = z.copy(), np.ones_like(z)
    ACTIVATIONS[name].forward(y)
    ACTIVATIONS[name].backward(dz, y)
    numeric = (DEFINITIONS[name](z + step) - DEFINITIONS[name](z - step)) / (2 * step)
    np.testing.assert_allclose(dz, numeric, atol=1e-9)
