"""Boosted stumps against AdaBoost.MH as naive loops in float64 compute it, from the rectangles that the model names."""

from itertools import product
from math import log
from typing import Any

import numpy as np
import pytest

from mnistnn.backend import jit, threads
from mnistnn.errors import DivergedError
from mnistnn.kernels import haar
from mnistnn.models.fitted.boosting import boosting
from mnistnn.models.fitted.boosting.boosted_stumps import BoostedStumps
from mnistnn.models.fitted.boosting.stump_features import Haar, Pixels
from mnistnn.types import ShapeError

SHAPE, CLASSES, N = (3, 4), 4, 90
PLAIN: dict[str, Any] = {"features": Pixels(), "factors": 1, "sample": None}
EVERY_HAAR: dict[str, Any] = {"features": Haar(drawn=10_000), "factors": 1, "sample": None}
PRODUCTS: dict[str, Any] = {"features": Haar(drawn=20), "factors": 3, "sample": 40, "resample_every": 3}
each_kind = pytest.mark.parametrize("keys", [PLAIN, EVERY_HAAR, PRODUCTS], ids=["plain", "haar", "products"])


def examples(dtype: str = "float64", n: int = N) -> tuple[np.ndarray, np.ndarray]:
    """Return images of which each class is brighter at a place of its own, in sixteen levels, and labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(CLASSES, size=n).astype(np.uint8)
    x = rng.integers(0, 12, (n, *SHAPE))
    x[np.arange(n), 1, labels] += 4
    return (x / 8).astype(dtype), labels


def made(x: np.ndarray, classes: int = CLASSES, seed: int = 5, **keys: Any) -> BoostedStumps:
    model = BoostedStumps(**keys)
    model.build(x.shape[1:], classes)
    model.draw_from(seed)
    model.allocate(np, str(x.dtype))
    return model


def fitted(x: np.ndarray, labels: np.ndarray, rounds: int = 10, **keys: Any) -> BoostedStumps:
    model = made(x, max_rounds=rounds, **keys)
    assert list(model.fit(x, labels, lambda *_: None)) == list(range(1, rounds + 1))
    return model


def targets_of(labels: np.ndarray, classes: int = CLASSES) -> np.ndarray:
    return np.where(labels[:, None] == np.arange(classes), 1.0, -1.0)


def first_weights(labels: np.ndarray, classes: int = CLASSES) -> np.ndarray:
    of_label = labels[:, None] == np.arange(classes)
    return np.where(of_label, 0.5, 0.5 / (classes - 1)) / len(labels)


def value_of(rectangles: list[haar.Rectangle], x: np.ndarray) -> np.ndarray:
    """Return the values (n,) of a feature."""
    total = np.zeros(len(x))
    for sign, top, left, height, width in rectangles:
        total += sign * x[:, top : top + height, left : left + width].sum(axis=(1, 2))
    return total


def phi_of(model: BoostedStumps, number: int, x: np.ndarray) -> np.ndarray:
    """Return the product of a round's stumps (n,): each compares what its rectangles say with its threshold."""
    phi = np.ones(len(x))
    for factor, rectangles in enumerate(model.rectangles(number)):
        if rectangles:
            phi *= np.where(value_of(rectangles, x) > model.threshold(number, factor), 1, -1)
    return phi


def learners_of(model: BoostedStumps, x: np.ndarray) -> list[np.ndarray]:
    """Return α v φ (n, k) of each round."""
    kept = model.arrays()
    return [kept["alpha"][t] * kept["votes"][t] * phi_of(model, t, x)[:, None] for t in range(model.rounds_done)]


def stumps_of(features: Pixels | Haar, x: np.ndarray) -> np.ndarray:
    """Return all different stumps (stumps, n): each feature, cut between each two of its values."""
    found = [np.ones(len(x))]
    for number in range(features.count):
        values = value_of(features.rectangles(number), x).round(6)
        found += [np.where(values > cut, 1.0, -1.0) for cut in np.unique(values)[:-1]]
    return np.array(found)


