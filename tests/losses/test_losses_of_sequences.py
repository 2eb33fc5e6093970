"""A loss at each step, and that of numbers: against their formulas, gaps included, and gradients by differences."""

import numpy as np
import pytest

from mnistnn.losses.each_step import EachStep
from mnistnn.losses.mean_squared_error import MeanSquaredError
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.losses.squared_error import SquaredError
from mnistnn.types import ShapeError

N, T, K = 4, 5, 3


def outputs(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(N, T, K))


def labels(gaps: bool) -> np.ndarray:
    found = np.random.default_rng(1).integers(K, size=(N, T))
    if gaps:
        found[0, 2:], found[2] = -1, -1
    return found


def differences(loss, z, targets, step=1e-6):
    found = np.empty_like(z)
    for at in np.ndindex(z.shape):
        middle = z[at]
        z[at] = middle + step
        above = float(loss.value_and_dz(z, targets)[0])
        z[at] = middle - step
        found[at] = (above - float(loss.value_and_dz(z, targets)[0])) / (2 * step)
        z[at] = middle
    return found


@pytest.mark.parametrize("gaps", [False, True])
def test_loss_is_the_mean_over_steps_that_have_a_label(gaps):
    loss, z, y = EachStep(SoftmaxNLL()), outputs(), labels(gaps)
    loss.build((T, K), K)
    nll = -(z - np.log(np.exp(z).sum(axis=2, keepdims=True)))
    counted = [nll[i, s, y[i, s]] for i in range(N) for s in range(T) if y[i, s] >= 0]
    value, dz = loss.value_and_dz(z, y)
    assert float(value) == pytest.approx(np.mean(counted), rel=1e-12)
    np.testing.assert_allclose(dz.copy(), differences(loss, z, y), atol=1e-9)
    losses, dz = loss.losses_and_dz(z, y)
    assert losses.mean() == pytest.approx(np.mean(counted), rel=1e-12)
    assert not dz[y < 0].any()
    score = loss.score(z, y)
    read = z.argmax(axis=2)
    assert (score.errors, score.examples) == (int(((read != y) & (y >= 0)).sum()), len(counted))
    assert score.loss == pytest.approx(np.sum(counted), rel=1e-12)
    np.testing.assert_array_equal(loss.predict(z), read)
    np.testing.assert_allclose(loss.probabilities(z).sum(axis=2), 1.0, rtol=1e-12)


def test_batch_without_any_label_loses_nothing():
    loss = EachStep(SoftmaxNLL())
    loss.build((T, K), K)
    value, dz = loss.value_and_dz(outputs(), np.full((N, T), -1))
    assert float(value) == 0.0
    assert not dz.any()


@pytest.mark.parametrize("shape", [(K,), (T, K)])
@pytest.mark.parametrize("gaps", [False, True])
def test_squares_are_averaged_over_the_numbers_that_there_are(shape, gaps):
    loss, rng = MeanSquaredError(), np.random.default_rng(3)
    loss.build(shape, shape)
    z, y = rng.normal(size=(N, *shape)), rng.normal(size=(N, *shape))
    if gaps:
        y[0, 1:], y[2] = np.nan, np.nan
    value, dz = loss.value_and_dz(z, y)
    expected = np.nanmean((z - y) ** 2)
    assert float(value) == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(dz.copy(), differences(loss, z, y), atol=1e-9)
    assert loss.losses_and_dz(z, y)[0].mean() == pytest.approx(expected, rel=1e-12)
    score = loss.score(z, y)
    assert (score.errors, score.examples) == (0, int((~np.isnan(y)).sum()))
    assert score.loss / score.examples == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_keep_the_dtype(dtype):
    step, square = EachStep(SquaredError()), MeanSquaredError()
    step.build((T, K), K)
    square.build((T, K), (T, K))
    z = outputs().astype(dtype)
    for loss, targets in ((step, labels(True)), (square, outputs(1).astype(dtype))):
        value, dz = loss.value_and_dz(z, targets)
        assert value.dtype == dz.dtype == np.dtype(dtype)


def test_outputs_that_do_not_fit_are_refused_with_both_shapes():
    with pytest.raises(ShapeError, match="each step has a label, and the model gives 3 at the end"):
        EachStep(SoftmaxNLL()).build((K,), K)
    with pytest.raises(ShapeError, match="needs an output for each number: 1, but this layer gives 5×1"):
        MeanSquaredError().build((5, 1), (1,))
