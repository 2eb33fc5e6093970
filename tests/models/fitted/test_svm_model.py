"""Support vector machines: decisions as scikit-learn's and naive loops find them, and what a round keeps."""

import threading
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import ndimage
from scipy.spatial.distance import cdist

from mnistnn.backend import threads
from mnistnn.backend.jit import Compiled
from mnistnn.errors import DivergedError
from mnistnn.kernels import decomposition
from mnistnn.models.fitted.pairs import votes
from mnistnn.models.fitted.support_vectors.kernel_functions import GaussianKernel, PolynomialKernel
from mnistnn.models.fitted.support_vectors.svm import SVM
from mnistnn.types import ShapeError

SHAPE, CLASSES, N = (5, 6), 4, 160
NINTH = PolynomialKernel(degree=9, scale=0.5, unit_norm=True)
PAIRS = list(combinations(range(CLASSES), 2))


def examples(n: int = N, shape: tuple[int, ...] = SHAPE, dtype: str = "float32") -> tuple[np.ndarray, np.ndarray]:
    """Return images of which each class is a noisy, smooth picture of its own, and labels."""
    rng = np.random.default_rng(0)
    means = ndimage.gaussian_filter(rng.normal(size=(CLASSES, *shape)), (0, 1, 1)) * 2.0
    labels = rng.integers(CLASSES, size=n).astype(np.uint8)
    x = np.maximum(0, means[labels] + rng.normal(scale=0.5, size=(n, *shape)))
    return x.astype(dtype), labels


def unfitted(x: np.ndarray, classes: int = CLASSES, **keys: Any) -> SVM:
    model = SVM(**keys)
    model.build(x.shape[1:], classes)
    model.allocate(np, str(x.dtype))
    return model


def fitted(x: np.ndarray, labels: np.ndarray, classes: int = CLASSES, **keys: Any) -> SVM:
    model = unfitted(x, classes, **keys)
    assert list(model.fit(x, labels, lambda *_: None)) == list(range(1, model.rounds + 1))
    return model


def kernel_by_formula(kernel: Any, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    u, v = (each.reshape(len(each), int(np.prod(each.shape[1:]))).astype(np.float64) for each in (u, v))
    if kernel.unit_norm:
        u, v = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (u, v))
    if isinstance(kernel, PolynomialKernel):
        return np.asarray(((u @ v.T + kernel.offset) * kernel.scale) ** kernel.degree)
    return np.asarray(np.exp(-kernel.gamma * cdist(u, v, "sqeuclidean")))


def decisions(model: SVM, x: np.ndarray) -> np.ndarray:
    """Return f of each pair (n, pairs), in float64, from what each pair's support vectors are."""
    columns = []
    for number in range(model.rounds_done):
        of_pair = model.supports(number)
        columns.append(kernel_by_formula(model.kernel, x, model.pictures(number)) @ of_pair.coefficients + of_pair.bias)
    return np.stack(columns, axis=1)


def assert_same_arrays(model: SVM, other: SVM) -> None:
    found, expected = model.arrays(), other.arrays()
    assert found.keys() == expected.keys()
    assert all(found[name].tobytes() == expected[name].tobytes() for name in expected)


# Oracles.


