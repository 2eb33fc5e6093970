"""The updates of all rules as fused loops: each number is read once, moved, and written once.

A rule's `update` says the same in a few vector operations. A loop does those operations in the same order on one weight
at a time, with the scalars of the step in theta's dtype, so it gives the same bits; the tests hold every loop to that.
Ten vector operations, each at the speed of the cache, cannot be as fast as one loop at the speed of memory: what an
update of Adam takes beyond one of plain descent falls to a fifth. Two things keep it so, and keep the loop vectorised:
a constant takes theta's dtype (a literal 1.0 is a float64, and would widen the sum that it is in), and a choice is made
between two values, never a jump.

Numba compiles a loop if theta is large. For a GPU a CUDA kernel is derived from it, so it may contain only what
`loop_to_cuda.py` lists.

A loop's arguments are theta, grad, the rule's state arrays in the order of its `slots`, all (P,) of one dtype, then
`decay`, and the scalars of the step. decay · theta is what an L2 penalty adds to the gradient: added here, it costs no
pass of its own (a step of a 784-500-10 network with batches of 20 takes 0.80 of the time). grad is only read.
"""

import numpy as np

from mnistnn.backend.jit import CompiledFunction
from mnistnn.types import Array


@CompiledFunction
def sgd(theta: Array, grad: Array, decay: float, eta: float) -> None:
    for i in range(theta.size):
        g = grad[i] + theta[i] * decay if decay else grad[i]
        theta[i] -= g * eta


@CompiledFunction
def sign(theta: Array, grad: Array, decay: float, eta: float) -> None:
    zero, one = theta.dtype.type(0), theta.dtype.type(1)
    for i in range(theta.size):
        g = grad[i] + theta[i] * decay if decay else grad[i]
        direction = (one if g > zero else zero) - (one if g < zero else zero)
        theta[i] -= direction * eta


@CompiledFunction
def course_momentum(theta: Array, grad: Array, m: Array, decay: float, eta: float, beta: float, rest: float) -> None:
    for i in range(theta.size):
        g = grad[i] + theta[i] * decay if decay else grad[i]
        theta[i] -= m[i] * eta
        m[i] = m[i] * beta + g * rest


@CompiledFunction
def momentum(theta: Array, grad: Array, v: Array, decay: float, eta: float, mu: float) -> None:
    for i in range(theta.size):
        g = grad[i] + theta[i] * decay if decay else grad[i]
        v[i] = v[i] * mu - g * eta
        theta[i] += v[i]


@CompiledFunction
def nesterov(theta: Array, grad: Array, v: Array, decay: float, eta: float, mu: float, reach: float) -> None:
    for i in range(theta.size):
        g = grad[i] + theta[i] * decay if decay else grad[i]
        kept = v[i] * mu
        v[i] = kept - g * eta
        theta[i] = theta[i] - kept + v[i] * reach


@CompiledFunction
def adaptive_rates(
    theta: Array,
    grad: Array,
    rate: Array,
    last_sign: Array,
    decay: float,
    eta: float,
    increase: float,
    decrease_less_1: float,
    minimum: float,
    maximum: float,
) -> None:
    zero, one = theta.dtype.type(0), theta.dtype.type(1)
    decrease = decrease_less_1 + one
    for i in range(theta.size):
        g = grad[i] + theta[i] * decay if decay else grad[i]
        r = rate[i]
        agreement = last_sign[i] * g
        last_sign[i] = (one if g > zero else zero) - (one if g < zero else zero)
        theta[i] -= g * r * eta
        r = r * (decrease if agreement < zero else one) + (increase if agreement > zero else zero)
        r = minimum if r < minimum else r
        rate[i] = maximum if r > maximum else r


