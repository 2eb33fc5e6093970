import numpy as np
import pytest
from scipy import special

from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.types import ShapeError


@pytest.fixture
def loss():
    loss = SoftmaxNLL()
    loss.build((10,), 10)
    return loss


def draw(n=7, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 3, size=(n, 10)).astype(dtype), rng.integers(10, size=n)


def exact_losses(z, labels):
    return -special.log_softmax(z.astype("float64"), axis=1)[np.arange(len(z)), labels]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 7])
def test_value_is_the_mean_negative_log_likelihood(loss, n, dtype):
    z, labels = draw(n, dtype)
    value, _ = loss.value_and_dz(z, labels)
    assert float(value) == pytest.approx(exact_losses(z, labels).mean(), rel=float(16 * np.finfo(dtype).eps))


def test_value_of_equal_scores_is_the_logarithm_of_the_number_of_classes(loss):
    value, _ = loss.value_and_dz(np.zeros((4, 10)), np.arange(4))
    assert value == pytest.approx(np.log(10), rel=1e-15)


@pytest.mark.parametrize("n", [1, 7])
def test_dz_is_the_difference_of_probabilities_and_truth(loss, n):
    z, labels = draw(n)
    _, dz = loss.value_and_dz(z, labels)
    np.testing.assert_allclose(dz, (special.softmax(z, axis=1) - np.eye(10)[labels]) / n, atol=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_value_and_dz_keep_the_dtype(loss, dtype):
    value, dz = loss.value_and_dz(*draw(dtype=dtype))
    assert value.dtype == dz.dtype == dtype


@pytest.mark.parametrize("kind", ["uint8", "int32", "int64"])
def test_labels_may_be_integers_of_any_size(loss, kind):
    z, labels = draw(200)  # 200 rows of 10: places up to 1999, beyond uint8
    value, _ = loss.value_and_dz(z, labels.astype(kind))
    assert value == pytest.approx(exact_losses(z, labels).mean())


def test_inputs_are_only_read(loss):
    z, labels = draw()
    z.setflags(write=False)
    labels.setflags(write=False)
    loss.value_and_dz(z, labels)
    loss.score(z, labels)


def test_smaller_batch_uses_the_same_memory(loss):
    places = {loss.value_and_dz(*draw(n))[1].ctypes.data for n in (7, 3, 7)}
    assert len(places) == 1


def test_result_does_not_depend_on_the_batch_before(loss):
    loss.value_and_dz(np.full((9, 10), np.nan), np.zeros(9, "int64"))
    value, dz = loss.value_and_dz(*draw())
    fresh = SoftmaxNLL()
    fresh.build((10,), 10)
    expected_value, expected_dz = fresh.value_and_dz(*draw())
    assert value == expected_value
    assert np.array_equal(dz, expected_dz)


def test_score_sums_losses_and_counts_misclassified_examples(loss):
    z, labels = draw(50)
    found = loss.score(z, labels)
    assert found.loss == pytest.approx(exact_losses(z, labels).sum(), rel=1e-14)
    assert found.errors == sum(
        int(max(range(10), key=row.__getitem__)) != label for row, label in zip(z, labels, strict=True)
    )
    assert found.examples == 50


def test_score_sums_float32_losses_in_float64(loss):
    z, labels = np.zeros((100_000, 10), "float32"), np.zeros(100_000, "int64")
    one = loss.score(z[:1], labels[:1]).loss
    assert loss.score(z, labels).loss == pytest.approx(100_000 * one, rel=1e-12)


def test_predict_takes_the_first_of_equal_scores(loss):
    assert loss.predict(np.array([[0, 1, 1], [2, 2, 0], [0, 0, 5]])).tolist() == [1, 0, 2]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_probabilities_are_the_softmax_in_a_new_array(loss, dtype):
    z, _ = draw(dtype=dtype)
    before = z.copy()
    p = loss.probabilities(z)
    np.testing.assert_allclose(p, special.softmax(before.astype("float64"), axis=1), atol=8 * np.finfo(dtype).eps)
    assert np.array_equal(z, before)
    assert p.dtype == dtype


@pytest.mark.parametrize("shape", [(9,), (11,), (10, 1), (28, 28)])
def test_model_must_end_in_one_score_per_class(shape):
    with pytest.raises(ShapeError, match="one output per class: 10, but this layer gives"):
        SoftmaxNLL().build(shape, 10)
