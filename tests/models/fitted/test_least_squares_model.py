"""Linear classifiers in closed form: weights as numpy.linalg.lstsq finds them, and scores as naive loops make them."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from mnistnn.errors import DivergedError
from mnistnn.models.fitted.least_squares import LeastSquares
from mnistnn.models.fitted.pairs import LIMIT
from mnistnn.types import ShapeError

SHAPE, CLASSES, N = (3, 4), 4, 120
COMBINE = ("votes", "limited", "sum")


def examples(dtype: str = "float64", classes: int = CLASSES, n: int = N) -> tuple[np.ndarray, np.ndarray]:
    """Return images of which each class is brighter at a place of its own, and labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(classes, size=n).astype(np.uint8)
    x = rng.uniform(0, 1, (n, *SHAPE))
    x[np.arange(n), 0, labels % SHAPE[1]] += 0.5
    return x.astype(dtype), labels


def fitted(x: np.ndarray, labels: np.ndarray, classes: int = CLASSES, **keys: Any) -> LeastSquares:
    model = LeastSquares(**keys)
    model.build(x.shape[1:], classes)
    model.allocate(np, str(x.dtype))
    assert list(model.fit(x, labels, lambda *_: None)) == [1]
    return model


def with_ones(x: np.ndarray) -> np.ndarray:
    return np.column_stack([x.reshape(len(x), -1).astype(np.float64), np.ones(len(x))])


def lstsq(X: np.ndarray, T: np.ndarray, ridge: float = 0.0) -> np.ndarray:
    """Solve for [W; b]; ridge is a mean over examples and leaves b out."""
    rows = np.sqrt(ridge * len(X)) * np.eye(X.shape[1])[:-1]
    below = np.zeros((len(rows), *T.shape[1:]))
    solution: np.ndarray = np.linalg.lstsq(np.concatenate([X, rows]), np.concatenate([T, below]), rcond=None)[0]
    return solution


def weights(model: LeastSquares) -> np.ndarray:
    return np.concatenate([model.W, model.b[None]])


@pytest.mark.parametrize("ridge", [0.0, 1e-3, 1.0])
def test_one_hot_equals_lstsq_on_one_hot_targets(ridge):
    x, labels = examples()
    found = weights(fitted(x, labels, ridge=ridge))
    np.testing.assert_allclose(found, lstsq(with_ones(x), np.eye(CLASSES)[labels], ridge), rtol=0, atol=1e-8)


