"""One tiny instance of every model that is fitted and not trained by steps, and what must hold for all of them.

A model without an instance here fails `test_every_fitted_model_has_a_case`. Each is fitted to images (2, 3) of three
classes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mnistnn.models import AnyFittedModel
from mnistnn.models.fitted.committee import Committee, Member
from mnistnn.models.fitted.least_squares import LeastSquares
from mnistnn.tasks.registry import OF_MODELS
from mnistnn.types import ShapeError
from tests.test_registry import IMAGE, each_dtype, members


class Linear:
    """Stands in for a trained member of a committee: probabilities by the column of the image that is brightest."""

    def __init__(self, number: int) -> None:
        self.number, self.digest = number, bytes([number]) * 32

    def named_arrays(self) -> dict[str, Any]:
        return {"number": np.array(self.number)}

    def probabilities(self, x: Any) -> Any:
        p = np.exp(x.mean(axis=1) * (1.0 + self.number)).astype(x.dtype)
        return p / p.sum(axis=1, keepdims=True)


def committee_of(count: int, **keys: Any) -> Committee:
    model = Committee(members=[Member(experiment="x.yaml")] * count, **keys)
    model.find_members_by(Linear)
    return model


# Each case makes a fresh tiny instance. A name with a hyphen is a variant of a model.
FITTED_MODELS: dict[str, Callable[[], Any]] = {
    "least_squares": LeastSquares,
    "least_squares-ridge": lambda: LeastSquares(ridge=0.1),
    "least_squares-pairwise": lambda: LeastSquares(targets="pairwise"),
    "least_squares-limited": lambda: LeastSquares(targets="pairwise", combine="limited"),
    "least_squares-sum": lambda: LeastSquares(targets="pairwise", combine="sum"),
    "committee": lambda: committee_of(3),
    "committee-vote": lambda: committee_of(4, combine="vote"),
}


@pytest.mark.parametrize("cases", [{type(make()) for make in FITTED_MODELS.values()}, {*OF_MODELS}])
def test_every_fitted_model_has_a_case_and_a_task(cases):
    missing = [kind.__name__ for kind in members(AnyFittedModel) if kind not in cases]
    assert not missing, f"add a tiny instance of {', '.join(missing)} here, and its task to tasks/registry.py"


each_fitted_model = pytest.mark.parametrize("case", FITTED_MODELS)


def allocated(case: str, dtype: str = "float64") -> Any:
    model = FITTED_MODELS[case]()
    model.build(IMAGE, 3)
    model.allocate(np, dtype)
    return model


def images_of_classes(dtype: str = "float64") -> tuple[np.ndarray, np.ndarray]:
    """Return images that nobody may write to, each brighter in the column of its class, and labels likewise."""
    rng = np.random.default_rng(8)
    labels = rng.integers(3, size=40).astype(np.uint8)
    x = rng.uniform(0, 1, (40, *IMAGE)).astype(dtype)
    x[np.arange(40), :, labels] += 0.4
    for array in (x, labels):
        array.setflags(write=False)
    return x, labels


def silent(*what: Any) -> None:
    """Hear nothing of what happens inside a round."""


def rounds_of(model: Any, dtype: str = "float64") -> list[tuple[dict[str, np.ndarray], np.ndarray]]:
    """Fit the rounds that are left; return copies of the arrays, and of the scores, after each."""
    x, labels = images_of_classes(dtype)
    found = []
    for done in model.fit(x, labels, silent):
        assert done == model.rounds_done
        found.append(({name: a.copy() for name, a in model.arrays().items()}, model.scores(x).copy()))
    return found


def same_arrays(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> bool:
    return list(found) == list(expected) and all(np.array_equal(found[name], a) for name, a in expected.items())


@each_dtype
@each_fitted_model
def test_fitted_model_has_a_score_of_each_class_after_each_round(case, dtype):
    model = allocated(case, dtype)
    assert (model.rounds_done, [a.size for a in model.arrays().values() if a.size]) == (0, [])
    rounds = rounds_of(model, dtype)
    assert len(rounds) == model.rounds >= 1
    for arrays, scores in rounds:
        assert (scores.shape, scores.dtype) == ((40, 3), np.dtype(dtype))
        assert np.isfinite(scores).all()
        assert any(array.size for array in arrays.values())
    _, labels = images_of_classes(dtype)
    assert model.criterion.score(rounds[-1][1], labels).errors < 20


@each_dtype
@each_fitted_model
def test_fitted_model_restored_after_any_round_has_the_same_scores_and_goes_on_to_the_same_end(case, dtype):
    rounds = rounds_of(allocated(case, dtype), dtype)
    for done, (arrays, scores) in enumerate(rounds, start=1):
        for array in arrays.values():
            array.setflags(write=False)
        model = allocated(case, dtype)
        model.restore(arrays)
        assert model.rounds_done == done
        assert np.array_equal(model.scores(images_of_classes(dtype)[0]), scores)
        assert same_arrays(model.arrays(), arrays)
        rest = rounds_of(model, dtype)
        assert len(rest) == len(rounds) - done
        for (found, _), (expected, _) in zip(rest, rounds[done:], strict=True):
            assert same_arrays(found, expected)


@each_fitted_model
def test_fitted_model_forgets_rounds(case):
    rounds = rounds_of(allocated(case))
    for kept in range(len(rounds), 0, -1):
        model = allocated(case)
        rounds_of(model)
        model.keep_rounds(kept)
        assert model.rounds_done == kept
        assert np.array_equal(model.scores(images_of_classes()[0]), rounds[kept - 1][1])
    model.keep_rounds(0)
    assert model.rounds_done == 0
    assert not any(array.size for array in model.arrays().values())


@each_fitted_model
def test_fitted_model_judges_each_example_by_itself(case):
    model, (x, _) = allocated(case), images_of_classes()
    rounds_of(model)
    whole = model.scores(x).copy()
    one_by_one = np.concatenate([model.scores(x[n : n + 1]).copy() for n in range(len(x))])
    np.testing.assert_allclose(one_by_one, whole, rtol=1e-12, atol=1e-12)


@each_fitted_model
def test_fitted_model_begins_anew_when_it_is_allocated(case):
    model = allocated(case)
    first = rounds_of(model)
    model.allocate(np, "float64")
    assert model.rounds_done == 0
    for (found, _), (expected, _) in zip(rounds_of(model), first, strict=True):
        assert same_arrays(found, expected)


@each_fitted_model
def test_fitted_model_refuses_arrays_of_another_shape_and_keeps_its_own(case):
    model, (x, _) = allocated(case), images_of_classes()
    arrays, scores = rounds_of(model)[-1]
    for name, array in arrays.items():
        for wrong in (array[..., :-1], np.concatenate([array, array]), array[None]):
            with pytest.raises(ShapeError):
                model.restore({**arrays, name: wrong})
            assert np.array_equal(model.scores(x), scores)
            assert same_arrays(model.arrays(), arrays)


@each_fitted_model
def test_fitted_model_tells_its_size_as_far_as_it_is_its_own(case):
    model = allocated(case)
    arrays, _ = rounds_of(model)[-1]
    assert model.size == sum(array.size for array in arrays.values() if array.dtype.kind == "f")
    assert model.multiply_adds >= 0
