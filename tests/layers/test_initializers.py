import numpy as np
import pytest
from scipy import stats

from mnistnn.layers.initializers import (
    Constant,
    FanInOut,
    Glorot,
    He,
    Normal,
    Orthogonal,
    TruncatedNormal,
    Uniform,
    Zeros,
)

SHAPE = (300, 200)


def draw(initializer, activation="tanh", rng=None):
    return initializer.draw(rng or np.random.default_rng(0), SHAPE, FanInOut(*SHAPE, activation))


def test_zeros_draws_nothing_from_the_stream():
    rng = np.random.default_rng(0)
    assert not draw(Zeros(), rng=rng).any()
    assert rng.random() == np.random.default_rng(0).random()


def test_constant_is_the_same_everywhere_and_draws_nothing_from_the_stream():
    rng = np.random.default_rng(0)
    assert (draw(Constant(value=-1.5), rng=rng) == -1.5).all()
    assert rng.random() == np.random.default_rng(0).random()


def test_normal_has_mean_zero_and_the_standard_deviation_asked_for():
    W = draw(Normal(std=0.3))
    standard_error = 0.3 / np.sqrt(W.size)
    assert abs(W.mean()) < 5 * standard_error
    assert abs(W.std() - 0.3) < 5 * standard_error


def test_normal_default_is_that_of_the_slides():
    assert Normal().std == 0.01


def assert_uniform(W, limit):
    """Within ±limit, close to both ends, and with the standard deviation of a uniform distribution, limit/√3."""
    assert 0.999 * limit < W.max() <= limit
    assert -limit <= W.min() < -0.999 * limit
    assert W.std() == pytest.approx(limit / np.sqrt(3), rel=0.01)


def test_uniform_fills_its_interval():
    assert_uniform(draw(Uniform(limit=0.25)), 0.25)


@pytest.mark.parametrize(("activation", "gain"), [("linear", 1), ("tanh", 1), ("relu", 1), ("sigmoid", 4)])
def test_glorot_limit_follows_from_fans_and_activation(activation, gain):
    assert_uniform(draw(Glorot(), activation), gain * np.sqrt(6 / 500))


def test_glorot_with_a_gain_ignores_the_activation():
    assert_uniform(draw(Glorot(gain=2), "sigmoid"), 2 * np.sqrt(6 / 500))


def test_glorot_limit_of_the_published_multilayer_perceptron():
    rng = np.random.default_rng(0)
    W = Glorot().draw(rng, (784, 500), FanInOut(784, 500, "tanh"))
    assert_uniform(W, np.sqrt(6.0 / 1284))


def test_he_has_the_standard_deviation_of_its_fan_in():
    W, std = draw(He(), "relu"), np.sqrt(2 / 300)
    assert abs(W.mean()) < 5 * std / np.sqrt(W.size)
    assert abs(W.std() - std) < 5 * std / np.sqrt(2 * W.size)


def test_he_keeps_the_mean_square_through_a_deep_rectified_net():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 400))
    before = (x**2).mean()
    for _ in range(5):
        x = np.maximum(x @ He().draw(rng, (400, 400), FanInOut(400, 400, "relu")), 0)
    assert 0.6 < (x**2).mean() / before < 1.6  # the usual half would leave 0.03


def test_truncated_normal_has_the_distribution_of_scipy():
    W = draw(TruncatedNormal(std=0.3))
    assert abs(W).max() <= 0.6
    assert stats.kstest(W.reshape(-1), stats.truncnorm(-2, 2, scale=0.3).cdf).pvalue > 1e-3


@pytest.mark.parametrize(("n_in", "n_out"), [(300, 200), (200, 300), (50, 50), (1, 7), (7, 1)])
def test_orthogonal_has_orthonormal_columns_or_rows_times_gain(n_in, n_out):
    W = Orthogonal(gain=1.5).draw(np.random.default_rng(0), (n_in, n_out), FanInOut(n_in, n_out, "tanh")) / 1.5
    gram = W.T @ W if n_in >= n_out else W @ W.T
    np.testing.assert_allclose(gram, np.eye(min(n_in, n_out)), atol=1e-13)


@pytest.mark.parametrize("shape", [(6, 2, 3, 3), (30, 2, 3, 3), (18, 2, 3, 3), (5, 1, 1, 1)], ids=str)
def test_orthogonal_kernels_are_a_matrix_with_a_row_for_each_map(shape):
    W = Orthogonal(gain=1.5).draw(np.random.default_rng(0), shape, FanInOut(18, shape[0], "tanh"))
    assert W.shape == shape
    rows = W.reshape(len(W), -1) / 1.5
    gram = rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows
    np.testing.assert_allclose(gram, np.eye(min(rows.shape)), atol=1e-13)


def test_orthogonal_matrices_are_uniform_over_rotations_and_reflections():
    """Each entry of a uniform orthogonal 2×2 matrix is the cosine of a uniform angle."""
    rng = np.random.default_rng(0)
    drawn = np.stack([Orthogonal().draw(rng, (2, 2), FanInOut(2, 2, "tanh")) for _ in range(2000)])
    for entry in drawn.reshape(-1, 4).T:
        assert stats.kstest(entry, stats.arcsine(-1, 2).cdf).pvalue > 1e-3
    assert 0.45 < (np.linalg.det(drawn) > 0).mean() < 0.55


DRAWING = [Normal(), TruncatedNormal(), Uniform(limit=1), Glorot(), He(), Orthogonal()]


@pytest.mark.parametrize("initializer", DRAWING, ids=lambda i: i.type)
def test_draws_follow_the_stream(initializer):
    first, again, other = (draw(initializer, rng=np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_legacy_stream_gives_the_numbers_of_the_published_programs():
    limit = np.sqrt(6.0 / 500)
    expected = np.random.RandomState(1234).uniform(low=-limit, high=limit, size=SHAPE)
    assert np.array_equal(draw(Glorot(), rng=np.random.RandomState(1234)), expected)
