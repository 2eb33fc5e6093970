"""Nearest neighbours against plain loops: votes, ties, stages, and what is kept."""

import json
from collections import Counter
from threading import current_thread, main_thread
from time import sleep
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from mnistnn.backend import jit, threads
from mnistnn.errors import ConfigError, DivergedError, RunError
from mnistnn.kernels.edges import eight_bit, sobel
from mnistnn.kernels.idm import idm
from mnistnn.kernels.p2dhmdm import p2dhmdm
from mnistnn.kernels.shifted import shifted
from mnistnn.models.fitted.neighbours.cascade import Stage
from mnistnn.models.fitted.neighbours.distances import Distance, Euclidean, ImageDistortion, PseudoHMM, Shifted
from mnistnn.models.fitted.neighbours.nearest_neighbours import NearestNeighbours
from mnistnn.types import ShapeError

SHAPE, CLASSES = (7, 6), 4
DIGEST = bytes(range(32))

# Each distance that cannot look at all references, and the array code of it for images (n, h, w) in [0, 1].
DEFORMING: dict[str, tuple[Shifted | ImageDistortion | PseudoHMM, Any]] = {
    "shifted": (Shifted(pixels=1), lambda q, r: shifted(eight_bit(q), eight_bit(r), 1)),
    "idm": (ImageDistortion(), lambda q, r: idm(sobel(eight_bit(q)), sobel(eight_bit(r)), 2, 1)),
    "p2dhmdm": (PseudoHMM(), lambda q, r: p2dhmdm(sobel(eight_bit(q)), sobel(eight_bit(r)), 3, 1, 1)),
}
each_deforming = pytest.mark.parametrize("kind", DEFORMING)
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def images(n: int, seed: int = 0, dtype: str = "float64") -> np.ndarray:
    """Return images of few levels, with exact squares, so that there are equal distances."""
    x = (np.random.default_rng(seed).integers(0, 5, (n, *SHAPE)) / 4.0).astype(dtype)
    x.setflags(write=False)
    return x


def labels(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed + 100).integers(0, CLASSES, n)


def fitted(x: np.ndarray, y: np.ndarray, **keys: Any) -> NearestNeighbours:
    model = NearestNeighbours(**keys)
    model.build(x.shape[1:], CLASSES)
    model.find_references_by(lambda: DIGEST, lambda: (x, y))
    model.allocate(np, str(x.dtype))
    assert list(model.fit(x, y, lambda *_: None)) == [1]
    return model


def in_order(distances: np.ndarray) -> list[int]:
    return sorted(range(len(distances)), key=lambda j: (distances[j], j))


def predicted(nearest: list[int]) -> int:
    """Return the class with the most votes; of equal ones that which comes first."""
    votes = Counter(nearest)
    return max(votes, key=lambda label: (votes[label], -nearest.index(label)))


def points(*places: float) -> np.ndarray:
    return np.array(places, dtype=float)[:, None]


@each_dtype
@pytest.mark.parametrize("k", [1, 2, 3, 5, 30])
def test_class_is_that_of_most_neighbours_and_of_the_nearest_among_equals(k, dtype):
    x, y, queries = images(30, 1, dtype), labels(30), images(40, 2, dtype)
    scores = fitted(x, y, neighbours=k).scores(queries)
    assert scores.dtype == dtype
    for query, of_classes in zip(queries, scores, strict=True):
        nearest = in_order(((x.astype(float) - query) ** 2).sum(axis=(1, 2)))[:k]
        assert of_classes.argmax() == predicted([int(y[j]) for j in nearest])


def test_scores_are_shares_of_votes_and_less_than_half_a_vote_for_the_nearest():
    model = fitted(points(1, 2, 3, 4, 50), np.array([2, 0, 0, 1, 3]), neighbours=4)
    expected = [2 + 3 / 10, 1 + 1 / 10, 1 + 4 / 10, 0]
    np.testing.assert_allclose(model.scores(points(0.0)), [np.array(expected) / 4])


