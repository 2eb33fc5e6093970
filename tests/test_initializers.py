import numpy as np
import pytest

from mnistnn.initializers import Fan, Glorot, Normal, Uniform, Zeros

SHAPE = (300, 200)


def draw(initializer, activation="tanh", rng=None):
    return initializer.draw(rng or np.random.default_rng(0), SHAPE, Fan(*SHAPE, activation))


def test_zeros_draws_nothing_from_the_stream():
    rng = np.random.default_rng(0)
    assert not draw(Zeros(), rng=rng).any()
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
    W = Glorot().draw(rng, (784, 500), Fan(784, 500, "tanh"))
    assert_uniform(W, np.sqrt(6.0 / 1284))


@pytest.mark.parametrize("initializer", [Normal(), Uniform(limit=1), Glorot()], ids=lambda i: i.type)
def test_draws_follow_the_stream(initializer):
    first, again, other = (draw(initializer, rng=np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_legacy_stream_gives_the_numbers_of_the_published_programs():
    limit = np.sqrt(6.0 / 500)
    expected = np.random.RandomState(1234).uniform(low=-limit, high=limit, size=SHAPE)
    assert np.array_equal(draw(Glorot(), rng=np.random.RandomState(1234)), expected)
