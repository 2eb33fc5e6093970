"""Batch normalisation and its gradient. Ioffe & Szegedy (2015).

Arrays are (features, m): for a dense layer m is the number of examples, for images it is that of all positions of all
examples, and a feature is a channel.
"""

from mnistnn.backend.arrays import array_module
from mnistnn.types import Array


def batch_norm(
    x: Array, gamma: Array, beta: Array, epsilon: float, x_hat: Array, y: Array, mean: Array, variance: Array
) -> None:
    """Write each feature with mean β and standard deviation γ over the batch into y.

    x̂ = (x − mean) / √(variance + ε);  y = γ x̂ + β
    gamma, beta, mean, variance (features,); x_hat, y (features, m). Writes x̂ into x_hat, and mean and variance (the
    mean square deviation) of the batch.
    """
    xp = array_module(x)
    xp.mean(x, axis=1, out=mean)
    xp.subtract(x, mean[:, None], out=x_hat)
    xp.multiply(x_hat, x_hat, out=y)
    xp.mean(y, axis=1, out=variance)
    x_hat *= (variance + epsilon)[:, None] ** -0.5
    xp.multiply(x_hat, gamma[:, None], out=y)
    y += beta[:, None]


def batch_norm_backward(
    dy: Array, x_hat: Array, variance: Array, gamma: Array, epsilon: float, dgamma: Array, dbeta: Array, dx: Array
) -> None:
    """Write the gradients of `batch_norm` into dgamma, dbeta (features,) and dx (features, m); x_hat is overwritten.

    dβ = Σ dy;  dγ = Σ dy x̂;  dx = γ / √(variance + ε) · (dy − dβ/m − x̂ dγ/m)
    """
    xp = array_module(dy)
    m = dy.shape[1]
    xp.sum(dy, axis=1, out=dbeta)
    xp.multiply(dy, x_hat, out=dx)
    xp.sum(dx, axis=1, out=dgamma)
    x_hat *= (dgamma / m)[:, None]
    xp.subtract(dy, x_hat, out=dx)
    dx -= (dbeta / m)[:, None]
    dx *= (gamma * (variance + epsilon) ** -0.5)[:, None]


def normalize(x: Array, gamma: Array, beta: Array, epsilon: float, mean: Array, variance: Array, y: Array) -> None:
    """Write y = γ (x − mean) / √(variance + ε) + β with a mean and a variance (features,) that are given."""
    factor = gamma * (variance + epsilon) ** -0.5
    array_module(x).multiply(x, factor[:, None], out=y)
    y += (beta - mean * factor)[:, None]
