"""Where activations are flat."""

from typing import get_args

import numpy as np
import pytest

from mnistnn.analysis.inspection.saturation import LIMITS, activation_of, is_saturated
from mnistnn.layers import Layer
from mnistnn.layers.activation_layer import ActivationLayer
from mnistnn.layers.activations import ACTIVATIONS, ActivationName
from mnistnn.layers.batch_norm import BatchNorm
from mnistnn.layers.conv import Conv
from mnistnn.layers.dense import Dense
from mnistnn.layers.dropconnect import DropConnect
from mnistnn.layers.dropout import Dropout


@pytest.mark.parametrize("name", LIMITS)
def test_limits_are_a_hundredth_from_the_ends_of_the_activation(name):
    y = np.array([-1e9, 0.0, 1e9])
    ACTIVATIONS[name].forward(y)
    low, middle, high = y
    np.testing.assert_allclose([LIMITS[name][0] - low, high - LIMITS[name][1]], 0.01 * max(high, 1 - high), rtol=1e-12)
    saturated = is_saturated(y, name)
    assert saturated is not None
    assert saturated.tolist() == [True, False, True]
    assert LIMITS[name][0] < middle < LIMITS[name][1]


@pytest.mark.parametrize("name", [None, *(name for name in get_args(ActivationName) if name not in LIMITS)])
def test_other_activations_do_not_saturate(name):
    assert is_saturated(np.array([-1e9, 0.0, 1e9]), name) is None


def test_layers_have_the_activation_that_they_say():
    layers: list[Layer] = [Dense(units=1, activation="tanh"), Conv(maps=1, kernel=1, activation="relu")]
    layers += [DropConnect(units=1, activation="sigmoid"), ActivationLayer(activation="softplus")]
    assert [activation_of(layer) for layer in layers] == ["tanh", "relu", "sigmoid", "softplus"]
    assert [activation_of(layer) for layer in (Dropout(), BatchNorm())] == [None, None]
