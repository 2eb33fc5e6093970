"""What a layer offers to second-order methods, against what follows from its forward and backward passes."""

import numpy as np

from mnistnn.analysis.inspection.component.findings import LeftOut, Measured
from mnistnn.objectives.layer_gradients import BoundLayer
from mnistnn.types import Array, SecondOrder

_STEP = 1e-6
_CLOSE = 1e-6


def tangents(bound: BoundLayer, x: np.ndarray) -> Measured:
    """Compare `jvp` with the difference of two forward passes, along a random direction of parameters and input."""
    _refuse_without(bound, "tangents")
    rng, layer = np.random.default_rng(2), bound.layer
    start = {name: value.copy() for name, value in bound.values.items()}
    dots = {name: rng.normal(size=value.shape) for name, value in bound.values.items()}
    x_dot = rng.normal(size=x.shape)
    made = []
    for sign in (1.0, -1.0):
        for name, value in start.items():
            bound.values[name][...] = value + sign * _STEP * dots[name]
        bound.begin()
        made.append(layer.forward(x + sign * _STEP * x_dot, train=True).copy())
    for name, value in start.items():
        bound.values[name][...] = value
    layer.bind_tangents(dots)
    bound.begin()
    layer.forward(x, train=True)
    return _close(layer.jvp(x_dot.copy()), (made[0] - made[1]) / (2 * _STEP))


def single_examples(bound: BoundLayer, x: np.ndarray) -> Measured:
    """Compare the sum over examples of `backward_per_example` with `backward`."""
    _refuse_without(bound, "per_example_gradients")
    rng, layer = np.random.default_rng(2), bound.layer
    bound.begin()
    dy = rng.normal(size=layer.forward(x, train=True).shape)
    singly = {name: np.empty((1, len(x), *bound.values[name].shape)) for name in bound.learned}
    dx = layer.backward_per_example(dy[None].copy(), singly)
    assert dx is not None
    dx = dx[0].copy()
    whole = layer.backward(dy.copy())
    pairs = [(singly[name][0].sum(axis=0), bound.grads[name]) for name in bound.learned]
    return _all_close([*pairs, (dx, whole)])


def diagonal(bound: BoundLayer, x: np.ndarray) -> Measured:
    """Compare what `backward_diagonal` gives by the input with the squared derivatives of each output."""
    _refuse_without(bound, "gauss_newton_diagonal")
    rng, layer = np.random.default_rng(2), bound.layer
    bound.begin()
    shape = layer.forward(x, train=True).shape
    hy, expected = rng.uniform(0.5, 1.5, shape), np.zeros(x.shape)
    for place in np.ndindex(shape[1:]):
        dy = np.zeros(shape)
        dy[(slice(None), *place)] = 1.0
        bound.begin()
        layer.forward(x, train=True)
        dx = layer.backward(dy)
        assert dx is not None
        expected += dx**2 * hy[(slice(None), *place)].reshape(-1, *[1] * (x.ndim - 1))
    bound.begin()
    layer.forward(x, train=True)
    return _close(layer.backward_diagonal(hy.copy()), expected)


def _refuse_without(bound: BoundLayer, what: SecondOrder) -> None:
    if what not in bound.layer.second_order:
        raise LeftOut("not offered")


def _close(found: Array, expected: Array) -> Measured:
    return _all_close([(found, expected)])


def _all_close(pairs: list[tuple[Array, Array]]) -> Measured:
    """Return the largest distance of two arrays, as a share of their norms."""
    worst = 0.0
    for found, expected in pairs:
        size = max(float(np.linalg.norm(found) + np.linalg.norm(expected)), 1e-300)
        worst = max(worst, float(np.linalg.norm(np.subtract(found, expected))) / size)
    return Measured(worst <= _CLOSE, f"error {worst:.1e}", f"{_CLOSE:.0e}")
