import numpy as np
import pytest

from mnistnn.optim.averaging import WeightAverage


def test_average_equals_its_recurrence():
    rng = np.random.default_rng(0)
    average, expected = WeightAverage(decay=0.8), np.array([1.0, -2.0])
    average.allocate(expected)
    for t in range(1, 60):
        theta = rng.normal(size=2)
        d = min(0.8, (1 + t) / (10 + t))
        expected = d * expected + (1 - d) * theta
        average.follow(theta, t)
        np.testing.assert_allclose(average.theta, expected, rtol=1e-12)


def test_average_begins_at_a_copy_of_theta():
    average, theta = WeightAverage(), np.array([1.0, -2.0])
    average.allocate(theta)
    theta[...] = 7
    assert average.theta.tolist() == [1.0, -2.0]


def test_average_of_what_does_not_move_is_it():
    average, theta = WeightAverage(), np.array([0.1, -2.7], "float32")
    average.allocate(theta)
    for t in range(1, 100):
        average.follow(theta, t)
    assert np.array_equal(average.theta, theta)


def test_start_is_forgotten_soon_whatever_the_decay():
    average = WeightAverage(decay=0.9999)
    average.allocate(np.array([1.0]))
    for t in range(1, 101):
        average.follow(np.array([0.0]), t)
    assert average.theta[0] < 1e-6


def test_average_keeps_its_array_and_dtype():
    average, theta = WeightAverage(decay=0.9), np.ones(3, "float32")
    average.allocate(theta)
    held = average.theta
    average.follow(theta * 2, 1)
    assert average.theta is held
    assert held.dtype == "float32"
    assert held == pytest.approx(1 + 9 / 11)
