"""What stands in for cuBLAS: its C functions as mnistnn calls them, with places in memory, done by NumPy.

Matrices are column by column there; read row by row they are transposed, and so is their product.
"""

import ctypes
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from tests.device.array import DeviceArray

_NOT_TRANSPOSED = 0


def _lines(at: int, dtype: np.dtype, columns: int, rows: int, apart: int) -> np.ndarray:
    """Return the columns of a matrix at a place in memory as rows: (columns, rows)."""
    assert apart >= rows, "the columns of a matrix overlap"
    size = ((columns - 1) * apart + rows) * dtype.itemsize
    memory = np.frombuffer(memoryview((ctypes.c_byte * size).from_address(at)), dtype=dtype)
    return as_strided(memory, (columns, rows), (apart * dtype.itemsize, dtype.itemsize))


def _number(at: int, dtype: np.dtype) -> Any:
    return _lines(at, dtype, 1, 1, 1)[0, 0]


class _Function:
    """One function for one dtype. `argtypes` is set by who calls it."""

    def __init__(self, dtype: str) -> None:
        self.dtype = np.dtype(dtype)
        self.argtypes: list[Any] = []

    def __call__(self, *arguments: Any) -> int:
        assert len(arguments) == len(self.argtypes)
        out, compute = self.prepared(*arguments)
        tape = DeviceArray.traffic.tape
        if tape is not None:
            tape.keep(out)
            tape.add(compute)
        compute()
        return 0

    def prepared(self, *arguments: Any) -> Any:
        raise NotImplementedError


class _Gemm(_Function):
    def prepared(self, handle, of_a, of_b, m, n, k, one, a, lda, b, ldb, zero, c, ldc) -> Any:
        assert (_number(one, self.dtype), _number(zero, self.dtype)) == (1.0, 0.0)
        a_ = _lines(a, self.dtype, k, m, lda) if of_a == _NOT_TRANSPOSED else _lines(a, self.dtype, m, k, lda).T
        b_ = _lines(b, self.dtype, n, k, ldb) if of_b == _NOT_TRANSPOSED else _lines(b, self.dtype, k, n, ldb).T
        out = _lines(c, self.dtype, n, m, ldc)
        return out, lambda: np.matmul(b_, a_, out=out)


class _GemmOfStacks(_Function):
    def prepared(self, handle, of_a, of_b, m, n, k, one, a, lda, by_a, b, ldb, by_b, zero, c, ldc, by_c, count) -> Any:
        one_product, size = _Gemm(self.dtype.name), self.dtype.itemsize
        products = [
            one_product.prepared(
                *(handle, of_a, of_b, m, n, k, one, a + i * by_a * size, lda, b + i * by_b * size, ldb, zero),
                *(c + i * by_c * size, ldc),
            )
            for i in range(count)
        ]
        whole = _lines(c, self.dtype, 1, (count - 1) * by_c + (n - 1) * ldc + m, 1 << 40)
        return whole, lambda: [compute() for _, compute in products]


class _Gemv(_Function):
    def prepared(self, handle, of_a, m, n, one, a, lda, x, by_x, zero, y, by_y) -> Any:
        ones = _lines(x, self.dtype, 1, n if of_a == _NOT_TRANSPOSED else m, 1 << 40)
        assert np.all(ones == 1.0)
        assert by_x == by_y == 1
        lines, axis = _lines(a, self.dtype, n, m, lda), 0 if of_a == _NOT_TRANSPOSED else 1
        out = _lines(y, self.dtype, 1, lines.shape[1 - axis], 1 << 40)[0]
        return out, lambda: np.sum(lines, axis=axis, out=out)


class Blas:
    def __init__(self) -> None:
        for letter, dtype in (("S", "float32"), ("D", "float64")):
            setattr(self, f"cublas{letter}gemm_v2", _Gemm(dtype))
            setattr(self, f"cublas{letter}gemmStridedBatched", _GemmOfStacks(dtype))
            setattr(self, f"cublas{letter}gemv_v2", _Gemv(dtype))

    def cublasCreate_v2(self, handle: Any) -> int:
        return 0

    def cublasSetStream_v2(self, handle: Any, stream: Any) -> int:
        return 0

    def cublasSetWorkspace_v2(self, handle: Any, place: Any, size: Any) -> int:
        return 0
