"""What each of our CUDA kernels does, in NumPy: the array code that it stands in for, on the same arguments.

Every kernel in a file named `*_cuda` needs a line here; a test fails while it is missing.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any, get_args

import numpy as np

from mnistnn import cuda
from mnistnn.cuda import Kernel
from mnistnn.kernels import (
    activations,
    activations_cuda,
    convolution,
    convolution_cuda,
    pooling,
    pooling_cuda,
    softmax,
    softmax_cuda,
)
from mnistnn.kernels.windows import Window
from mnistnn.optim import Optimizer
from mnistnn.optim.rule import GradientRule

Emulation = Callable[..., None]


def kernels_in(module: ModuleType) -> dict[str, Kernel]:
    """Return the kernels of a module by their names in it."""
    return {name: value for name, value in vars(module).items() if isinstance(value, Kernel)}


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


def _softmax_nll(z: np.ndarray, at: np.ndarray, k: int, dz: np.ndarray, nll: np.ndarray) -> None:
    n = len(z)
    by_class = np.empty((k, n), z.dtype)
    softmax.softmax_nll(z, at % k * n + np.arange(n), by_class.T, np.empty(n, z.dtype), nll)
    dz[...] = by_class.T


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


def _window(kh: int, kw: int, down: int, across: int) -> Window:
    return Window((int(kh), int(kw)), (int(down), int(across)))


_RULES: list[type[GradientRule]] = list(get_args(get_args(Optimizer)[0]))

EMULATIONS: dict[str, Emulation] = {
    **{kernel.name: _of_arrays(getattr(activations, name)) for name, kernel in kernels_in(activations_cuda).items()},
    **{rule.kernel.name: _of_rule(rule) for rule in _RULES if rule.kernel is not None},
    **{kernel.name: _write_numbers for kernel in kernels_in(cuda).values()},
    softmax_cuda.softmax_nll.name: _softmax_nll,
    pooling_cuda.max_pool.name: _max_pool,
    pooling_cuda.max_pool_backward.name: _max_pool_backward,
    convolution_cuda.gather_from_patches.name: _gather_from_patches,
}