@pytest.mark.parametrize("keys", [PLAIN, EVERY_HAAR], ids=["pixels", "haar"])
def test_each_round_is_that_of_naive_adaboost(keys):
    x, labels = examples()
    model, targets, weights = fitted(x, labels, **keys), targets_of(labels), first_weights(labels)
    kept, stumps = model.arrays(), stumps_of(model.features, x)
    for t in range(10):
        edges = stumps @ (weights * targets)  # (stumps, k)
        phi = phi_of(model, t, x)
        own = phi @ (weights * targets)
        assert abs(own).sum() == pytest.approx(abs(edges).sum(axis=1).max(), rel=1e-5)
        assert np.array_equal(kept["votes"][t], np.where(own < 0, -1, 1))
        right, delta = (1 + abs(own).sum()) / 2, 0.01 / N
        assert kept["alpha"][t] == pytest.approx(0.5 * log((right + delta) / (1 - right + delta)), rel=1e-5)
        weights *= np.exp(-kept["alpha"][t] * targets * kept["votes"][t] * phi[:, None])
        assert kept["energy"][t] == pytest.approx(weights.sum(), rel=1e-5)
        weights /= weights.sum()


def test_no_stump_of_a_product_can_be_replaced_by_a_better_one():
    x, labels = examples()
    model = fitted(x, labels, features=Haar(drawn=10_000), factors=3, sample=None)
    targets, weights, stumps = targets_of(labels), first_weights(labels), stumps_of(model.features, x)
    for t, learner in enumerate(learners_of(model, x)):
        signed = weights * targets
        best = abs(phi_of(model, t, x) @ signed).sum()
        assert best >= abs(stumps @ signed).sum(axis=1).max() * (1 - 1e-5)  # no single stump is better
        for factor, rectangles in enumerate(model.rectangles(t)):
            own = np.where(value_of(rectangles, x) > model.threshold(t, factor), 1, -1) if rectangles else 1
            others = (phi_of(model, t, x) * own)[:, None] * signed
            assert abs(stumps @ others).sum(axis=1).max() <= best * (1 + 1e-4)
        weights *= np.exp(-targets * learner)
        weights /= weights.sum()


@each_kind
def test_exponential_loss_falls_by_the_energy_of_each_round(keys):
    x, labels = examples()
    model, targets, weights = fitted(x, labels, **keys), targets_of(labels), first_weights(labels)
    sums, before = np.zeros((N, CLASSES)), 1.0
    for t, learner in enumerate(learners_of(model, x)):
        sums += learner
        loss = (weights * np.exp(-targets * sums)).sum()
        assert loss / before == pytest.approx(model.arrays()["energy"][t], rel=1e-5)
        assert loss < before
        before = loss


@each_kind
def test_scores_are_sums_of_votes_in_their_standard_deviation(keys):
    x, labels = examples()
    model = fitted(x, labels, **keys)
    expected = np.sum(learners_of(model, x), axis=0) / np.sqrt((model.arrays()["alpha"] ** 2).sum())
    np.testing.assert_allclose(model.scores(x), expected, rtol=1e-12, atol=1e-12)


def test_product_separates_what_no_sum_of_stumps_can():
    corners = np.array([[0, 0]] * 4 + [[0, 1]] * 3 + [[1, 0]] * 2 + [[1, 1]])
    x, labels = corners[:, None].astype(float), corners.sum(axis=1) % 2
    errors = {}
    for factors in (1, 2):
        model = made(x, classes=2, max_rounds=30, features=Pixels(), factors=factors)
        list(model.fit(x, labels, lambda *_: None))
        errors[factors] = model.criterion.score(model.scores(x), labels).errors
    assert errors[1] > 0
    assert errors[2] == 0


def test_first_round_of_a_product_separates_alone():
    corners = np.array([[0, 0]] * 4 + [[0, 1]] * 3 + [[1, 0]] * 2 + [[1, 1]])
    x, labels = corners[:, None].astype(float), corners.sum(axis=1) % 2
    model = made(x, classes=2, max_rounds=1, features=Pixels(), factors=2)
    list(model.fit(x, labels, lambda *_: None))
    delta = 0.01 / len(x)
    assert model.arrays()["alpha"][0] == pytest.approx(0.5 * log((1 + delta) / delta), rel=1e-6)


def test_rounds_are_the_same_with_loops_and_any_number_of_threads(monkeypatch):
    pytest.importorskip("numba")
    x, labels = examples("float32", n=5000)
    expected: dict[str, np.ndarray] = {}
    for used, most in product((False, True), (1, 3)):
        monkeypatch.setattr(jit, "is_available", lambda used=used: used)
        with threads.allowed(most):
            model = fitted(x, labels, rounds=4, **{**PRODUCTS, "sample": 300})
            found = {**model.arrays(), "scores": model.scores(x), "followed": model.follow(x)()}
        expected = expected or found
        assert all(np.array_equal(array, found[name]) for name, array in expected.items())


def test_rounds_are_the_same_in_float32_and_float64():
    single, double = (fitted(*examples(dtype), **PRODUCTS).arrays() for dtype in ("float32", "float64"))
    assert all(np.array_equal(single[name], double[name]) for name in double)