@pytest.mark.parametrize(
    ("kernel", "C"), [(NINTH, 2.0), (PolynomialKernel(degree=2, scale=0.1), 0.05), (GaussianKernel(gamma=0.004), 3.0)]
)
def test_machines_are_those_of_scikit_learn(kernel, C):
    svm = pytest.importorskip("sklearn.svm")
    x, labels = examples(1000, (28, 28))
    x[labels == 1] = (
        0.6 * x[labels == 1] + 0.4 * x[labels == 0][np.arange((labels == 1).sum()) % 200]
    )  # as digits: near
    model = fitted(x, labels, kernel=kernel, C=C)
    gram = kernel_by_formula(kernel, x, x)
    theirs = svm.SVC(C=C, kernel="precomputed", decision_function_shape="ovo", tol=1e-3).fit(gram, labels)
    found = decisions(model, x)
    np.testing.assert_allclose(found, theirs.decision_function(gram), atol=1e-2)

    def objective(beta, at):
        return abs(beta).sum() - 0.5 * beta @ gram[np.ix_(at, at)] @ beta

    for number, (i, j) in enumerate(PAIRS):
        ours = model.supports(number)
        of_pair = np.isin(labels, (i, j))
        alone = svm.SVC(C=C, kernel="precomputed", tol=1e-3).fit(gram[np.ix_(of_pair, of_pair)], labels[of_pair])
        at = np.flatnonzero(of_pair)[alone.support_]
        expected = objective(alone.dual_coef_[0], at)
        assert objective(ours.coefficients, ours.sources[:, 0]) == pytest.approx(expected, rel=1e-3)

    predicted, expected = model.scores(x).argmax(axis=1), theirs.predict(gram)
    wins = np.stack([(np.where(found > 0, *np.array(PAIRS).T) == k).sum(axis=1) for k in range(CLASSES)], axis=1)
    is_tie = (wins == wins.max(axis=1, keepdims=True)).sum(axis=1) > 1
    assert np.array_equal(predicted[~is_tie], expected[~is_tie])
    assert is_tie.mean() < 0.02