@pytest.mark.parametrize(("near", "expected"), [([3, 0, 1], 3), ([0, 1, 3], 0), ([1, 0, 0], 0), ([2, 3, 3], 3)])
def test_tie_of_classes_goes_to_the_nearest_and_majority_beats_it(near, expected):
    model = fitted(points(1, 2, 3), np.array(near), neighbours=3)
    assert model.scores(points(0.0)).argmax() == expected


def test_of_references_at_one_distance_the_first_is_nearer():
    model = fitted(points(5, 1, -1, 1), np.array([0, 1, 2, 3]), neighbours=2)
    assert model.neighbours_of(points(0.0)).indices.tolist() == [[1, 2]]


def test_equal_images_with_different_labels_count_in_their_order():
    x = np.repeat(images(1), 4, axis=0)
    model = fitted(x, np.array([3, 1, 1, 0]), neighbours=1)
    assert model.scores(x[:1]).argmax() == 3
    assert fitted(x, np.array([3, 1, 1, 0]), neighbours=3).scores(x[:1]).argmax() == 1


def test_reference_that_equals_a_query_is_its_neighbour():
    x, y = images(20), np.arange(20) % CLASSES
    found = fitted(x, y).neighbours_of(x)
    assert found.indices[:, 0].tolist() == list(range(20))
    assert not found.distances[:, 0].any()


@pytest.mark.parametrize("shape", [(5,), (3, 4, 2), (4, 4)])
def test_euclidean_takes_inputs_of_any_shape_and_size(shape):
    rng = np.random.default_rng(0)
    x, queries = rng.normal(scale=9, size=(20, *shape)), rng.normal(scale=9, size=(6, *shape))
    found = fitted(x, labels(20), neighbours=4).neighbours_of(queries)
    for n, query in enumerate(queries):
        distances = ((x - query) ** 2).reshape(20, -1).sum(axis=1)
        assert found.indices[n].tolist() == in_order(distances)[:4]
        np.testing.assert_allclose(found.distances[n], sorted(distances)[:4], rtol=1e-13)


def test_blurred_distance_is_that_of_blurred_images():
    from scipy import ndimage

    x, queries = images(20, 1), images(5, 2)
    found = fitted(x, labels(20), distance=Euclidean(blur_px=1.0)).neighbours_of(queries)

    def blurred(each):
        return ndimage.gaussian_filter(each, (0, 1.0, 1.0), mode="constant", truncate=4.0)

    distances = ((blurred(queries)[:, None] - blurred(x)) ** 2).sum(axis=(2, 3))
    assert np.array_equal(found.indices, distances.argsort(axis=1)[:, :3])
    np.testing.assert_allclose(found.distances, np.sort(distances)[:, :3], rtol=1e-9)


def by_array_code(kind: str, x: np.ndarray, queries: np.ndarray, k: int) -> list[list[int]]:
    compare = DEFORMING[kind][1]
    return [in_order(compare(query[None], x))[:k] for query in queries]


@each_dtype
@each_deforming
def test_cascade_that_keeps_everything_is_a_full_search(kind, dtype):
    x, queries = images(25, 1, dtype), images(8, 2, dtype)
    stages = [Stage(distance=Euclidean(blur_px=0.7), keep=99)]
    found = fitted(x, labels(25), neighbours=4, distance=DEFORMING[kind][0], preselect=stages).neighbours_of(queries)
    assert found.indices.tolist() == by_array_code(kind, x, queries, 4)
    for n, (query, nearest) in enumerate(zip(queries, found.indices, strict=True)):
        assert found.distances[n].tolist() == DEFORMING[kind][1](query[None], x[nearest]).tolist()