def test_sample_of_all_is_no_sample():
    x, labels = examples()
    every, none = (
        fitted(x, labels, sample=sample, features=Haar(drawn=20), factors=2).arrays() for sample in (N, None)
    )
    assert all(np.array_equal(every[name], none[name]) for name in none)


def test_search_that_is_told_of_in_parts_finds_the_same(monkeypatch):
    x, labels = examples()
    expected = fitted(x, labels, **PRODUCTS).arrays()
    monkeypatch.setattr(boosting, "_ADDITIONS", 1)  # eight features at a time
    found = fitted(x, labels, **PRODUCTS).arrays()
    assert all(np.array_equal(array, found[name]) for name, array in expected.items())


@pytest.mark.parametrize("key", [{"sample": 39}, {"resample_every": 2}, {"seed": 6}])
def test_what_is_drawn_follows_from_sample_and_seed(key):
    x, labels = examples()
    model, other = fitted(x, labels, **PRODUCTS), fitted(x, labels, **{**PRODUCTS, **key})
    assert not np.array_equal(model.arrays()["feature"], other.arrays()["feature"])


def test_heavy_examples_are_searched():
    """Half of the weight lies on two examples that only one pixel tells apart: a small sample has both."""
    x, labels = np.zeros((2000, 1, 3)), np.zeros(2000, int)
    rng = np.random.default_rng(1)
    x[:, 0, 0] = rng.integers(2, size=2000)
    labels[:] = x[:, 0, 0]
    x[:2, 0], labels[:2] = [[1, 1, 0], [0, 1, 0]], [0, 1]
    model = made(x, classes=2, max_rounds=8, features=Pixels(), factors=2, sample=20, resample_every=1)
    list(model.fit(x, labels, lambda *_: None))
    assert model.criterion.score(model.scores(x), labels).errors == 0


@each_kind
def test_sums_are_the_same_at_once_and_in_parts(keys):
    x, labels = examples()
    model, whole = fitted(x, labels, **keys), fitted(x, labels, **keys)
    sums = np.zeros((N, CLASSES))
    model.keep_rounds(0)
    for done in model.fit(x, labels, lambda *_: None):
        if done in (1, 4, 10):
            before = sums.copy()
            sums = model.more_scores(x, sums, {1: 0, 4: 1, 10: 4}[done])
            assert not np.shares_memory(before, sums)
    assert np.array_equal(sums, whole.more_scores(x, np.zeros((N, CLASSES)), 0))


def test_sums_before_stay_as_they_are():
    x, labels = examples()
    model, before = fitted(x, labels), np.ones((N, CLASSES))
    for part in (slice(None), slice(0, 1)):
        model.more_scores(x[part], before[part], 3)
    assert (before == 1).all()


def test_followed_scores_are_those_of_the_model_as_it_stands():
    x, labels = examples()
    model, others = made(x, max_rounds=12, **PRODUCTS), x[::-2]
    followed = model.follow(others)
    assert np.array_equal(followed(), np.zeros((len(others), CLASSES)))
    for done in model.fit(x, labels, lambda *_: None):
        if done % 5 == 0:
            assert np.array_equal(followed(), model.scores(others))
    model.keep_rounds(3)
    assert np.array_equal(followed(), model.scores(others))
    model.restore(
        {name: array.copy() for name, array in fitted(x, labels, rounds=4, seed=8, **PRODUCTS).arrays().items()}
    )
    assert np.array_equal(followed(), model.scores(others))


def test_interrupted_round_is_lost_and_no_other():
    x, labels = examples()
    model, expected = made(x, max_rounds=6, **PRODUCTS), fitted(x, labels, rounds=6, **PRODUCTS).arrays()
    calls = 0

    def tell(what: str, done: int, most: int | None) -> None:
        nonlocal calls
        calls += 1
        if calls % 20 == 0:
            raise KeyboardInterrupt

    interrupted = 0
    while model.rounds_done < 6:
        before = {name: array.copy() for name, array in model.arrays().items()}
        try:
            for _ in model.fit(x, labels, tell):
                before = {name: array.copy() for name, array in model.arrays().items()}
        except KeyboardInterrupt:
            interrupted += 1
            assert model.arrays().keys() == before.keys()
            assert all(np.array_equal(array, before[name]) for name, array in model.arrays().items())
    assert interrupted > 1
    assert all(np.array_equal(array, expected[name]) for name, array in model.arrays().items())