@pytest.mark.parametrize("kernel", [NINTH, GaussianKernel(gamma=0.1, unit_norm=True), PolynomialKernel()])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scores_are_votes_of_each_pairs_sum_over_its_support_vectors(kernel, dtype):
    x, labels = examples(dtype=dtype)
    model = fitted(x, labels, kernel=kernel)
    expected = decisions(model, x)
    np.testing.assert_allclose(model.scores(x), votes(expected, PAIRS, CLASSES), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("inputs", [1, 1023, 1024, 1025, 2500])
def test_scores_of_many_inputs_and_support_vectors_are_those_of_few(monkeypatch, inputs):
    x, labels = examples()
    model = fitted(x, labels, kernel=NINTH)
    many = np.concatenate([x] * (inputs // N + 1))[:inputs]
    expected = np.concatenate([model.scores(x)] * (inputs // N + 1))[:inputs]
    for size in (7, 4096):
        monkeypatch.setattr("mnistnn.models.fitted.support_vectors.svm._SUPPORTS", size)
        np.testing.assert_allclose(model.scores(many), expected, atol=1e-5)


def test_virtual_machine_is_that_of_all_shifted_copies_of_support_vectors():
    x, labels = examples(120)
    there = labels < 2
    x, labels = x[there], labels[there]
    base, model = (fitted(x, labels, 2, kernel=NINTH, C=2.0, virtual_shifts_px=s) for s in ([], [1]))
    originals = base.supports(0).sources[:, 0]
    shifts = list(product((-1, 0, 1), repeat=2))
    copies = np.concatenate([ndimage.shift(x[originals], (0, *shift), order=0) for shift in shifts])
    of_copies = np.tile(labels[originals], 9)
    expected = fitted(copies, of_copies, 2, kernel=NINTH, C=2.0)
    np.testing.assert_allclose(decisions(model, x), decisions(expected, x), atol=2e-3)
    assert abs(decisions(model, x) - decisions(base, x)).max() > 0.1
    ours = model.supports(0)
    assert set(ours.sources[:, 0]) <= set(originals)
    assert set(map(tuple, ours.sources[:, 1:].tolist())) == set(shifts)
    for image, (example, dy, dx) in zip(model.pictures(0), ours.sources, strict=True):
        assert np.array_equal(image, ndimage.shift(x[example], (dy, dx), order=0))


def test_later_shifts_begin_with_the_originals_of_all_copies_before():
    x, labels = examples(60)
    keys: dict[str, Any] = {"kernel": NINTH, "C": 2.0}
    once, twice = (fitted(x, labels, virtual_shifts_px=s, **keys) for s in ([1], [1, 2]))
    shifted_only = False
    for number in range(len(PAIRS)):
        before, after = (model.supports(number).sources for model in (once, twice))
        assert set(after[:, 0]) <= set(before[:, 0])
        assert abs(after[:, 1:]).max() == 2
        still = before[~before[:, 1:].any(axis=1), 0]
        shifted_only |= bool(set(after[:, 0]) - set(still))
    assert shifted_only


# Ends of what may be asked.


def test_pair_with_an_empty_class_votes_for_the_other():
    x, labels = examples()
    there = labels != 2
    model = fitted(x[there], labels[there], kernel=NINTH)
    found = decisions(model, x)
    assert (found[:, PAIRS.index((0, 2))] == 1).all()
    assert (found[:, PAIRS.index((2, 3))] == -1).all()
    scores = model.scores(x)
    assert 2 not in scores.argmax(axis=1)
    assert (scores[there].argmax(axis=1) == labels[there]).all()


@pytest.mark.parametrize("there", range(CLASSES))
def test_only_class_is_always_predicted(there):
    x, labels = examples()
    model = fitted(x[labels == there], labels[labels == there], virtual_shifts_px=[1])
    assert not len(model.vectors.images)
    assert (model.scores(x).argmax(axis=1) == there).all()


def test_one_example_of_each_class_is_separated():
    x, labels = examples()
    first = [int(np.flatnonzero(labels == k)[0]) for k in range(CLASSES)]
    model = fitted(x[first], labels[first], kernel=NINTH, C=1e4, tolerance=1e-5)
    for number, (i, j) in enumerate(PAIRS):
        np.testing.assert_allclose(decisions(model, x[first])[[i, j], number], [1, -1], atol=1e-4)


def test_equal_images_of_two_classes_go_to_their_bounds():
    x, labels = examples()
    a, b = (int(np.flatnonzero(labels == k)[0]) for k in (0, 1))
    x[b] = x[a]
    of_pair = fitted(x, labels, kernel=NINTH, C=2.0).supports(0)
    assert of_pair.coefficients[of_pair.sources[:, 0] == a] == 2.0
    assert of_pair.coefficients[of_pair.sources[:, 0] == b] == -2.0


def test_image_without_ink_has_a_score():
    x, labels = examples()
    x[:3] = 0
    model = fitted(x, labels, kernel=NINTH, virtual_shifts_px=[1])
    assert np.isfinite(model.scores(x)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e30])
def test_inputs_that_are_not_finite_are_refused(wrong, dtype):
    x, labels = examples(dtype=dtype)
    x[N - 1, 0, 2] = wrong
    with pytest.raises(DivergedError, match="not all finite numbers, or too large"):
        fitted(x, labels, kernel=NINTH)


def test_kernel_too_large_for_float32_is_refused():
    x, labels = examples()
    with pytest.raises(DivergedError, match=r"the kernel may reach .*, too much for float32"):
        fitted(x, labels, kernel=PolynomialKernel(degree=30))
    assert fitted(x, labels, kernel=PolynomialKernel(degree=30, scale=0.5, unit_norm=True)).rounds_done == 6


@pytest.mark.parametrize(
    "keys",
    [
        {"C": 0.0},
        {"C": -1.0},
        {"tolerance": 0.0},
        {"tolerance": 1e-7},
        {"cache_mb": 0},
        {"virtual_shifts_px": [0]},
        {"virtual_shifts_px": [1.5]},
    ],
)
def test_values_out_of_range_are_refused(keys):
    with pytest.raises(ValidationError):
        SVM(**keys)


@pytest.mark.parametrize("keys", [{"degree": 0}, {"degree": 2.5}, {"scale": 0.0}, {"offset": -1.0}, {"gamma": 1.0}])
def test_polynomials_out_of_range_are_refused(keys):
    with pytest.raises(ValidationError):
        PolynomialKernel(**keys)


def test_gaussian_without_width_is_refused():
    with pytest.raises(ValidationError):
        GaussianKernel(gamma=0.0)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="needs two classes or more, and the data have 1"):
        SVM().build(SHAPE, 1)
    with pytest.raises(ShapeError, match="shifts images, and inputs are 30"):
        SVM(virtual_shifts_px=[1]).build((30,), 3)
    with pytest.raises(ShapeError, match="must be below 5, of 5×6 px, got 5"):
        SVM(virtual_shifts_px=[1, 5]).build(SHAPE, 3)
    SVM(virtual_shifts_px=[4]).build(SHAPE, 3)
    SVM().build((30,), 3)


# What is kept.


def test_images_are_shared_in_the_order_of_their_first_use():
    x, labels = examples()
    model = fitted(x, labels, kernel=NINTH, virtual_shifts_px=[1])
    used: list[int] = []
    for number in range(len(PAIRS)):
        used += [each for each in dict.fromkeys(model.supports(number).sources[:, 0].tolist()) if each not in used]
    assert used == model.vectors.examples.tolist()
    assert np.array_equal(model.vectors.images, x[used])
    assert 3 * len(used) < model.vectors.counts.sum()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_support_vectors_do_not_depend_on_the_dtype_of_the_run(dtype):
    x, labels = examples()
    expected = fitted(x, labels, kernel=NINTH)
    assert_same_arrays(fitted(x.astype(dtype), labels, kernel=NINTH), expected)


@pytest.mark.parametrize("count", [2, 3])
def test_number_of_threads_changes_no_bit(count):
    x, labels = examples(3000, (28, 28))
    found = []
    for most in (1, count):
        with threads.allowed(most):
            model = fitted(x, labels, kernel=NINTH)
            found.append((model, model.scores(x).tobytes()))
    assert_same_arrays(found[1][0], found[0][0])
    assert found[0][1] == found[1][1]


@pytest.mark.parametrize(
    ("most", "keys", "fitted_at_once"),
    [
        (1, {}, [1, 1, 1, 1, 1, 1]),
        (2, {}, [6]),
        # Two pairs of 1,000 examples may want 8 MB each, those of the two small classes less.
        (2, {"cache_mb": 20}, [6]),
        (2, {"cache_mb": 15}, [1, 1, 1, 1, 1, 1]),
        (2, {"virtual_shifts_px": [1]}, [1, 1, 1, 1, 1, 1]),
    ],
)
def test_pairs_are_fitted_side_by_side_where_there_is_room_for_all(most, keys, fitted_at_once, monkeypatch):
    x, labels = examples(2000, (4, 4))
    labels[:] = np.arange(2000) % CLASSES
    found, spread = [], threads.spread

    def watched(work, parts, like):
        if isinstance(parts, range):
            found.append(len(parts))
        spread(work, parts, like)

    monkeypatch.setattr(threads, "spread", watched)
    with threads.allowed(most):
        fitted(x, labels, kernel=NINTH, **keys)
    assert found == fitted_at_once


def test_progress_is_told_on_the_thread_that_fits():
    x, labels = examples()
    told = set()
    with threads.allowed(3):
        model = unfitted(x, kernel=NINTH)
        list(model.fit(x, labels, lambda *_: told.add(threading.get_ident())))
    assert told <= {threading.get_ident()}


def test_error_of_a_pair_leaves_the_rounds_before(monkeypatch):
    x, labels = examples()
    with threads.allowed(2):
        model = unfitted(x, kernel=NINTH)
        rounds = model.fit(x, labels, lambda *_: None)
        assert [next(rounds), next(rounds)] == [1, 2]

        def fails(*_):
            raise DivergedError("no")

        monkeypatch.setattr(SVM, "_fitted_to_pair", fails)
        with pytest.raises(DivergedError):
            next(model.fit(x, labels, lambda *_: None))
    assert model.rounds_done == 2
    monkeypatch.undo()
    list(model.fit(x, labels, lambda *_: None))
    assert_same_arrays(model, fitted(x, labels, kernel=NINTH))


def test_compiled_loops_change_no_bit():
    pytest.importorskip("numba")
    x, labels = examples()
    found = []
    for compiled in (False, True):
        with Compiled(compiled).in_use():
            found.append(fitted(x, labels, kernel=NINTH, C=0.5, virtual_shifts_px=[1]))
    assert_same_arrays(*found)


@pytest.mark.parametrize("calls", [0, 3, 8, 20])
def test_round_that_is_interrupted_is_lost_and_no_other(monkeypatch, calls):
    monkeypatch.setattr(decomposition, "_AT_ONCE", 40)
    x, labels = examples()
    keys: dict[str, Any] = {"kernel": NINTH, "virtual_shifts_px": [1]}
    whole, model, left = fitted(x, labels, **keys), unfitted(x, **keys), iter(range(calls))

    def tell(*told: Any) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(model.fit(x, labels, tell))
    done = model.rounds_done
    assert done < model.rounds
    assert sum(map(len, model.arrays().values())) > 0 if done else model.arrays() == {}
    assert list(model.fit(x, labels, lambda *_: None)) == list(range(done + 1, model.rounds + 1))
    assert_same_arrays(model, whole)


def test_progress_is_told_by_pairs():
    x, labels = examples()
    model, told = unfitted(x, kernel=NINTH), []
    for _ in model.fit(x, labels, lambda *what: told.append(what)):
        assert told[-1] == (
            "support vectors of {} against {}".format(*PAIRS[model.rounds_done - 1]),
            len(model.supports(model.rounds_done - 1).sources),
            None,
        )


def contradictions(arrays: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    counts, vectors = arrays["counts"], arrays["vectors"]
    of_third = np.where(vectors[:, :1] == 3, [1, 0, 0], 0).astype(np.int32)
    moved = counts + np.eye(len(counts), dtype=counts.dtype)[0] * (counts[0] + 1)
    return {
        "a negative count": {
            **arrays,
            "counts": np.concatenate([-counts[:1], counts[:1] * 2 + counts[1:2], counts[2:]]),
        },
        "other counts": {**arrays, "counts": moved},
        "an image there is not": {**arrays, "vectors": vectors + of_third * np.int32(len(arrays["images"]))},
        "a negative image": {**arrays, "vectors": vectors - of_third * np.int32(4)},
        "an image that is not used": {**arrays, "vectors": vectors - of_third},
        "another dtype": {**arrays, "coefficients": arrays["coefficients"].astype(np.float32)},
        "an array missing": {name: array for name, array in arrays.items() if name != "biases"},
        "an array too many": {**arrays, "W": vectors},
    }


@pytest.mark.parametrize("which", range(8))
def test_arrays_that_contradict_themselves_are_refused(which):
    x, labels = examples()
    model = fitted(x, labels, kernel=NINTH)
    arrays, scores = model.arrays(), model.scores(x)
    with pytest.raises(ShapeError):
        model.restore(list(contradictions(arrays).values())[which])
    assert model.arrays() is not arrays
    assert np.array_equal(model.scores(x), scores)


def test_arrays_of_more_pairs_than_there_are_classes_for_are_refused():
    x, labels = examples()
    with pytest.raises(ShapeError, match="of 6 and 6 pairs, expected 3 at most"):
        unfitted(x, 3).restore(fitted(x, labels).arrays())


def test_sizes_are_known_before():
    model = unfitted(examples()[0])
    assert (model.rounds, model.size, model.shapes) == (6, 6, {"pairs": (6,)})


def test_progress_of_scores_is_told_and_may_end_them():
    x, labels = examples()
    model, told = fitted(x, labels, kernel=NINTH), []
    model.listen(lambda *what: told.append(what))
    model.scores(np.concatenate([x] * 10))
    assert told == [("examples", 0, 1600), ("examples", 1024, 1600)]

    def stop(*what: Any) -> None:
        raise KeyboardInterrupt

    model.listen(stop)
    with pytest.raises(KeyboardInterrupt):
        model.scores(x)


@pytest.mark.parametrize(
    ("C", "kernel"),
    [
        (1.0, PolynomialKernel(degree=9, scale=1.0)),
        (1e3, PolynomialKernel(degree=5, scale=1.0)),
        (1e10, PolynomialKernel(degree=3, scale=1.0)),
        (1e12, GaussianKernel(gamma=0.05)),
    ],
)
def test_coefficients_that_are_small_beside_C_are_results_all_the_same(C, kernel):
    """Kernels that are large, or a C that no coefficient comes near to, as of classes that can be separated."""
    x, labels = examples()
    model = fitted(x, labels, C=C, kernel=kernel)
    assert (model.scores(x).argmax(axis=1) == labels).mean() > 0.99
    for number in range(model.rounds):
        beta = model.supports(number).coefficients
        assert len(beta) >= 2
        assert abs(beta.sum()) <= 1e-9 * abs(beta).sum()