def test_each_stage_leaves_its_nearest_to_the_next():
    x, queries = images(40, 1), images(6, 2)
    stages = [Stage(distance=Euclidean(), keep=20), Stage(distance=ImageDistortion(), keep=6)]
    found = fitted(x, labels(40), neighbours=2, distance=PseudoHMM(), preselect=stages).neighbours_of(queries)
    for n, query in enumerate(queries):
        first = sorted(in_order(((x - query) ** 2).sum(axis=(1, 2)))[:20])
        second = sorted(first[j] for j in in_order(DEFORMING["idm"][1](query[None], x[first]))[:6])
        third = [second[j] for j in in_order(DEFORMING["p2dhmdm"][1](query[None], x[second]))[:2]]
        assert found.indices[n].tolist() == third
    assert (found.stages == 2).all()


def dot(y: int, x: int, ink: float = 1.0) -> np.ndarray:
    image = np.zeros(SHAPE)
    image[y, x] = ink
    return image


def test_what_a_stage_leaves_out_is_not_found():
    """The last reference is the query, moved; by its pixels it is the farthest."""
    x = np.stack([dot(3, 3, 0.5), dot(3, 3, 0.25), dot(3, 2)])
    for keep, nearest in ((2, [0, 1]), (3, [2, 0])):
        stages = [Stage(distance=Euclidean(), keep=keep)]
        model = fitted(x, labels(3), neighbours=2, distance=Shifted(), preselect=stages)
        assert model.neighbours_of(dot(3, 3)[None]).indices.tolist() == [nearest]


def test_equal_distances_of_a_later_stage_are_ordered_by_index():
    """Whatever the order of the stage before."""
    x = np.stack([dot(3, 2), dot(3, 3), dot(2, 3), dot(6, 5)])
    stages = [Stage(distance=Euclidean(), keep=4)]
    model = fitted(x, labels(4), distance=Shifted(), preselect=stages)
    assert model.neighbours_of(dot(3, 3)[None]).indices.tolist() == [[0, 1, 2]]
    by_pixels = fitted(x, labels(4)).neighbours_of(dot(3, 3)[None])
    assert by_pixels.indices.tolist() == [[1, 0, 2]]


def test_plain_distance_can_follow_a_blurred_one():
    x, queries = images(40, 1), images(6, 2)
    stages = [Stage(distance=Euclidean(blur_px=0.7), keep=40)]
    found = fitted(x, labels(40), preselect=stages).neighbours_of(queries)
    expected = fitted(x, labels(40)).neighbours_of(queries)
    assert np.array_equal(found.indices, expected.indices)
    assert np.array_equal(found.distances, expected.distances)


def test_query_whose_nearest_agree_is_settled_and_others_are_asked_about():
    """Near 0 all are of class 1; near 100 the fourth neighbour is of another one."""
    x, y = points(0, 1, 2, 3, 100, 101, 102, 103), np.array([1, 1, 1, 1, 2, 2, 2, 3])
    stages = [Stage(distance=Euclidean(), keep=5, agree=4), Stage(distance=Euclidean(), keep=3, agree=3)]
    model = fitted(x, y, neighbours=2, preselect=stages)
    found = model.neighbours_of(points(0.1, 100.1, 1.1, 103.2))
    assert found.stages.tolist() == [0, 1, 0, 2]
    assert found.indices.tolist() == [[0, 1], [4, 5], [1, 2], [7, 6]]
    np.testing.assert_allclose(found.distances[:, 0], 0.01 * np.array([1, 1, 1, 4]))
    assert model.examples_per_stage == {"euclidean": 4, "euclidean 2": 2, "euclidean 3": 1}
    model.scores(points(100.1))
    assert model.examples_per_stage == {"euclidean": 5, "euclidean 2": 3, "euclidean 3": 1}
    model.restore_examples_per_stage({"euclidean": 7, "euclidean 2": 1})
    model.scores(points(100.1))
    assert model.examples_per_stage == {"euclidean": 8, "euclidean 2": 2, "euclidean 3": 0}
    model.restore_examples_per_stage({})
    assert not any(model.examples_per_stage.values())


