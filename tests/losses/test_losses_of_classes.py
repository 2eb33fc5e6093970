"""What the losses with one output per class have in common, and where they differ."""

import numpy as np
import pytest
from scipy.special import expit, log_expit, log_softmax

from mnistnn.losses.sigmoid_normalized_nll import SigmoidNormalizedNLL
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.losses.squared_error import SquaredError
from mnistnn.types import ShapeError


def normalized_sigmoids(z):
    return expit(z) / expit(z).sum(axis=1, keepdims=True)


def log_normalized_sigmoids(z):
    return log_expit(z) - np.log(expit(z).sum(axis=1, keepdims=True))


# class → (losses of all labels (n, k), probabilities), each from the definition
ORACLES = {
    SoftmaxNLL: (lambda z: -log_softmax(z, axis=1), lambda z: np.exp(log_softmax(z, axis=1))),
    SigmoidNormalizedNLL: (lambda z: -log_normalized_sigmoids(z), normalized_sigmoids),
    SquaredError: (lambda z: (z**2).sum(axis=1, keepdims=True) - z**2 + (z - 1) ** 2, lambda z: z),
}
each_loss = pytest.mark.parametrize("kind", ORACLES, ids=lambda kind: kind.__name__)


def built(kind):
    loss = kind()
    loss.build((10,), 10)
    return loss


def draw(n=50):
    rng = np.random.default_rng(0)
    return rng.normal(0, 2, size=(n, 10)), rng.integers(10, size=n)


@each_loss
def test_value_is_the_mean_over_examples(kind):
    z, labels = draw()
    value, _ = built(kind).value_and_dz(z, labels)
    assert value == pytest.approx(ORACLES[kind][0](z)[np.arange(50), labels].mean(), rel=1e-12)


@each_loss
def test_score_sums_losses_and_counts_rows_whose_largest_output_is_not_the_label(kind):
    z, labels = draw()
    found = built(kind).score(z, labels)
    assert found.loss == pytest.approx(ORACLES[kind][0](z)[np.arange(50), labels].sum(), rel=1e-12)
    assert found.errors == sum(list(row).index(max(row)) != label for row, label in zip(z, labels, strict=True))
    assert 0 < found.errors < found.examples == 50


@each_loss
def test_probabilities_equal_the_definition_in_a_new_array(kind):
    z, _ = draw()
    before = z.copy()
    p = built(kind).probabilities(z)
    np.testing.assert_allclose(p, ORACLES[kind][1](before), rtol=1e-12)
    assert not np.shares_memory(p, z)
    assert np.array_equal(z, before)


@each_loss
def test_inputs_are_only_read(kind):
    z, labels = draw()
    z.setflags(write=False)
    labels.setflags(write=False)
    built(kind).value_and_dz(z, labels)
    built(kind).score(z, labels)


@each_loss
def test_result_does_not_depend_on_the_batch_before(kind):
    used = built(kind)
    used.value_and_dz(np.full((60, 10), np.nan), np.zeros(60, "int64"))
    found, expected = used.value_and_dz(*draw()), built(kind).value_and_dz(*draw())
    assert found[0] == expected[0]
    assert np.array_equal(found[1], expected[1])


@each_loss
def test_smaller_batch_uses_the_same_memory(kind):
    loss = built(kind)
    assert len({loss.value_and_dz(*draw(n))[1].ctypes.data for n in (7, 3, 7)}) == 1


@each_loss
@pytest.mark.parametrize("shape", [(9,), (11,), (1,), (10, 1)])
def test_model_must_end_in_one_output_per_class(kind, shape):
    with pytest.raises(ShapeError, match=f"{kind().type} needs one output per class: 10, but this layer gives"):
        kind().build(shape, 10)