def test_rounds_that_are_repeated_are_told():
    x, labels = examples()
    model, told = fitted(x, labels, rounds=4), []
    model.max_rounds = 5
    list(model.fit(x, labels, lambda *what: told.append(what)))
    assert [what for what in told if what[0] == "rounds again"] == [("rounds again", t, 4) for t in range(4)]


def test_class_without_examples_gets_no_votes():
    x, labels = examples()
    labels = labels.clip(max=2)
    model = fitted(x, labels, rounds=30)
    scores = model.scores(x)
    assert np.isfinite(scores).all()
    assert not (scores.argmax(axis=1) == 3).any()
    assert (model.arrays()["alpha"] > 0).all()


def test_examples_of_one_class_are_all_of_that_class():
    x, _ = examples()
    model = fitted(x, np.full(N, 2), rounds=5)
    assert (model.scores(x).argmax(axis=1) == 2).all()
    assert (model.arrays()["feature"] == -1).all()  # no stump is needed
    assert np.isfinite(model.arrays()["alpha"]).all()


@each_kind
def test_identical_images_of_two_classes_have_no_edge(keys):
    x, labels = np.zeros((2, *SHAPE)), np.array([0, 1])
    x[:, 0, :2] = 1.0
    model = made(x, classes=2, max_rounds=3, **keys)
    list(model.fit(x, labels, lambda *_: None))
    assert not model.arrays()["alpha"].any()
    assert (model.arrays()["energy"] == 1).all()
    assert not model.scores(x).any()


@each_kind
def test_images_that_are_all_the_same_are_classified_by_how_frequent_classes_are(keys):
    x, labels = np.full((10, *SHAPE), 0.7), np.array([0, 1, 1, 1, 1, 1, 2, 2, 3, 3])
    model = fitted(x, labels, rounds=60, **keys)
    assert (model.scores(x).argmax(axis=1) == 1).all()
    assert (model.arrays()["feature"] == -1).all()


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_inputs_that_are_no_numbers_are_refused(wrong):
    x, labels = examples()
    x[3, 1, 2] = wrong
    with pytest.raises(DivergedError, match="finite"):
        fitted(x, labels)


def test_inputs_too_far_apart_are_refused():
    x, labels = examples()
    x[3, 1, 2], x[3, 1, 3] = 1.5e308, -1.5e308
    with pytest.raises(DivergedError, match="too large"):
        fitted(x, labels)


def test_scores_of_what_is_no_number_are_none():
    x, labels = examples()
    model = fitted(x, labels)
    expected = model.scores(x)
    x[3, 1, 2], x[5, 0, 0], expected[[3, 5]] = np.nan, np.inf, np.nan
    assert np.array_equal(model.scores(x), expected, equal_nan=True)


def test_inputs_beyond_those_of_training_count_as_their_bounds():
    x, labels = examples()
    model, outside = fitted(x, labels), x.copy()
    outside[x == x.max()], outside[x == x.min()] = 1e300, -1e300
    assert np.array_equal(model.scores(outside), model.scores(x))


def test_pixels_may_have_any_shape():
    x, labels = examples()
    planes, lines = x.reshape(N, 3, 2, 2), x.reshape(N, 12)
    flat = fitted(lines, labels, **PLAIN)
    assert np.array_equal(fitted(planes, labels, **PLAIN).scores(planes), flat.scores(lines))


@pytest.mark.parametrize("shape", [(12,), (3, 2, 2)])
def test_haar_features_are_of_images_only(shape):
    with pytest.raises(ShapeError, match="images"):
        BoostedStumps().build(shape, CLASSES)


def test_image_too_small_for_a_feature_is_refused():
    with pytest.raises(ShapeError, match="two pixels"):
        BoostedStumps().build((1, 1), CLASSES)


def test_image_with_more_features_than_numbers_is_refused():
    with pytest.raises(ShapeError, match="int32"):
        BoostedStumps().build((1000, 1000), CLASSES)


def test_one_class_alone_is_refused():
    with pytest.raises(ShapeError, match="two classes"):
        BoostedStumps().build(SHAPE, 1)


@pytest.mark.parametrize("number", [-2, 10_000])
def test_features_that_there_are_not_are_refused(number):
    x, labels = examples()
    model = fitted(x, labels)
    arrays = {name: array.copy() for name, array in model.arrays().items()}
    arrays["feature"][2, 1] = number
    with pytest.raises(ShapeError, match="feature"):
        model.restore(arrays)


def test_more_rounds_than_allowed_are_refused():
    x, labels = examples()
    arrays = fitted(x, labels, rounds=7).arrays()
    with pytest.raises(ShapeError, match="7 rounds"):
        made(x, max_rounds=6).restore(arrays)
