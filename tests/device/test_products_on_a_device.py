"""Products and sums as cuBLAS is asked for them, on the stand-in and on a GPU: any order of memory, none copied."""

import numpy as np
import pytest

from mnistnn.backend import matmul

DTYPES = {"float32": 1e-5, "float64": 1e-13}


@pytest.fixture(params=["stand-in", pytest.param("gpu", marks=pytest.mark.gpu)])
def xp(request):
    return request.getfixturevalue("cupy") if request.param == "stand-in" else pytest.importorskip("cupy")


@pytest.fixture
def no_copies(xp, monkeypatch):
    """Let what cuBLAS cannot read as it lies fail, instead of going to CuPy."""
    monkeypatch.setattr(xp, "matmul", None)
    monkeypatch.setattr(xp, "sum", None)
    return xp


def laid_out(xp, values, order):
    """Return values on the device, in an order of memory: by rows, by columns, or as a part of something wider."""
    if order == "rows":
        return xp.asarray(values)
    if order == "columns":
        return xp.asarray(np.ascontiguousarray(values.swapaxes(-1, -2))).transpose(
            *range(values.ndim - 2), values.ndim - 1, values.ndim - 2
        )
    wide = np.concatenate([values, values, values], axis=-1)
    return xp.asarray(wide)[..., : values.shape[-1]]


ORDERS = ("rows", "columns", "part")
SIZES = [(5, 40, 7), (1, 40, 7), (5, 1, 7), (5, 40, 1), (1, 1, 1), (6, 3, 4)]


@pytest.mark.parametrize(("sizes", "dtype"), [*((sizes, "float64") for sizes in SIZES), (SIZES[0], "float32")])
@pytest.mark.parametrize("of_out", ORDERS)
@pytest.mark.parametrize("of_b", ORDERS)
@pytest.mark.parametrize("of_a", ORDERS)
def test_product_is_that_of_numpy_in_any_order_of_memory(no_copies, of_a, of_b, of_out, sizes, dtype):
    xp, (m, k, n), rng = no_copies, sizes, np.random.default_rng(0)
    a, b = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
    out = laid_out(xp, np.zeros((m, n), dtype), of_out)
    matmul.serial_matmul(laid_out(xp, a, of_a), laid_out(xp, b, of_b), out)
    np.testing.assert_allclose(out.get(), a @ b, rtol=0, atol=DTYPES[dtype] * k)


@pytest.mark.parametrize("of_out", ["rows", "columns"])
@pytest.mark.parametrize("of_b", ORDERS)
@pytest.mark.parametrize("of_a", ORDERS)
def test_product_of_stacks_is_that_of_numpy(no_copies, of_a, of_b, of_out):
    xp, rng = no_copies, np.random.default_rng(0)
    a, b = rng.normal(size=(3, 5, 40)), rng.normal(size=(3, 40, 7))
    out = laid_out(xp, np.zeros((3, 5, 7)), of_out)
    matmul.serial_matmul(laid_out(xp, a, of_a), laid_out(xp, b, of_b), out)
    np.testing.assert_allclose(out.get(), a @ b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("shape", [(7, 5), (1, 5), (7, 1), (2000, 3)])
def test_sum_is_that_of_numpy(no_copies, shape, order, axis):
    values = np.random.default_rng(0).normal(size=shape)
    out = no_copies.zeros(shape[1 - axis])
    matmul.sum_along(laid_out(no_copies, values, order), axis, out)
    np.testing.assert_allclose(out.get(), values.sum(axis=axis), rtol=1e-12, atol=1e-12)


def test_matrix_with_gaps_everywhere_goes_to_cupy(xp):
    values = np.random.default_rng(0).normal(size=(80, 80))
    spread, out = xp.asarray(values)[::2, ::2], xp.zeros((40, 40))
    matmul.serial_matmul(spread, spread, out)
    np.testing.assert_allclose(out.get(), values[::2, ::2] @ values[::2, ::2], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("side", [4, 40])
def test_numbers_of_another_dtype_go_to_cupy(xp, side):
    expected = np.arange(side * side).reshape(side, side)
    numbers, out = xp.asarray(expected), xp.zeros((side, side), dtype="int64")
    matmul.serial_matmul(numbers, numbers, out)
    np.testing.assert_array_equal(out.get(), expected @ expected)


def test_status_of_cublas_other_than_success_is_an_error(cupy, monkeypatch):
    monkeypatch.setattr("tests.device.blas.Blas.cublasCreate_v2", lambda *arguments: 3)
    with pytest.raises(RuntimeError, match="cuBLAS gives status 3"):
        matmul.serial_matmul(cupy.zeros((40, 40)), cupy.zeros((40, 40)), cupy.zeros((40, 40)))
