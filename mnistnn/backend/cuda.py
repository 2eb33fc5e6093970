"""Fused kernels in CUDA C++ for a GPU, compiled by NVRTC, as `jit.py` compiles loops by Numba.

A step of a small net on a GPU is bound by the launching of its kernels, so what NumPy says in several operations is one
kernel there. Each lies beside the array code that it stands in for, in a file named `*_cuda`, or is derived from a loop
(`loop_to_cuda.py`). Its source is complete in itself (no header of CUDA or CuPy), so NVRTC compiles it on any machine,
with or without a GPU; so does any compiler of C++, which lets the tests run the very source on the host.
Multiplications are not fused with additions: where a kernel does the operations of the array code in the same order, it
gives the same bits.

A number that changes from update to update is read from memory on the device (`Numbers`), never an argument: so a
launch recorded once, in a CUDA graph, can be repeated.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.backend.memory_order import images_last
from mnistnn.types import Array

_THREADS = 256  # of a block
_FEW_THREADS, _ENOUGH = 64, 65_536  # of a block while n is small, so that all parts of the GPU get one
_MOST_NARROW = 2**32 - _THREADS * 8192  # beyond, indices take 64 bits, which a GPU divides at a tenth of the speed
_MOST_BLOCKS = 8192  # beyond, each thread takes several indices

_SOURCE = """\
extern "C" __global__ void {name}(size_t n, {parameters})
{{
    for (size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x; i < n; i += (size_t)gridDim.x * blockDim.x) {{
{body}
    }}
}}
"""
_REAL = {"float32": "float", "float64": "double"}


class Kernel:
    """A loop over i in [0, n), each i on its own.

    parameters  what it takes beside n, in C: arrays of Real (float or double) or of long long, numbers of these
    body        what is done for one i; Index is a type that holds i, for parts of it
    """

    def __init__(self, name: str, parameters: str, body: str) -> None:
        self.name = f"mnistnn_{name}"
        lines = "\n".join("        " + line for line in body.strip("\n").splitlines())
        self.source = _SOURCE.format(name=self.name, parameters=parameters, body=lines)
        self._compiled: dict[tuple[Any, str, str], Any] = {}  # by library, dtype and type of indices

    def launch(self, n: int, like: Array, *arguments: Array | int | np.number) -> None:
        """Queue the kernel for all i in [0, n), in the dtype of `like`. Arrays must be contiguous: it sees memory."""
        if not n:
            return
        xp = array_module(like)
        index = "unsigned" if n < _MOST_NARROW else "size_t"
        kernel = self._compiled.get((xp, like.dtype.char, index))
        if kernel is None:
            # Compiled when it first runs; CuPy keeps the result on disk.
            kernel = xp.RawKernel(self.source, self.name, options(str(like.dtype), index))
            self._compiled[xp, like.dtype.char, index] = kernel
        numbers = (np.int64(a) if isinstance(a, int) else a for a in arguments)
        threads = _THREADS if n >= _ENOUGH else _FEW_THREADS
        kernel((min(-(-n // threads), _MOST_BLOCKS),), (threads,), (np.int64(n), *numbers))


def options(dtype: str, index: str = "unsigned") -> tuple[str, ...]:
    """Return what NVRTC is told for arrays of a dtype, and for indices below n of a type."""
    return ("--fmad=false", f"-DReal={_REAL[dtype]}", f"-DIndex={index}")


def with_fused_kernel(kernel: Kernel) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Replace an element-wise function by a fused kernel where its arrays lie on a GPU, in one order of memory."""

    def beside(reference: Callable[..., None]) -> Callable[..., None]:
        @wraps(reference)
        def either(*arrays: Array) -> None:
            if isinstance(arrays[0], np.ndarray) or not in_one_order(*arrays):
                reference(*arrays)
            else:
                kernel.launch(arrays[0].size, arrays[0], *arrays)

        return either

    return beside


def in_one_order(*arrays: Array) -> bool:
    """Tell whether arrays of one shape fill memory without gaps in the same order, plain or images-last."""
    if all(array.flags.c_contiguous for array in arrays):
        return True
    return all(array.ndim > 1 and images_last(array).flags.c_contiguous for array in arrays)


# They travel as arguments of a launch: to copy them would mean to wait, or to keep the copied memory until it is done.
WRITE = Kernel(
    "write_numbers",
    "Real* numbers, " + ", ".join(f"Real v{i}" for i in range(8)),
    """
    Real values[8] = {v0, v1, v2, v3, v4, v5, v6, v7};
    numbers[i] = values[i];
    """,
)


class Numbers:
    """A few numbers on the device, written there when they change; nothing waits for it."""

    most = 8

    def __init__(self, count: int, like: Array) -> None:
        self.array: Array = array_module(like).zeros(count, dtype=like.dtype)
        self._values: tuple[float, ...] | None = None

    def write(self, values: tuple[float, ...]) -> None:
        """Let the kernels that are launched from now on read these values."""
        if values == self._values:
            return
        real = self.array.dtype.type
        padded = [real(value) for value in values] + [real(0.0)] * (self.most - len(values))
        WRITE.launch(len(values), self.array, self.array, *padded)
        self._values = values
