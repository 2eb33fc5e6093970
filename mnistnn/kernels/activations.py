"""Element-wise activations, in place, and their derivatives written in terms of the output.

Each forward turns z into y = f(z) in the same array. Each backward multiplies dy by f'(z), found from y alone, and uses
y up: the layer that owns y writes it anew in its next forward pass, so no working array of its size is needed.

On a GPU each is one kernel, which does the same (`activations_cuda.py`). On the host there is no compiled loop of tanh
and of the sigmoid: with AVX-512 NumPy takes 0.26 ns a number for tanh, where a multiplication takes 0.16 (1.6 ns with
AVX2), so a polynomial of ours would gain 3 % of a step at most, and lose the equal bits.
"""

from collections.abc import Iterator

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.backend.cuda import with_fused_kernel
from mnistnn.kernels import activations_cuda
from mnistnn.types import Array

_A, _B = 1.7159, 2.0 / 3.0  # of the scaled tanh
_LEAK = 0.01
_BLOCK = 16_384  # numbers


def linear(y: Array) -> None:
    """Leave y = z as it is."""


def linear_backward(dy: Array, y: Array) -> None:
    """Leave dz = dy as it is."""


@with_fused_kernel(activations_cuda.sigmoid)
def sigmoid(y: Array) -> None:
    """Turn z into y = σ(z) = 1 / (1 + e⁻ᶻ), computed as ½ (1 + tanh(z/2)), which overflows for no z."""
    y *= 0.5
    array_module(y).tanh(y, out=y)
    y += 1.0
    y *= 0.5


@with_fused_kernel(activations_cuda.sigmoid_backward)
def sigmoid_backward(dy: Array, y: Array) -> None:
    """Turn dy into dz = dy · y (1 − y)."""
    dy *= y
    array_module(y).subtract(1.0, y, out=y)
    dy *= y


@with_fused_kernel(activations_cuda.tanh)
def tanh(y: Array) -> None:
    """Turn z into its hyperbolic tangent."""
    array_module(y).tanh(y, out=y)


@with_fused_kernel(activations_cuda.tanh_backward)
def tanh_backward(dy: Array, y: Array) -> None:
    """Turn dy into dz = dy · (1 − y²)."""
    xp = array_module(y)
    xp.multiply(y, y, out=y)
    xp.subtract(1.0, y, out=y)
    dy *= y


@with_fused_kernel(activations_cuda.relu)
def relu(y: Array) -> None:
    """Turn z into y = max(z, 0)."""
    array_module(y).maximum(y, 0.0, out=y)


@with_fused_kernel(activations_cuda.relu_backward)
def relu_backward(dy: Array, y: Array) -> None:
    """Turn dy into dz = dy · [y > 0]; at the kink the subgradient 0 is taken."""
    array_module(y).greater(y, 0.0, out=y)
    dy *= y


@with_fused_kernel(activations_cuda.scaled_tanh)
def scaled_tanh(y: Array) -> None:
    """Turn z into y = A tanh(B z) with A = 1.7159, B = 2/3, so that f(±1) = ±1. LeCun et al. (1998), appendix A."""
    y *= _B
    array_module(y).tanh(y, out=y)
    y *= _A


@with_fused_kernel(activations_cuda.scaled_tanh_backward)
def scaled_tanh_backward(dy: Array, y: Array) -> None:
    """Turn dy into dz = dy · B (A − y²/A)."""
    array_module(y).multiply(y, y, out=y)
    y *= -_B / _A
    y += _A * _B
    dy *= y


@with_fused_kernel(activations_cuda.leaky_relu)
def leaky_relu(y: Array) -> None:
    """Turn z into y = z for z > 0 and y = z/100 otherwise, written as max(z, z/100). y must be contiguous.

    Maas, Hannun & Ng (2013).
    """
    xp = array_module(y)
    for part in _blocks(y):
        xp.maximum(part, _LEAK * part, out=part)


@with_fused_kernel(activations_cuda.leaky_relu_backward)
def leaky_relu_backward(dy: Array, y: Array) -> None:
    """Turn dy into dz = dy for y > 0 and dy/100 otherwise; the kink counts as the side below."""
    array_module(y).greater(y, 0.0, out=y)
    y *= 1.0 - _LEAK
    y += _LEAK
    dy *= y


@with_fused_kernel(activations_cuda.softplus)
def softplus(y: Array) -> None:
    """Turn z into y = log(1 + eᶻ) = max(z, 0) + log(1 + e^−|z|), which overflows for no z. y must be contiguous.

    Dugas et al. (2001). Ten times as fast as NumPy's logaddexp.
    """
    xp = array_module(y)
    for part in _blocks(y):
        rest = xp.abs(part)
        xp.negative(rest, out=rest)
        xp.exp(rest, out=rest)
        xp.log1p(rest, out=rest)
        xp.maximum(part, 0.0, out=part)
        part += rest


@with_fused_kernel(activations_cuda.softplus_backward)
def softplus_backward(dy: Array, y: Array) -> None:
    """Turn dy into dz = dy · σ(z), where σ(z) = 1 − e⁻ʸ; expm1 keeps its digits where it is near 0."""
    xp = array_module(y)
    xp.negative(y, out=y)
    xp.expm1(y, out=y)
    xp.negative(y, out=y)
    dy *= y


def _blocks(y: Array) -> Iterator[Array]:
    """Yield y in flat blocks, for functions that need working memory: a block of it, which stays in the cache.

    On a GPU, where a call costs more than memory, there is one block.
    """
    flat = y.reshape(-1)
    size = _BLOCK if isinstance(y, np.ndarray) else max(flat.size, 1)
    for start in range(0, flat.size, size):
        yield flat[start : start + size]