@pytest.mark.parametrize("ridge", [0.0, 1e-3, 1.0])
def test_pairwise_equals_lstsq_on_the_examples_of_each_pair(ridge):
    x, labels = examples()
    found = weights(fitted(x, labels, targets="pairwise", ridge=ridge))
    for number, (i, j) in enumerate(combinations(range(CLASSES), 2)):
        of_pair = (labels == i) | (labels == j)
        expected = lstsq(with_ones(x[of_pair]), np.where(labels[of_pair] == i, 1.0, -1.0), ridge)
        np.testing.assert_allclose(found[:, number], expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("targets", ["one_hot", "pairwise"])
def test_weights_in_float32_are_those_of_float64_rounded(targets):
    x, labels = examples("float32")
    single, double = fitted(x, labels, targets=targets), fitted(x.astype(np.float64), labels, targets=targets)
    assert single.W.dtype == single.b.dtype == np.float32
    assert np.array_equal(single.W, double.W.astype(np.float32))
    np.testing.assert_allclose(single.scores(x), double.scores(x.astype(np.float64)), atol=1e-5)


def test_one_hot_scores_are_the_outputs():
    x, labels = examples()
    model = fitted(x, labels)
    np.testing.assert_allclose(model.scores(x), with_ones(x) @ weights(model), atol=1e-12)


def combined_by_loops(outputs: np.ndarray, combine: str) -> np.ndarray:
    """Return the score of each class, example by example and pair by pair."""
    scores = np.zeros((len(outputs), CLASSES))
    for n, of_example in enumerate(outputs):
        wins, sums = [0] * CLASSES, [0.0] * CLASSES
        for output, (i, j) in zip(of_example, combinations(range(CLASSES), 2), strict=True):
            wins[i if output > 0 else j] += 1
            limited = output if combine == "sum" else min(max(output, -0.5), 0.5)
            sums[i], sums[j] = sums[i] + limited, sums[j] - limited
        for k in range(CLASSES):
            scores[n, k] = (wins[k] + sums[k] / CLASSES) / (CLASSES - 1) if combine == "votes" else sums[k]
    return scores


@pytest.mark.parametrize("combine", COMBINE)
def test_outputs_of_pairs_make_scores_as_naive_loops_do(combine):
    x, labels = examples()
    model = fitted(x, labels, targets="pairwise", combine=combine)
    outputs = 2.0 * (with_ones(x) @ weights(model))  # so that many are beyond the limit
    assert (abs(outputs) > LIMIT).any()
    model.W *= 2.0
    model.b *= 2.0
    np.testing.assert_allclose(model.scores(x), combined_by_loops(outputs, combine), atol=1e-12)


def scores_of(outputs: list[float], combine: str, dtype: str = "float64") -> np.ndarray:
    """Return the scores for outputs of the pairs 01 02 03 12 13 23: what b alone gives."""
    model = LeastSquares(targets="pairwise", combine=combine)  # type: ignore[arg-type] # pytest gives any text
    model.build((1,), CLASSES)
    model.allocate(np, dtype)
    model.restore({"W": np.zeros((1, 6), dtype), "b": np.array(outputs, dtype)})
    scores: np.ndarray = model.scores(np.zeros((1, 1), dtype))[0]
    return scores


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ties_of_votes_go_to_the_larger_sum_of_limited_outputs(dtype):
    # 0, 1 and 2 beat 3 and each other in a circle: 0 beats 1 clearly, 1 beats 2 and 2 beats 0 by little.
    scores = scores_of([0.4, -0.1, 1.0, 0.1, 1.0, 1.0], "votes", dtype)
    assert list(np.argsort(-scores)) == [0, 2, 1, 3]
    np.testing.assert_allclose(
        scores, [(2 + 0.8 / 4) / 3, (2 + 0.2 / 4) / 3, (2 + 0.5 / 4) / 3, -1.5 / 4 / 3], rtol=1e-6
    )


def test_no_sum_of_outputs_outweighs_a_vote():
    # 0 wins two pairs as closely as can be, and 1 one pair, with all outputs as large as can be.
    scores = scores_of([1e-9, 1e-9, -1e-9, 9.0, 9.0, 9.0], "votes")
    assert scores[1] > scores[0] > scores[2]
    assert scores[0] - scores[2] > 0.5 / 3 / 2


def test_output_of_zero_is_a_vote_for_the_second_of_a_pair():
    assert list(np.argsort(-scores_of([0.0] * 6, "votes"), kind="stable")) == [3, 2, 1, 0]


@pytest.mark.parametrize("targets", ["one_hot", "pairwise"])
def test_class_without_examples_is_never_predicted(targets):
    x, labels = examples()
    there = labels != 2
    model = fitted(x[there], labels[there], targets=targets)
    assert np.isfinite(model.W).all()
    assert 2 not in model.scores(x).argmax(axis=1)
    assert (model.scores(x[there]).argmax(axis=1) == labels[there]).mean() > 0.6


def test_pair_without_any_example_has_no_opinion():
    x, labels = examples()
    model = fitted(x[labels < 2], labels[labels < 2], targets="pairwise")
    assert not model.W[:, 5].any()
    assert model.b[5] == 0.0


def test_one_example_is_fitted():
    x, labels = examples()
    model = fitted(x[:1], labels[:1])
    np.testing.assert_allclose(model.scores(x[:1])[0], np.eye(CLASSES)[labels[0]], atol=1e-12)


def test_one_class_is_refused():
    with pytest.raises(ShapeError, match="needs two classes or more, and the data have 1"):
        LeastSquares().build(SHAPE, 1)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e200])
@pytest.mark.parametrize("targets", ["one_hot", "pairwise"])
def test_inputs_that_are_not_finite_are_refused(targets, wrong):
    x, labels = examples()
    x[7, 1, 2] = wrong
    with pytest.raises(DivergedError, match="the inputs are not all finite numbers, or too large"):
        fitted(x, labels, targets=targets)


def test_weights_too_large_for_the_dtype_become_infinite_without_a_warning():
    """Whoever keeps them refuses them: see `Fitting`."""
    x, labels = examples()
    x *= 1e-42  # in float32 as good as zeros, and so are squares of them in float64 not
    model = LeastSquares()
    model.build(SHAPE, CLASSES)
    model.allocate(np, "float32")
    assert list(model.fit(x, labels, lambda *_: None)) == [1]
    assert np.isinf(model.W).any()


def test_progress_is_told_pair_by_pair():
    x, labels = examples()
    model, told = LeastSquares(targets="pairwise"), []
    model.build(SHAPE, CLASSES)
    model.allocate(np, "float64")
    list(model.fit(x, labels, lambda *what: told.append(what)))
    assert told == [("products of inputs", 0, None), *(("pairs of classes", n, 6) for n in range(6))]


def test_sizes_are_known_before():
    one_hot, pairwise = LeastSquares(), LeastSquares(targets="pairwise")
    for model, outputs in ((one_hot, 4), (pairwise, 6)):
        model.build(SHAPE, CLASSES)
        assert (model.size, model.multiply_adds, model.shapes) == (13 * outputs, 12 * outputs, {"outputs": (outputs,)})
