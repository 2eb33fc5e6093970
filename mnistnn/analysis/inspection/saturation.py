"""Saturation of activations: outputs at which the derivative is nearly zero."""

from mnistnn.layers import Layer
from mnistnn.layers.activation_layer import ActivationLayer
from mnistnn.layers.activations import ActivationName
from mnistnn.layers.conv import Conv
from mnistnn.layers.dense import Dense
from mnistnn.layers.dropconnect import DropConnect
from mnistnn.types import Array

LIMITS: dict[ActivationName, tuple[float, float]] = {
    "sigmoid": (0.01, 0.99),
    "tanh": (-0.99, 0.99),
    "scaled_tanh": (-0.99 * 1.7159, 0.99 * 1.7159),
}
"""Outputs below the first or above the second number count as saturated. Other activations are flat nowhere, or at
exactly 0."""


def activation_of(layer: Layer) -> ActivationName | None:
    """Return the activation of a layer that can have one."""
    return layer.activation if isinstance(layer, Dense | Conv | DropConnect | ActivationLayer) else None


def is_saturated(y: Array, activation: ActivationName | None) -> Array | None:
    """Return which of the outputs y are saturated, like y; None for an activation that does not saturate so."""
    if activation not in LIMITS:
        return None
    low, high = LIMITS[activation]
    return (y < low) | (y > high)