def test_all_references_agree_where_there_are_fewer_than_asked_for():
    stages = [Stage(distance=Euclidean(), keep=50, agree=30)]
    for y, asked in ([[2, 2, 2], 0], [[2, 2, 1], 1]):
        model = fitted(points(0, 1, 2), np.array(y), preselect=stages)
        assert model.scores(points(0.0)).argmax() == 2
        assert [*model.examples_per_stage.values()] == [1, asked]


@each_deforming
def test_bits_do_not_depend_on_threads_or_on_numba(kind):
    x, queries = images(200, 1, "float32"), images(30, 2, "float32")
    stages = [Stage(distance=Euclidean(blur_px=0.7), keep=60, agree=3)]
    scores, distances = [], []
    for most in (1, 2):
        for wanted in (False, True):
            model = fitted(x, labels(200), distance=DEFORMING[kind][0], preselect=stages)
            with threads.allowed(most), jit.Compiled(wanted).in_use():
                scores.append(model.scores(queries).tobytes())
                distances.append(model.neighbours_of(queries).distances.tobytes())
            assert [*model.examples_per_stage.values()][1] > 0
    assert len(set(scores)) == len(set(distances)) == 1


def test_query_has_the_bits_that_it_has_alone():
    x, queries = images(600, 1, "float32"), images(40, 2, "float32")
    model = fitted(x, labels(600), preselect=[Stage(distance=Euclidean(blur_px=0.7), keep=20, agree=4)])
    whole = model.scores(queries).copy()
    for n in range(40):
        assert model.scores(queries[n : n + 1]).tobytes() == whole[n : n + 1].tobytes()


def test_images_are_not_copied():
    x = images(10)
    model = fitted(x, labels(10))
    model.scores(x)
    assert model._references is not None
    assert model._references.x is x
    assert np.shares_memory(model._references.of(model.distance), x)


def test_distances_that_compare_the_same_share_what_is_prepared(monkeypatch):
    calls = []

    def prepared(self: Distance, x: np.ndarray) -> np.ndarray:
        calls.append(len(x))
        return np.asarray(sobel(eight_bit(x)))

    for kind in (ImageDistortion, PseudoHMM):
        monkeypatch.setattr(kind, "prepared", prepared)
    stages = [Stage(distance=Euclidean(), keep=20), Stage(distance=ImageDistortion(), keep=10)]
    model = fitted(images(30), labels(30), distance=PseudoHMM(), preselect=stages)
    model.scores(images(4, 2))
    model.scores(images(4, 2))
    assert sum(calls) == 1 + 30 + 4 * 4  # a first one for its shape, all references, and queries for each distance


@pytest.mark.parametrize("k", [4, 1000])
def test_more_neighbours_than_references_are_refused(k):
    with pytest.raises(ConfigError, match=f"there are 3 references, and {k:,} neighbours are to vote") as error:
        fitted(images(3), labels(3), neighbours=k)
    assert error.value.key == "model.neighbours"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"distance": {"type": "idm"}}, "distance: only euclidean can look at all references, got idm"),
        (
            {"preselect": [{"distance": {"type": "shifted"}, "keep": 9}]},
            "preselect.0.distance: only euclidean can look at all references, got shifted",
        ),
        (
            {"preselect": [{"distance": {"type": "euclidean"}, "keep": 2}]},
            r"preselect.0.keep: must be at least neighbours \(3\), got 2",
        ),
        (
            {"preselect": [{"distance": {"type": "euclidean"}, "keep": n} for n in (5, 6)]},
            r"preselect.1.keep: must not be above that of the stage before \(5\), got 6",
        ),
        (
            {"preselect": [{"distance": {"type": "euclidean"}, "keep": 9, "agree": 2}]},
            r"preselect.0.agree: must be in \[neighbours, keep\] = \[3, 9\], got 2",
        ),
        (
            {"preselect": [{"distance": {"type": "euclidean"}, "keep": 9, "agree": 10}]},
            r"preselect.0.agree: must be in \[neighbours, keep\] = \[3, 9\], got 10",
        ),
    ],
)
def test_what_is_no_cascade_is_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(NearestNeighbours).validate_json(json.dumps(keys))