@CompiledFunction
def rprop(
    theta: Array,
    grad: Array,
    size: Array,
    last_sign: Array,
    decay: float,
    eta: float,
    increase_less_1: float,
    decrease_less_1: float,
    minimum: float,
    maximum: float,
) -> None:
    zero, one = theta.dtype.type(0), theta.dtype.type(1)
    increase, decrease = increase_less_1 + one, decrease_less_1 + one
    for i in range(theta.size):
        g = grad[i] + theta[i] * decay if decay else grad[i]
        agreement = last_sign[i] * g
        r = size[i] * (increase if agreement > zero else one) * (decrease if agreement < zero else one)
        r = minimum if r < minimum else r
        r = maximum if r > maximum else r
        direction = (one if g > zero else zero) - (one if g < zero else zero)
        direction *= zero if agreement < zero else one
        size[i] = r
        last_sign[i] = direction
        theta[i] -= direction * r * eta


@CompiledFunction
def course_rmsprop(theta: Array, grad: Array, ms: Array, decay: float, eta: float, beta: float, rest: float) -> None:
    for i in range(theta.size):
        g = grad[i] + theta[i] * decay if decay else grad[i]
        theta[i] -= g / np.sqrt(ms[i]) * eta
        ms[i] = ms[i] * beta + g * g * rest


@CompiledFunction
def rmsprop(
    theta: Array, grad: Array, ms: Array, decay: float, eta: float, beta: float, rest: float, epsilon: float
) -> None:
    for i in range(theta.size):
        g = grad[i] + theta[i] * decay if decay else grad[i]
        ms[i] = ms[i] * beta + g * g * rest
        theta[i] -= g / (np.sqrt(ms[i]) + epsilon) * eta


@CompiledFunction
def graves_rmsprop(
    theta: Array,
    grad: Array,
    mean_square: Array,
    mean: Array,
    v: Array,
    decay: float,
    eta: float,
    beta: float,
    rest: float,
    mu: float,
    epsilon: float,
) -> None:
    zero = theta.dtype.type(0)
    for i in range(theta.size):
        g = grad[i] + theta[i] * decay if decay else grad[i]
        mean_square[i] = mean_square[i] * beta + g * g * rest
        mean[i] = mean[i] * beta + g * rest
        variance = mean_square[i] - mean[i] * mean[i]
        variance = zero if variance < zero else variance
        v[i] = v[i] * mu - g / np.sqrt(variance + epsilon) * eta
        theta[i] += v[i]


@CompiledFunction
def adagrad(theta: Array, grad: Array, sum_square: Array, decay: float, eta: float, epsilon: float) -> None:
    for i in range(theta.size):
        g = grad[i] + theta[i] * decay if decay else grad[i]
        sum_square[i] += g * g
        theta[i] -= g / (np.sqrt(sum_square[i]) + epsilon) * eta


@CompiledFunction
def stochastic_diagonal(
    theta: Array, grad: Array, curvature: Array, _gathered: Array, decay: float, eta: float, mu: float
) -> None:
    for i in range(theta.size):
        g = grad[i] + theta[i] * decay if decay else grad[i]
        theta[i] -= g / (curvature[i] + mu) * eta


@CompiledFunction
def adadelta(
    theta: Array,
    grad: Array,
    mean_square: Array,
    mean_square_step: Array,
    decay: float,
    eta: float,
    rho: float,
    rest: float,
    epsilon: float,
) -> None:
    for i in range(theta.size):
        g = grad[i] + theta[i] * decay if decay else grad[i]
        mean_square[i] = mean_square[i] * rho + g * g * rest
        step = g / np.sqrt(mean_square[i] + epsilon) * np.sqrt(mean_square_step[i] + epsilon)
        mean_square_step[i] = mean_square_step[i] * rho + step * step * rest
        theta[i] -= step * eta


@CompiledFunction
def adam(
    theta: Array,
    grad: Array,
    m: Array,
    v: Array,
    decay: float,
    eta: float,
    beta1: float,
    rest1: float,
    beta2: float,
    rest2: float,
    correction: float,
    epsilon: float,
    keep: float,
) -> None:
    """Adam with keep = 1, AdamW with what weight decay leaves of theta."""
    for i in range(theta.size):
        g = grad[i] + theta[i] * decay if decay else grad[i]
        v[i] = v[i] * beta2 + g * g * rest2
        m[i] = m[i] * beta1 + g * rest1
        theta[i] = theta[i] * keep - m[i] / (np.sqrt(v[i]) * correction + epsilon) * eta
