"""The parts of boosting against naive loops in float64, and compiled loops against array code: the same bits."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from mnistnn.backend import jit, threads
from mnistnn.kernels import stumps
from mnistnn.kernels.stumps import Binned, Features

ROWS, N, F = 12, 9000, 21
CLASSES = [3, 10, 19]
each_number_of_classes = pytest.mark.parametrize("k", CLASSES)


def table_of(n: int = N) -> np.ndarray:
    return np.random.default_rng(1).integers(-(10**6), 10**6, (ROWS, n)).astype(np.int32)


def features_of(count: int = F) -> Features:
    """Return features of one to four rows; the last one is 0 everywhere."""
    rng = np.random.default_rng(2)
    coefficients = rng.integers(-2, 3, (count, 4)).astype(np.int32)
    coefficients[-1] = 0
    return Features(rng.integers(ROWS, size=(count, 4)).astype(np.int32), coefficients)


def weights_of(k: int, n: int = N) -> np.ndarray:
    """Return weights that have no two alike, with the signs of targets."""
    rng = np.random.default_rng(3)
    weights = stumps.first_weights(rng.integers(k, size=n), k)
    weights *= rng.uniform(0.5, 2.0, weights.shape).astype(np.float32)
    return weights


def values_of(table: np.ndarray, features: Features) -> np.ndarray:
    """Return the values of features (f, n), int64."""
    wide = table.astype(np.int64)
    pairs = zip(*features, strict=True)
    return np.array([sum(c * wide[place] for place, c in zip(*each, strict=True)) for each in pairs])


@pytest.fixture
def all_ways(monkeypatch) -> Callable[[Callable[[], Any]], None]:
    """Assert that a function returns the same bits as array code and by loops, with one thread and with three."""
    pytest.importorskip("numba")

    def check(function: Callable[[], Any]) -> None:
        results = []
        for used, most in product((False, True), (1, 3)):
            monkeypatch.setattr(jit, "is_available", lambda used=used: used)
            with threads.allowed(most):
                results.append(function())
        for found in results[1:]:
            for a, b in zip(found, results[0], strict=True):
                assert np.array_equal(a, b)

    return check


@pytest.mark.parametrize("most", [2, 5, 32, 200, 256])
def test_bins_are_as_many_as_allowed_and_in_order_of_values(most):
    table, features = table_of(500), features_of()
    values, found = values_of(table, features), stumps.bin_values(table, features, most)
    assert (found.bins.max(axis=1) + 1 == found.used).all()
    assert found.used.max() <= most
    assert (2 * found.used[:-1] > most).all()  # widths are powers of two
    for value, bins, lowest, shift in zip(values, *found[:3], strict=True):
        assert np.array_equal(bins, (value - value.min()) // 2**shift)
        assert lowest == value.min()


def test_constant_feature_has_one_bin():
    assert stumps.bin_values(table_of(50), features_of(), 32).used[-1] == 1


def test_values_that_differ_by_almost_all_of_int32_are_binned():
    table = np.array([[-(2**30), 0, 2**30 - 1]], np.int32)
    found = stumps.bin_values(table, Features(np.zeros((1, 1), np.int32), np.ones((1, 1), np.int32)), 4)
    assert found.bins.tolist() == [[0, 2, 3]]


def test_stump_cuts_where_its_threshold_is():
    table, features = table_of(500), features_of()
    values, binned = values_of(table, features), stumps.bin_values(table, features, 64)
    for feature in range(F - 1):
        for cut in (0, int(binned.used[feature]) // 2, int(binned.used[feature]) - 2):
            expected = np.where(values[feature] >= binned.threshold(feature, cut), 1, -1)
            assert np.array_equal(binned.stump(feature, cut), expected)


@each_number_of_classes
def test_search_finds_the_largest_edge_of_all(k):
    n = 400
    binned, weights = stumps.bin_values(table_of(n), features_of(), 32), weights_of(k, n)
    edges = {
        (f, cut): sum(abs(weights[:, c].astype(float) @ binned.stump(f, cut)) for c in range(k))
        for f in range(F)
        for cut in range(binned.used[f] - 1)
    }
    feature, cut, edge = stumps.search(binned, weights, k)
    assert (feature, cut) == max(edges, key=lambda key: edges[key])
    assert edge == pytest.approx(edges[feature, cut], rel=1e-5)


def test_first_of_equal_stumps_is_found():
    bins = np.array([[0, 0, 1, 1], [0, 2, 4, 4], [0, 2, 4, 4]], np.uint8)
    nothing = np.zeros(3, np.int32)
    binned = Binned(bins, nothing, nothing, np.array([2, 5, 5], np.int32))
    weights = stumps.first_weights(np.array([0, 1, 1, 1]), 2)
    assert stumps.search(binned, weights, 2)[:2] == (1, 0)


def test_search_among_constants_finds_nothing():
    nothing = np.zeros(3, np.int32)
    binned = Binned(np.zeros((3, 4), np.uint8), nothing, nothing, np.ones(3, np.int32))
    assert stumps.search(binned, stumps.first_weights(np.array([0, 1, 1, 0]), 2), 2)[2] < 0


@each_number_of_classes
def test_first_weights_give_labels_half_of_all(k):
    labels = np.random.default_rng(0).integers(k, size=50)
    weights = stumps.first_weights(labels, k)
    assert not weights[:, k:].any()
    of_labels = weights[np.arange(50), labels]
    np.testing.assert_allclose(of_labels, 1 / 100, rtol=1e-6)
    others = np.delete(weights[:, :k].ravel(), np.arange(50) * k + labels)
    np.testing.assert_allclose(others, -1 / (100 * (k - 1)), rtol=1e-6)


def test_products_are_those_of_signs():
    table, features = table_of(), Features(*(each[:3] for each in features_of()))
    thresholds = np.array([100, -2_000_000, 500_000], np.int32)
    expected = np.where(values_of(table, features) >= thresholds[:, None], 1, -1).prod(axis=0)
    assert np.array_equal(stumps.products(table, features, thresholds), expected)


@each_number_of_classes
def test_agreement_is_the_edge_of_each_class(k):
    weights, phi = weights_of(k), stumps.products(table_of(), features_of(2), np.zeros(2, np.int32))
    np.testing.assert_allclose(stumps.agreement(weights, phi), phi @ weights.astype(float), rtol=1e-12, atol=1e-15)


@each_number_of_classes
def test_weights_grow_where_the_vote_is_wrong(k):
    rng = np.random.default_rng(4)
    labels, phi = rng.integers(k, size=N), rng.choice(np.array([-1, 1], np.float32), N)
    weights, votes, alpha = stumps.first_weights(labels, k), rng.choice([-1, 1], k), 0.3
    targets = np.where(labels[:, None] == np.arange(k), 1, -1)
    expected = weights[:, :k] * np.exp(-alpha * targets * votes * phi[:, None])
    total = stumps.reweight(weights, phi, votes, float(np.exp(-alpha)), float(np.exp(alpha)))
    np.testing.assert_allclose(weights[:, :k], expected, rtol=1e-6)
    assert not weights[:, k:].any()
    assert total == pytest.approx(abs(expected).sum(), rel=1e-6)


def test_no_weight_falls_so_far_that_its_sign_is_lost():
    weights, phi, votes = stumps.first_weights(np.array([0, 1]), 2), np.ones(2, np.float32), np.ones(2)
    signs = np.sign(weights)
    for _ in range(500):
        stumps.reweight(weights, phi, votes, 0.5, 1.0)
    assert np.array_equal(np.sign(weights), signs)
    assert weights[0, 0] == stumps.LEAST


@pytest.mark.parametrize("edge", [0.0, 0.02, 0.3, 0.9, 1.0])
def test_strength_is_that_of_the_smallest_loss(edge):
    n = 10_000
    alpha, energy = stumps.strength(edge, n)
    right, wrong = (1 + edge) / 2, (1 - edge) / 2
    assert energy == pytest.approx(right * np.exp(-alpha) + wrong * np.exp(alpha), rel=1e-12)
    assert energy == pytest.approx(2 * np.sqrt(right * wrong), abs=2e-3)
    assert 0 < energy <= 1
    assert np.isfinite(alpha)
    assert (alpha > 0) == (edge > 0)


@each_number_of_classes
def test_votes_are_added_round_by_round(k):
    table, rounds, factors = table_of(70), 40, 3
    features = Features(*(each.reshape(rounds, factors, 4) for each in features_of(rounds * factors)))
    rng = np.random.default_rng(5)
    thresholds = rng.integers(-(10**6), 10**6, (rounds, factors)).astype(np.int32)
    votes, expected = rng.normal(size=(rounds, k)), np.zeros((k, 70))
    for t in range(rounds):
        above = values_of(table, Features(*(each[t] for each in features))) >= thresholds[t, :, None]
        expected[:, 10:60] += votes[t, :, None] * np.where(above, 1, -1).prod(axis=0)[10:60]
    found = np.zeros((k, 70))
    stumps.add_votes(table, features, thresholds, votes, found, 10, 60)
    assert np.array_equal(found, expected)


@each_number_of_classes
def test_loops_and_threads_give_the_bits_of_array_code(k, all_ways):
    table, features, weights = table_of(), features_of(), weights_of(k)
    few = Features(*(each[:3] for each in features))
    thresholds, votes = np.array([5, 7_000, -90_000], np.int32), np.random.default_rng(6).choice([-1, 1], k)
    weights[::7] *= np.float32(1e-30)  # some fall to the least

    def everything() -> list[Any]:
        binned = stumps.bin_values(table, features, 100)
        phi, changed, scaled = stumps.products(table, few, thresholds), weights.copy(), np.empty_like(weights)
        stumps.scale(weights, phi * np.float32(0.3), out=scaled)
        total = stumps.reweight(changed, phi, votes, 0.8, 1.3)
        sums = np.zeros((k, N))
        one_round = Features(*(each[None] for each in few))
        stumps.add_votes(table, one_round, thresholds[None], 0.1 * votes[None], sums, 0, N)
        searched, edges = stumps.search(binned, weights, k), stumps.agreement(weights, phi)
        return [*binned, scaled, searched, phi, edges, changed, total, sums]

    all_ways(everything)