def cascade(kind: str) -> NearestNeighbours:
    return NearestNeighbours(distance=DEFORMING[kind][0], preselect=[Stage(distance=Euclidean(), keep=9)])


@each_deforming
@pytest.mark.parametrize("shape", [(12,), (2, 6), (6, 2), (1, 6, 6)])
def test_deforming_distances_refuse_what_is_no_image_or_too_small(kind, shape):
    with pytest.raises(ShapeError, match=f"distance {kind} needs images .height × width. of 3×3 pixels or more"):
        cascade(kind).build(shape, CLASSES)


def test_blur_refuses_what_is_no_image():
    with pytest.raises(ShapeError, match="blur needs images"):
        NearestNeighbours(distance=Euclidean(blur_px=1.0)).build((12,), CLASSES)


def test_image_whose_sums_would_overflow_is_refused():
    with pytest.raises(ShapeError, match="distance p2dhmdm takes images of at most 924 rows, got 925"):
        cascade("p2dhmdm").build((925, 5), CLASSES)
    cascade("p2dhmdm").build((924, 5), CLASSES)


@each_deforming
@pytest.mark.parametrize(("factor", "offset"), [(4.0, 0.0), (1.0, -1.0)])
def test_standardized_images_are_refused_by_deforming_distances(kind, factor, offset):
    x = factor * images(20) + offset
    model = cascade(kind)
    model.build(SHAPE, CLASSES)
    model.allocate(np, "float64")
    with pytest.raises(ConfigError, match=f"distance {kind} compares ink, from 0 to 1, and these inputs reach from"):
        list(model.fit(x, labels(20), lambda *_: None))
    assert model.rounds_done == 0


@each_deforming
def test_ink_a_little_outside_of_its_range_counts_as_the_limit(kind):
    x = images(20)
    beyond = np.where(x == 1, 1.2, np.where(x == 0, -0.3, x))
    stages = [Stage(distance=Euclidean(), keep=20)]
    model, expected = (fitted(each, labels(20), distance=DEFORMING[kind][0], preselect=stages) for each in (beyond, x))
    queries = images(5, 2)
    assert np.array_equal(model.neighbours_of(queries).distances, expected.neighbours_of(queries).distances)


@each_dtype
@pytest.mark.parametrize("wrong", [np.nan, np.inf, "too large"])
def test_inputs_without_distances_are_refused(wrong, dtype):
    x = images(10, 1, dtype).copy()
    x[3, 2, 2] = np.sqrt(np.finfo(dtype).max) if wrong == "too large" else wrong
    with pytest.raises(DivergedError, match="not all finite numbers, or too large to be squared"):
        fitted(x, labels(10)).scores(images(2, 2, dtype))
    with pytest.raises(DivergedError, match="not all finite numbers, or too large to be squared"):
        fitted(images(10, 1, dtype), labels(10)).scores(x)


def test_digest_is_kept_and_references_are_looked_for_when_they_are_needed():
    x, y, queries = images(30, 1), labels(30), images(5, 2)
    whole = fitted(x, y)
    kept = whole.arrays()
    assert kept["references"].tolist() == [list(DIGEST)]
    looked = []

    def find() -> tuple[np.ndarray, np.ndarray]:
        looked.append(1)
        return x, y

    other = NearestNeighbours()
    other.build(SHAPE, CLASSES)
    other.find_references_by(lambda: DIGEST, find)
    other.allocate(np, "float64")
    other.restore(kept)
    assert other.rounds_done == 1
    assert not looked
    assert np.array_equal(other.scores(queries), whole.scores(queries))
    assert np.array_equal(other.scores(queries), whole.scores(queries))
    assert len(looked) == 1
    assert list(other.fit(x, y, lambda *_: None)) == []


