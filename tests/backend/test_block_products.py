"""Products in blocks: against NumPy in float64, for any number of rows and odd sizes."""

import numpy as np
import pytest

from mnistnn.backend import block_products, jit

pytest.importorskip("numba")

multiply = jit.CompiledFunction(block_products.multiply, prepare=block_products.teach_numba)


def matrices(n: int, k: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a (n, k), B (k, m), and B in panels."""
    rng = np.random.default_rng(n + k + m)
    a, B = rng.normal(size=(n, k)).astype("float32"), rng.normal(size=(k, m)).astype("float32")
    packed = np.full(block_products.packed_shape(k, m), np.nan, "float32")
    block_products.pack(B, packed)
    return a, B, packed


def product(a: np.ndarray, packed: np.ndarray) -> np.ndarray:
    c = np.full((len(a), packed.shape[0] * packed.shape[2]), np.nan, "float32")
    multiply(a, packed, c)
    return c


@pytest.mark.parametrize(("k", "m"), [(1, 1), (5, 64), (33, 130), (128, 512)])
@pytest.mark.parametrize("n", [*range(1, 14), 64])
def test_product_is_that_of_numpy(n, k, m):
    a, B, packed = matrices(n, k, m)
    found = product(a, packed)
    np.testing.assert_allclose(found[:, :m], a.astype("float64") @ B.astype("float64"), rtol=1e-4, atol=1e-5 * k)
    assert not found[:, m:].any()


def test_bits_of_a_row_depend_on_no_other_row():
    a, _, packed = matrices(23, 40, 70)
    whole = product(a, packed)
    for rows in (slice(0, 1), slice(3, 8), slice(7, 23)):
        np.testing.assert_array_equal(product(a[rows], packed), whole[rows])


def test_transposed_matrix_is_packed_as_a_copy_of_it_would_be():
    _, B, packed = matrices(1, 37, 70)
    turned = np.full_like(packed, np.nan)
    block_products.pack_transposed(np.ascontiguousarray(B.T), turned)
    np.testing.assert_array_equal(turned, packed)


def test_interpreted_product_is_that_of_the_compiled_one():
    a, _, packed = matrices(8, 20, 70)
    c = np.empty((8, block_products.padded(70)), "float32")
    block_products.multiply(a, packed, c)
    np.testing.assert_allclose(c, product(a, packed), rtol=1e-4, atol=1e-5)


def copy_of_step(steps, s, out):
    out[:] = block_products.step_of(steps, s)


@pytest.mark.parametrize("part", [np.s_[:, 2:5], np.s_[::-1, :3], np.s_[1:]])
def test_step_of_a_part_is_a_matrix(part):
    steps = np.arange(4 * 6 * 3, dtype="float32").reshape(4, 6, 3)[part]
    out = np.empty(steps.shape[1:], "float32")
    jit.CompiledFunction(copy_of_step, prepare=block_products.teach_numba)(steps, 1, out)
    np.testing.assert_array_equal(out, steps[1])
