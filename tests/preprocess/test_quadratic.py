"""Products of inputs."""

import numpy as np
import pytest

from mnistnn.preprocess.quadratic import Quadratic
from mnistnn.types import ShapeError


def naive(x, linear):
    """Return each example's features, one product after the other."""
    rows = x.reshape(len(x), -1)
    return np.array(
        [
            [*(row if linear else ()), *(row[i] * row[j] for i in range(len(row)) for j in range(i, len(row)))]
            for row in rows
        ]
    )


@pytest.mark.parametrize("linear", [True, False])
@pytest.mark.parametrize("in_shape", [(3,), (2, 2), (1,)])
def test_every_product_of_two_inputs_is_there_once(in_shape, linear):
    x = np.random.default_rng(3).normal(size=(5, *in_shape))
    transform = Quadratic(linear=linear)
    transform.build(in_shape)
    expected = naive(x, linear)
    found = transform.apply(x.copy())
    assert found.shape == (5, *transform.out_shape)
    np.testing.assert_array_equal(found, expected)


def test_more_examples_than_a_block_are_all_transformed():
    x = np.random.default_rng(4).normal(size=(5000, 2)).astype("float32")
    transform = Quadratic()
    transform.build((2,))
    np.testing.assert_array_equal(transform.apply(x.copy()), naive(x, linear=True).astype("float32"))


def test_too_many_inputs_are_refused_with_the_way_out():
    with pytest.raises(ShapeError, match=r"784 inputs have 307,720 products, .* whiten with `dimensions`"):
        Quadratic().build((28, 28))


def test_linear_model_of_the_features_finds_any_quadratic_function():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(60, 3))
    A, b = rng.normal(size=(3, 3)), rng.normal(size=3)
    target = np.einsum("ni,ij,nj->n", x, A, x) + x @ b
    transform = Quadratic()
    transform.build((3,))
    features = transform.apply(x.copy())
    weights, *_ = np.linalg.lstsq(features, target, rcond=None)
    np.testing.assert_allclose(features @ weights, target, atol=1e-10)
