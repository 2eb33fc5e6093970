"""Matrix products: NumPy's, and on a GPU those of cuBLAS itself, of the library that CuPy has loaded, through ctypes.

CuPy refuses its own calls of cuBLAS while a CUDA graph is recorded, because a product might take memory then, or wait.
Here a handle of ours works in memory of ours, so nothing does; a call also costs less. Products are in full float32 or
float64. What cuBLAS cannot read as it lies goes to CuPy, which copies; such a step cannot be recorded.
"""

import ctypes
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from mnistnn.backend import matmul_cuda
from mnistnn.backend.arrays import array_module
from mnistnn.types import Array

_WORKSPACE = 32 << 20  # bytes; what NVIDIA recommends for its largest GPUs, and with which a long sum is cut in pieces
_PLAIN, _TRANSPOSED = 0, 1
_FIRST_ONES = 1024
_LARGEST = 2**31 - 1  # size that cuBLAS is told
_SHORT, _MANY = 32, 262_144  # terms of a sum; sums, beyond which cuBLAS is faster again

# Whether a matrix is to be transposed to be what cuBLAS means by it, and numbers from one of its lines to the next.
_Form = tuple[int, int]


def serial_matmul(a: Array, b: Array, out: Array) -> None:
    """Write a b into out: matrices, or stacks of equally many, of one dtype; any order of memory."""
    if isinstance(a, np.ndarray):
        np.matmul(a, b, out=out)
        return
    if _is_short(a, b, out):
        steps = [step // out.itemsize for array in (a, b, out) for step in array.strides]
        matmul_cuda.short_sums.launch(out.size, out, a, b, out, out.shape[1], a.shape[1], *steps)
        return
    xp = array_module(a)
    blas = _cublas_of(xp)
    if blas is None or not blas.multiply(a, b, out):
        xp.matmul(a, b, out=out)


def sum_along(x: Array, axis: Literal[0, 1], out: Array) -> None:
    """Write the sums of a matrix along an axis into out; on a GPU as a product with ones, which uses all of it."""
    if isinstance(x, np.ndarray):
        x.sum(axis=axis, out=out)
        return
    xp = array_module(x)
    blas = _cublas_of(xp)
    if blas is None or not blas.sum_rows(x.T if axis else x, out):
        xp.sum(x, axis=axis, out=out)


def _is_short(a: Array, b: Array, out: Array) -> bool:
    """Tell whether a product on a device is one for the kernel: short sums, not many, in memory without gaps."""
    if out.ndim != 2 or a.shape[1] > _SHORT or out.size > _MANY or out.dtype.kind != "f":
        return False
    if not a.dtype == b.dtype == out.dtype:
        return False
    return all(x.flags.c_contiguous or x.flags.f_contiguous for x in (a, b, out))


def library(xp: Any) -> Any:
    """Return the cuBLAS that CuPy has loaded, or None where it is not found by its Linux name."""
    version = xp.cuda.cublas.getVersion(xp.cuda.device.get_cublas_handle())
    try:
        return ctypes.CDLL(f"libcublas.so.{version // 10_000}")
    except OSError:
        return None


@lru_cache(maxsize=1)
def _cublas_of(xp: Any) -> "_Cublas | None":
    found = library(xp)
    return None if found is None else _Cublas(xp, found)


class _Cublas:
    """A handle, its memory, and the functions for each dtype."""

    def __init__(self, xp: Any, found: Any) -> None:
        self._xp, self._library = xp, found
        self._handle = ctypes.c_void_p()
        self._check(found.cublasCreate_v2(ctypes.byref(self._handle)))
        self._workspace = xp.cuda.alloc(_WORKSPACE)
        self._stream: int | None = None
        self._of_dtype = {
            "f": _Functions(found, "S", ctypes.c_float),
            "d": _Functions(found, "D", ctypes.c_double),
        }
        self._ones: list[Array] = []  # those outgrown too: a recorded launch may read them

    def multiply(self, a: Array, b: Array, out: Array) -> bool:
        """Write a b into out, if that can be done without a copy; tell whether it was."""
        functions = self._of_dtype.get(out.dtype.char)
        of_out = _form(out)
        if functions is None or of_out is None or a.dtype != out.dtype or b.dtype != out.dtype:
            return False
        if of_out[0] == _TRANSPOSED:  # cuBLAS writes column by column: the transposed product is one by row
            a, b, out = _transposed(b), _transposed(a), _transposed(out)
            of_out = _PLAIN, of_out[1]
        of_a, of_b = _form(a), _form(b)
        if of_a is None or of_b is None or not out.size:
            return False
        (m, n), k = out.shape[-2:], a.shape[-1]
        self._use_current_stream()
        # In its eyes each row is a column, so a product by rows is outᵀ = bᵀ aᵀ.
        sizes = (self._handle, of_b[0], of_a[0], n, m, k, functions.one)
        if out.ndim == 2:
            self._check(
                functions.gemm(
                    *(*sizes, b.data.ptr, of_b[1], a.data.ptr, of_a[1]), functions.zero, out.data.ptr, of_out[1]
                )
            )
            return True
        apart = [array.strides[0] // array.itemsize for array in (a, b, out)]
        self._check(
            functions.gemm_of_stacks(
                *(*sizes, b.data.ptr, of_b[1], apart[1], a.data.ptr, of_a[1], apart[0]),
                *(functions.zero, out.data.ptr, of_out[1], apart[2], len(out)),
            )
        )
        return True

    def sum_rows(self, x: Array, out: Array) -> bool:
        """Write the sum of rows into out, if that can be done without a copy; tell whether it was."""
        functions, of_x = self._of_dtype.get(x.dtype.char), _form(x)
        if functions is None or of_x is None or out.dtype != x.dtype or not out.flags.c_contiguous or not x.size:
            return False
        n, m = x.shape
        plain = of_x[0] == _PLAIN
        ones = self._ones_for(n, x)
        self._use_current_stream()
        self._check(
            functions.gemv(
                *(self._handle, _PLAIN if plain else _TRANSPOSED, m if plain else n, n if plain else m, functions.one),
                *(x.data.ptr, of_x[1], ones.data.ptr, 1, functions.zero, out.data.ptr, 1),
            )
        )
        return True

    def _ones_for(self, n: int, like: Array) -> Array:
        for ones in self._ones:
            if ones.dtype == like.dtype and ones.size >= n:
                return ones
        size = max(n, _FIRST_ONES)
        self._ones.append(self._xp.full_like(like, 1.0, shape=(size,)))
        return self._ones[-1]

    def _use_current_stream(self) -> None:
        stream = self._xp.cuda.get_current_stream().ptr
        if stream != self._stream:
            self._check(self._library.cublasSetStream_v2(self._handle, ctypes.c_void_p(stream)))
            # To set the stream takes the workspace away.
            at, size = ctypes.c_void_p(self._workspace.ptr), ctypes.c_size_t(_WORKSPACE)
            self._check(self._library.cublasSetWorkspace_v2(self._handle, at, size))
            self._stream = stream

    @staticmethod
    def _check(status: int) -> None:
        if status:
            raise RuntimeError(f"cuBLAS gives status {status}")


class _Functions:
    """Those of one dtype, and the numbers 1 and 0 in it, which are passed by their place in the host's memory."""

    def __init__(self, found: Any, letter: str, real: Any) -> None:
        self._one, self._zero = real(1.0), real(0.0)
        self.one, self.zero = ctypes.addressof(self._one), ctypes.addressof(self._zero)
        at, number, long = ctypes.c_void_p, ctypes.c_int, ctypes.c_longlong
        sizes = [at, number, number, number, number, number, at]
        self.gemm = getattr(found, f"cublas{letter}gemm_v2")
        self.gemm.argtypes = [*sizes, at, number, at, number, at, at, number]
        self.gemm_of_stacks = getattr(found, f"cublas{letter}gemmStridedBatched")
        self.gemm_of_stacks.argtypes = [*sizes, *[at, number, long] * 2, at, at, number, long, number]
        self.gemv = getattr(found, f"cublas{letter}gemv_v2")
        self.gemv.argtypes = [at, number, number, number, at, at, number, at, number, at, at, number]


def _form(x: Array) -> _Form | None:
    """Return how a matrix, or each of a stack, lies: row by row, or _TRANSPOSED column by column; None if neither."""
    (rows, columns), (down, across), size = x.shape[-2:], x.strides[-2:], x.itemsize
    if max(rows, columns, down // size, across // size) > _LARGEST:
        return None
    if (across == size or columns == 1) and (rows == 1 or down >= columns * size):
        return _PLAIN, max(down // size, columns) if rows > 1 else columns
    if (down == size or rows == 1) and (columns == 1 or across >= rows * size):
        return _TRANSPOSED, max(across // size, rows) if columns > 1 else rows
    return None


def _transposed(x: Array) -> Array:
    return x.T if x.ndim == 2 else x.transpose(0, 2, 1)