def test_other_references_than_it_was_fitted_to_are_refused():
    x, y = images(10), labels(10)
    model = fitted(x, y)
    kept = model.arrays()
    model.find_references_by(lambda: bytes(32), lambda: (x, y))
    model.restore(kept)
    with pytest.raises(RunError, match="the references are not those that the model was fitted to"):
        model.scores(x)


@each_deforming
def test_progress_is_told_of_references_and_of_queries(kind):
    x, queries, told = images(700, 1, "float32"), images(30, 2, "float32"), []
    model = fitted(x, labels(700), distance=DEFORMING[kind][0], preselect=[Stage(distance=Euclidean(), keep=30)])
    model.listen(lambda *what: told.append(what))
    model.scores(queries)
    what = DEFORMING[kind][0].preparation
    assert [each for each in told if each[0] != "examples"] == [(f"references: {what}", n, 700) for n in (512, 700)]
    of_queries = [each for each in told if each[0] == "examples"]
    assert of_queries == [("examples", n, 30) for n in range(31)]


def test_only_the_thread_that_asks_is_told(monkeypatch):
    x, queries, heard, worked, of_pairs = images(100, 1), images(60, 2), [], set(), Shifted.of_pairs

    def slow(self: Shifted, q: np.ndarray, r: np.ndarray) -> np.ndarray:
        worked.add(current_thread())
        sleep(0.002)  # which lets the other threads go on
        return np.asarray(of_pairs(self, q, r))

    monkeypatch.setattr(Shifted, "of_pairs", slow)
    model = fitted(x, labels(100), distance=Shifted(), preselect=[Stage(distance=Euclidean(), keep=50)])
    model.listen(lambda *_: heard.append(current_thread()))
    with threads.allowed(4), jit.Compiled(wanted=False).in_use():
        model.scores(queries)
    assert len(worked) > 1
    assert set(heard) == {main_thread()}


@pytest.mark.parametrize("most", [1, 2])
def test_search_that_is_interrupted_leaves_the_model_as_it_was(most):
    x, queries = images(100, 1), images(30, 2)
    stages = [Stage(distance=Euclidean(), keep=30)]
    model = fitted(x, labels(100), distance=ImageDistortion(), preselect=stages)
    expected = fitted(x, labels(100), distance=ImageDistortion(), preselect=stages).scores(queries)

    def interrupt(what: str, done: int, most: int | None) -> None:

        if what == "examples" and done:
            raise KeyboardInterrupt

    model.listen(interrupt)
    with threads.allowed(most):
        with pytest.raises(KeyboardInterrupt):
            model.scores(queries)
        model.listen(lambda *_: None)
        assert np.array_equal(model.scores(queries), expected)


@each_deforming
def test_displacements_are_those_of_the_last_distance(kind):
    x = images(10)
    model = fitted(x, labels(10), distance=DEFORMING[kind][0], preselect=[Stage(distance=Euclidean(), keep=9)])
    ways = model.displacements(x[0], np.roll(x[0], 1, axis=1))
    assert (ways.shape, ways.dtype) == ((*SHAPE, 2), np.dtype("int64"))
    assert (ways[1:-1, 1:-2] == (0, 1)).all()
    assert not model.displacements(x[1], x[1]).any()


def test_euclidean_distance_displaces_nothing():
    x = images(10)
    assert not fitted(x, labels(10)).displacements(x[0], x[1]).any()
    assert fitted(x, labels(10)).displacements(x[0], x[1]).shape == (*SHAPE, 2)


def test_only_distances_in_loops_are_worth_compiling():
    for model, expected in ((NearestNeighbours(), False), (cascade("shifted"), True)):
        model.build(SHAPE, CLASSES)
        assert model.needs_loops == expected
