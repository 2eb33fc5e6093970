"""A training step of JAX, compiled as a whole by `jax.jit`, which gets the parameters to overwrite.

Its threads follow the cores that the process may use; `jax-one` may use one. Steps are queued, as they are where nobody
looks at each loss, and timed together.
"""

import os
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.contender import Prepared, examples
from benchmarks.workloads import Workload

_ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh, "linear": lambda z: z}
_RATE = 0.01


def prepare(kind: str, workload: Workload, count: int, device: str) -> Prepared:
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.random(examples(workload), dtype=np.float32))
    labels = jnp.asarray(rng.integers(10, size=workload.batch))
    parameters = _parameters(workload, rng)
    f = _ACTIVATIONS[workload.activation]
    scores = _lenet if workload.is_convolutional else _dense

    def loss(parameters):
        log_p = jax.nn.log_softmax(scores(parameters, x, f))
        penalty = workload.l2 * sum((W**2).sum() for W, _ in parameters) if workload.l2 else 0.0
        return -log_p[jnp.arange(workload.batch), labels].mean() + penalty

    @partial(jax.jit, donate_argnums=(0, 1))
    def update(parameters, velocities):
        gradients = jax.grad(loss)(parameters)
        if workload.momentum:
            velocities = jax.tree.map(lambda v, g: workload.momentum * v - _RATE * g, velocities, gradients)
            return jax.tree.map(jnp.add, parameters, velocities), velocities
        return jax.tree.map(lambda p, g: p - _RATE * g, parameters, gradients), velocities

    state = [parameters, jax.tree.map(jnp.zeros_like, parameters) if workload.momentum else None]

    def step() -> None:
        state[:] = update(*state)

    def finish() -> None:
        jax.block_until_ready(state[0])

    return Prepared(f"JAX {jax.__version__}", len(os.sched_getaffinity(0)), step, finish)


def _parameters(workload, rng):
    if workload.is_convolutional:
        shapes = [(20, 1, 5, 5), (50, 20, 5, 5), (800, 500), (500, 10)]
    else:
        shapes = list(zip(workload.sizes, workload.sizes[1:], strict=False))
    return [
        (
            jnp.asarray(rng.normal(0, 0.05, shape).astype(np.float32)),
            jnp.zeros(shape[0] if len(shape) == 4 else shape[1]),
        )
        for shape in shapes
    ]


def _dense(parameters, x, f):
    for W, b in parameters[:-1]:
        x = f(x @ W + b)
    W, b = parameters[-1]
    return x @ W + b


def _lenet(parameters, x, f):
    x = x[:, None]
    for W, b in parameters[:2]:
        x = f(jax.lax.conv(x, W, (1, 1), "VALID") + b[:, None, None])
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    return _dense(parameters[2:], x.reshape(len(x), -1), f)
