"""One tiny instance of every fitted model that an experiment can name, and what must hold for all of them.

A model without an instance here fails `test_every_fitted_model_has_a_case`; with one it is fitted, interrupted after
each round, restored and asked.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mnistnn.models import AnyFittedModel
from mnistnn.models.fitted.boosting.boosted_stumps import BoostedStumps
from mnistnn.models.fitted.boosting.stump_features import Haar, Pixels
from mnistnn.models.fitted.committee import Committee, Member
from mnistnn.models.fitted.least_squares import LeastSquares
from mnistnn.models.fitted.neighbours.cascade import Stage
from mnistnn.models.fitted.neighbours.distances import Euclidean
from mnistnn.models.fitted.neighbours.nearest_neighbours import NearestNeighbours
from mnistnn.models.fitted.quadratic_discriminant import QuadraticDiscriminant
from mnistnn.models.fitted.support_vectors.kernel_functions import GaussianKernel, PolynomialKernel
from mnistnn.models.fitted.support_vectors.svm import SVM
from mnistnn.tasks.registry import OF_MODELS
from mnistnn.types import ShapeError
from tests.test_registry import members

IMAGE, CLASSES = (2, 3), 3
MEANS = np.random.default_rng(5).normal(size=(CLASSES, *IMAGE))


class Guess:
    """A member of a committee that knows the means of the classes but for an error of its own."""

    def __init__(self, number: int) -> None:
        self.means = MEANS + 0.1 * np.random.default_rng(number).normal(size=MEANS.shape)
        self.digest = bytes([number]) * 32

    def named_arrays(self) -> dict[str, np.ndarray]:
        return {"means": self.means}

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        p = np.exp(-((x[:, None] - self.means) ** 2).sum(axis=(2, 3)))
        return np.asarray(p / p.sum(axis=1, keepdims=True))


def committee(combine: Any) -> Committee:
    model = Committee(members=[Member(experiment={}) for _ in range(3)], combine=combine)
    model.find_members_by(Guess)
    return model


def knn(**keys: Any) -> NearestNeighbours:
    model = NearestNeighbours(**keys)
    model.find_references_by(lambda: bytes(range(32)), examples)
    return model


# Each case makes a fresh tiny instance. A name with a hyphen is a variant.
FITTED: dict[str, Callable[[], Any]] = {
    "least_squares": LeastSquares,
    "least_squares-ridge": lambda: LeastSquares(ridge=0.01),
    "least_squares-pairwise": lambda: LeastSquares(targets="pairwise"),
    "least_squares-limited": lambda: LeastSquares(targets="pairwise", combine="limited", ridge=0.01),
    "least_squares-sum": lambda: LeastSquares(targets="pairwise", combine="sum"),
    "quadratic_discriminant": QuadraticDiscriminant,
    "quadratic_discriminant-ridge": lambda: QuadraticDiscriminant(ridge=0.01),
    "boosted_stumps": lambda: BoostedStumps(max_rounds=5, features=Haar(drawn=6), sample=40, resample_every=2),
    "boosted_stumps-plain": lambda: BoostedStumps(max_rounds=12, features=Pixels(), factors=1, sample=None, bins=32),
    "svm": SVM,
    "svm-gaussian": lambda: SVM(kernel=GaussianKernel(gamma=0.5), C=10.0),
    "svm-virtual": lambda: SVM(kernel=PolynomialKernel(degree=5, scale=0.5, unit_norm=True), virtual_shifts_px=[1]),
    "knn": knn,
    "knn-cascade": lambda: knn(preselect=[Stage(distance=Euclidean(blur_px=0.5), keep=20, agree=5)]),
    "committee": lambda: committee("mean"),
    "committee-vote": lambda: committee("vote"),
}
each_model = pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in FITTED.items()])
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def allocated(make: Callable[[], Any], dtype: str = "float64") -> Any:
    model = make()
    model.build(IMAGE, CLASSES)
    model.allocate(np, dtype)
    return model


def examples(dtype: str = "float64") -> tuple[np.ndarray, np.ndarray]:
    """Return examples x (60, 2, 3) of three classes that hardly overlap, and labels (60,); both read only."""
    rng, labels = np.random.default_rng(6), np.arange(60) % CLASSES
    x = (MEANS[labels] + 0.2 * rng.normal(size=(60, *IMAGE))).astype(dtype)
    for array in (x, labels):
        array.setflags(write=False)
    return x, labels


def fit(model: Any, rounds: int | None = None, dtype: str = "float64") -> Any:
    """Fit a model as far as so many rounds, or to its end; return it."""
    fitting = model.fit(*examples(dtype), lambda *_: None)
    while model.rounds_done < (model.rounds if rounds is None else rounds):
        next(fitting)
    return model


def copied(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array.copy() for name, array in arrays.items()}


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], array) for name, array in expected.items())


def test_every_fitted_model_has_a_case():
    tested = {type(make()) for make in FITTED.values()}
    missing = [kind.__name__ for kind in members(AnyFittedModel) if kind not in tested]
    assert not missing, f"add a tiny instance of {', '.join(missing)} to the table in {__file__}"


def test_every_fitted_model_has_a_task():
    missing = [kind.__name__ for kind in members(AnyFittedModel) if kind not in OF_MODELS]
    assert not missing, f"add {', '.join(missing)} to OF_MODELS in mnistnn/tasks/registry.py"


@each_model
def test_fitting_yields_the_number_of_each_round(make):
    model = allocated(make)
    assert model.rounds_done == 0
    assert list(model.fit(*examples(), lambda *_: None)) == list(range(1, model.rounds + 1))
    assert model.rounds_done == model.rounds


@each_model
def test_fitted_model_has_nothing_left_to_fit(make):
    assert list(fit(allocated(make)).fit(*examples(), lambda *_: None)) == []


@each_dtype
@each_model
def test_model_has_a_finite_score_of_each_class_after_each_round(make, dtype):
    model, (x, labels) = allocated(make, dtype), examples(dtype)
    for done in model.fit(x, labels, lambda *_: None):
        assert model.rounds_done == done
        assert any(array.size for array in model.arrays().values())
        scores = model.scores(x)
        assert (scores.shape, scores.dtype) == ((len(x), CLASSES), np.dtype(dtype))
        assert np.isfinite(scores).all()


@each_model
def test_model_judges_each_example_by_itself(make):
    model, (x, _) = fit(allocated(make)), examples()
    whole = model.scores(x).copy()
    one_by_one = np.concatenate([model.scores(x[n : n + 1]).copy() for n in range(len(x))])
    np.testing.assert_allclose(one_by_one, whole, rtol=1e-12, atol=1e-12)


@each_model
def test_model_that_is_allocated_again_begins_anew(make):
    model = fit(allocated(make))
    expected = copied(model.arrays())
    model.allocate(np, "float64")
    assert model.rounds_done == 0
    assert not any(array.size for array in model.arrays().values())
    assert_same(fit(model).arrays(), expected)


@each_dtype
@each_model
def test_fitted_model_classifies_what_it_was_fitted_to(make, dtype):
    model, (x, labels) = fit(allocated(make, dtype), dtype=dtype), examples(dtype)
    scores = model.scores(x)
    assert scores.shape == (len(x), CLASSES)
    assert scores.dtype == dtype
    assert model.criterion.score(scores, labels).errors <= 3


@each_model
def test_model_restored_after_any_round_goes_on_alike(make):
    whole, x = fit(allocated(make)), examples()[0]
    for rounds in range(whole.rounds + 1):
        before, after = fit(allocated(make), rounds), allocated(make)
        kept = copied(before.arrays())
        for array in kept.values():
            array.setflags(write=False)
        after.restore(kept)
        assert after.rounds_done == rounds
        if rounds:
            assert np.array_equal(after.scores(x), before.scores(x))
        assert_same(fit(after).arrays(), whole.arrays())


@each_model
def test_model_that_keeps_some_rounds_is_what_it_was_after_them(make):
    for rounds in range(1, allocated(make).rounds + 1):
        model, expected = fit(allocated(make)), fit(allocated(make), rounds)
        model.keep_rounds(rounds)
        assert_same(model.arrays(), expected.arrays())
        assert np.array_equal(model.scores(examples()[0]), expected.scores(examples()[0]))


@each_model
def test_model_that_keeps_no_round_is_not_fitted(make):
    model = fit(allocated(make))
    model.keep_rounds(0)
    assert model.rounds_done == 0
    assert not any(array.size for array in model.arrays().values())


@each_model
def test_arrays_of_another_shape_are_refused_and_its_own_kept(make):
    model, (x, _) = fit(allocated(make)), examples()
    arrays, scores = copied(model.arrays()), model.scores(x).copy()
    for name, array in arrays.items():
        for wrong in (array[..., :-1], np.concatenate([array, array]), array[None]):
            with pytest.raises(ShapeError):
                model.restore({**arrays, name: wrong})
            assert_same(model.arrays(), arrays)
            assert np.array_equal(model.scores(x), scores)


@each_model
def test_model_has_one_name_for_tables(make):
    assert len(allocated(make).shapes) == 1
