"""Gram matrices against their formulas, number by number."""

import numpy as np
import pytest

from mnistnn.backend import threads
from mnistnn.kernels.svm_kernels import gaussian, polynomial, squared_lengths, unit_rows


def rows(n, d=7, seed=0, dtype="float64"):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(dtype)


def gram_of(kernel, u, v, *keys):
    out = np.full((len(u), len(v)), np.nan, dtype=u.dtype)
    kernel(u, v, *keys, out)
    return out


@pytest.mark.parametrize("degree", range(1, 17))
def test_polynomial_is_a_power_of_each_product(degree):
    u, v = rows(5), rows(4, seed=1)
    expected = [[((a @ b + 0.7) * 0.4) ** degree for b in v] for a in u]
    np.testing.assert_allclose(gram_of(polynomial, u, v, degree, 0.7, 0.4), expected, rtol=1e-13 * degree)


def test_gaussian_falls_with_the_distance_of_each_two():
    u, v = rows(5), rows(4, seed=1)
    expected = [[np.exp(-0.3 * np.sum((a - b) ** 2)) for b in v] for a in u]
    np.testing.assert_allclose(gram_of(gaussian, u, v, 0.3), expected, rtol=1e-12)


def test_gaussian_of_equal_inputs_is_never_above_one():
    u = 100.0 + rows(300, dtype="float32")
    found = gram_of(gaussian, u, u, 0.5)
    assert found.max() == 1.0
    np.testing.assert_allclose(found.diagonal(), 1.0, atol=0.1)  # ‖u‖² is 7·10⁴, of which float32 knows 0.01


@pytest.mark.parametrize(("kernel", "keys"), [(polynomial, (9, 1.0, 0.5)), (gaussian, (2.0,))])
def test_float32_is_float64_rounded(kernel, keys):
    u, v = unit_rows(rows(50, 784)), unit_rows(rows(60, 784, seed=1))
    expected = gram_of(kernel, u, v, *keys)
    np.testing.assert_allclose(gram_of(kernel, u.astype("f4"), v.astype("f4"), *keys), expected, rtol=1e-5)


@pytest.mark.parametrize(("kernel", "keys"), [(polynomial, (9, 1.0, 0.5)), (gaussian, (2.0,))])
def test_number_of_threads_changes_no_bit(kernel, keys):
    u, v = rows(300, 200, dtype="float32"), rows(1000, 200, seed=1, dtype="float32")
    u, v = unit_rows(u), unit_rows(v)
    found = []
    for count in (1, 3):
        with threads.allowed(count):
            found.append(gram_of(kernel, u, v, *keys).tobytes())
    assert found[0] == found[1]


def test_inputs_are_only_read():
    u = rows(5)
    u.setflags(write=False)
    for kernel, keys in ((polynomial, (3, 1.0, 1.0)), (gaussian, (1.0,))):
        gram_of(kernel, u, u, *keys)
    unit_rows(u)


def test_unit_rows_have_length_one_and_zeros_stay():
    x = rows(6)
    x[2] = 0
    found = unit_rows(x)
    np.testing.assert_allclose(squared_lengths(found), [1, 1, 0, 1, 1, 1], rtol=1e-14)
    np.testing.assert_allclose(found[0] / x[0], 1 / np.linalg.norm(x[0]), rtol=1e-14)
