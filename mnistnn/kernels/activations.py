"""Element-wise activations, in place, and their derivatives written in terms of the output.

Each forward turns z into y = f(z) in the same array. Each backward multiplies dy by f'(z), found from y alone, and uses
y up: the layer that owns y writes it anew in its next forward pass, so no working array is needed.
"""

from mnistnn.backend import Array, array_module


def linear(y: Array) -> None:
    """Leave y = z as it is."""


def linear_backward(dy: Array, y: Array) -> None:
    """Leave dz = dy as it is."""


def sigmoid(y: Array) -> None:
    """Turn z into y = σ(z) = 1 / (1 + e⁻ᶻ), computed as ½ (1 + tanh(z/2)), which overflows for no z."""
    y *= 0.5
    array_module(y).tanh(y, out=y)
    y += 1.0
    y *= 0.5


def sigmoid_backward(dy: Array, y: Array) -> None:
    """Turn dy into dz = dy · y (1 − y)."""
    dy *= y
    array_module(y).subtract(1.0, y, out=y)
    dy *= y


def tanh(y: Array) -> None:
    """Turn z into its hyperbolic tangent."""
    array_module(y).tanh(y, out=y)


def tanh_backward(dy: Array, y: Array) -> None:
    """Turn dy into dz = dy · (1 − y²)."""
    xp = array_module(y)
    xp.multiply(y, y, out=y)
    xp.subtract(1.0, y, out=y)
    dy *= y


def relu(y: Array) -> None:
    """Turn z into y = max(z, 0)."""
    array_module(y).maximum(y, 0.0, out=y)


def relu_backward(dy: Array, y: Array) -> None:
    """Turn dy into dz = dy · [y > 0]; at the kink the subgradient 0 is taken."""
    array_module(y).sign(y, out=y)  # y ≥ 0, so its sign is [y > 0]; a NaN stays one
    dy *= y
