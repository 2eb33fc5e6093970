"""What each of our CUDA kernels does, in NumPy: the array code that it stands in for, on the same arguments.

Every kernel in a file named `*_cuda` needs a line here; a test fails while it is missing. The kernels of update rules,
which are derived from loops, need none: each stands in for the `update` of its rule.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any, get_args

import numpy as np

from mnistnn.backend import cuda, matmul_cuda
from mnistnn.backend.cuda import Kernel
from mnistnn.kernels import (
    activations,
    activations_cuda,
    add_scaled_cuda,
    convolution,
    convolution_cuda,
    pooling,
    pooling_cuda,
    rows_cuda,
    softmax,
    softmax_cuda,
    sums_cuda,
)
from mnistnn.kernels.windows import Window
from mnistnn.layers.activations import ACTIVATIONS, ActivationName
from mnistnn.optim import Rule
from mnistnn.optim.rule import GradientRule

Emulation = Callable[..., None]


def kernels_in(module: ModuleType) -> dict[str, Kernel]:
    """Return the kernels of a module by their names in it."""
    return {name: value for name, value in vars(module).items() if isinstance(value, Kernel)}


def kernels_of_rules() -> list[tuple[Kernel, type[GradientRule]]]:
    """Return the kernels that move parameters, each with its rule; two rules may share one."""
    found = [(rule.kernel(), rule) for rule in get_args(Rule)]
    return [(kernel, rule) for kernel, rule in found if kernel is not None]


def _of_arrays(reference: Any) -> Emulation:
    """Of an element-wise function: the array code uses up what the kernel leaves alone."""

    def emulate(first: np.ndarray, *others: np.ndarray) -> None:
        reference.__wrapped__(first, *(other.copy() for other in others))

    return emulate


def _of_rule(rule: type[GradientRule]) -> Emulation:
    def emulate(theta: np.ndarray, grad: np.ndarray, *state_and_numbers: np.ndarray) -> None:
        *state, numbers = state_and_numbers
        work = [np.empty_like(theta) for _ in range(rule.working)]
        # The method only reads what it is given.
        rule.update(None, theta, grad.copy(), state, work, tuple(numbers.tolist()))  # type: ignore[arg-type]

    return emulate


def _write_numbers(numbers: np.ndarray, *values: Any) -> None:
    numbers[...] = values[: len(numbers)]


def _softmax_nll(z: np.ndarray, labels: np.ndarray, k: int, dz: np.ndarray, nll: np.ndarray) -> None:
    n = len(z)
    softmax.softmax_nll(z, labels * n + np.arange(n), dz.T, np.empty(n, z.dtype), nll)


def _max_pool(z: np.ndarray, y: np.ndarray, *sizes: int) -> None:
    pooling.max_pool(z, _window(*sizes[5:9]), y)


def _max_pool_backward(dy: np.ndarray, z: np.ndarray, y: np.ndarray, dz: np.ndarray, *sizes: int) -> None:
    work = np.empty_like(y), np.empty_like(y)
    seen = dz.copy()
    pooling.max_pool_backward(dy, z.copy(), y, _window(*sizes[5:9]), bool(sizes[9]), seen, *work)
    dz[...] = seen


def _gather_from_patches(
    d_patches: np.ndarray, dx: np.ndarray, n: int, h: int, w: int, kh: int, kw: int, oh: int, ow: int, *others: int
) -> None:
    down, across, flipped = others
    window, channels = _window(kh, kw, down, across), len(dx)
    dx[...] = 0.0
    everything = window.whole(np.empty((1, oh, ow, 0)))
    convolution.add_patches(d_patches.reshape(channels, kh, kw, oh, ow, n), window, bool(flipped), everything, dx)


def _gather_patches(
    x: np.ndarray, patches: np.ndarray, n: int, h: int, w: int, kh: int, kw: int, oh: int, ow: int, *others: int
) -> None:
    down, across, flipped = others
    window = _window(kh, kw, down, across)
    seen = window.patches(x, window.whole(np.empty((1, oh, ow, 0))))
    into = patches.reshape(-1)[: seen.size].reshape(seen.shape)
    (into[:, ::-1, ::-1] if flipped else into)[...] = seen


def _biased(name: ActivationName) -> Emulation:
    def emulate(z: np.ndarray, b: np.ndarray, y: np.ndarray, inner: int, units: int) -> None:
        np.add(z.reshape(-1, int(units), int(inner)), b.reshape(-1, 1), out=y.reshape(-1, int(units), int(inner)))
        ACTIVATIONS[name].forward(y)

    return emulate


def _short_sums(a: np.ndarray, b: np.ndarray, out: np.ndarray, n: int, k: int, *steps: int) -> None:
    m, size = out.size // int(n), out.itemsize
    shapes = (m, k), (k, n), (m, n)
    strides = [tuple(int(step) * size for step in steps[2 * place : 2 * place + 2]) for place in range(3)]
    a, b, out = map(np.lib.stride_tricks.as_strided, (a, b, out), shapes, strides)
    np.matmul(a, b, out=out)


def _add_scaled(grad: np.ndarray, w: np.ndarray, factor: np.floating) -> None:
    grad += w * factor


def _take_examples(
    x: np.ndarray, labels: np.ndarray, rows: np.ndarray, taken: np.ndarray, of_taken: np.ndarray, size: int
) -> None:
    taken[...] = x[rows].reshape(taken.shape)
    of_taken[...] = labels[rows]


def _add_times(total: np.ndarray, loss: np.ndarray, examples: int) -> None:
    total += np.multiply(loss, examples, dtype="float64")


def _window(kh: int, kw: int, down: int, across: int) -> Window:
    return Window((int(kh), int(kw)), (int(down), int(across)))


EMULATIONS: dict[str, Emulation] = {
    **{
        kernel.name: _of_arrays(getattr(activations, name))
        for name, kernel in kernels_in(activations_cuda).items()
        if not name.startswith("biased_")
    },
    **{activation.biased.name: _biased(name) for name, activation in ACTIVATIONS.items()},
    **{kernel.name: _of_rule(rule) for kernel, rule in kernels_of_rules()},
    **{kernel.name: _write_numbers for kernel in kernels_in(cuda).values()},
    softmax_cuda.softmax_nll.name: _softmax_nll,
    pooling_cuda.max_pool.name: _max_pool,
    pooling_cuda.max_pool_backward.name: _max_pool_backward,
    convolution_cuda.gather_patches.name: _gather_patches,
    convolution_cuda.gather_from_patches.name: _gather_from_patches,
    matmul_cuda.short_sums.name: _short_sums,
    add_scaled_cuda.add_scaled.name: _add_scaled,
    rows_cuda.take_examples.name: _take_examples,
    sums_cuda.add_times.name: _add_times,
}
