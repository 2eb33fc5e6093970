"""A committee's scores against naive loops, with members that stand in for trained ones."""

import hashlib
from typing import Any

import numpy as np
import pytest

from mnistnn.errors import RunError
from mnistnn.models.fitted.committee import LEAST, Committee, Member
from mnistnn.types import ShapeError

CLASSES, N, SHAPE = 4, 50, (2, 3)


class Fixed:
    """Gives to each example, which is its number, probabilities that are known."""

    def __init__(self, p: np.ndarray) -> None:
        self.p, self.digest = p, hashlib.sha256(p.tobytes()).digest()

    def named_arrays(self) -> dict[str, Any]:
        return {"p": self.p}

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        p: np.ndarray = self.p[x[:, 0, 0].astype(int)].astype(x.dtype)
        return p


def images(dtype: str = "float64") -> np.ndarray:
    x = np.zeros((N, *SHAPE), dtype)
    x[:, 0, 0] = np.arange(N)
    return x


def probabilities(seed: int) -> np.ndarray:
    p: np.ndarray = np.random.default_rng(seed).uniform(0, 1, (N, CLASSES)) ** 3
    p /= p.sum(axis=1, keepdims=True)
    return p


def committee(members: list[Fixed], combine: str, dtype: str = "float64", rounds: int | None = None) -> Committee:
    model = Committee(members=[Member(experiment="x.yaml") for _ in members], combine=combine)  # type: ignore[arg-type]
    model.build(SHAPE, CLASSES)
    model.find_members_by(lambda number: members[number])
    model.allocate(np, dtype)
    for done in model.fit(images(dtype), np.zeros(N, int), lambda *_: None):
        if done == rounds:
            break
    return model


@pytest.mark.parametrize("count", [1, 2, 5])
def test_scores_are_logarithms_of_the_mean_of_probabilities(count):
    ps = [probabilities(seed) for seed in range(count)]
    scores = committee([Fixed(p) for p in ps], "mean").scores(images())
    for n in range(N):
        for k in range(CLASSES):
            assert scores[n, k] == pytest.approx(np.log(sum(p[n, k] for p in ps) / count), rel=1e-12)


def test_loss_of_the_mean_is_that_of_the_mean_probability():
    ps, labels = [probabilities(seed) for seed in range(3)], np.arange(N) % CLASSES
    model = committee([Fixed(p) for p in ps], "mean")
    loss = model.criterion.score(model.scores(images()), labels).loss
    assert loss == pytest.approx(-np.log(np.mean(ps, axis=0)[np.arange(N), labels]).sum(), rel=1e-12)
    np.testing.assert_allclose(model.criterion.probabilities(model.scores(images())), np.mean(ps, axis=0), rtol=1e-12)


def predicted_by_loops(ps: list[np.ndarray]) -> list[int]:
    """Return the class with the most votes, of equal numbers the one with the larger mean, example by example."""
    found = []
    for n in range(N):
        votes, means = [0] * CLASSES, [0.0] * CLASSES
        for p in ps:
            votes[int(p[n].argmax())] += 1
            for k in range(CLASSES):
                means[k] += p[n, k] / len(ps)
        found.append(max(range(CLASSES), key=lambda k: (votes[k], means[k])))
    return found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_vote_predicts_as_naive_loops_do(count, dtype):
    ps = [probabilities(seed) for seed in range(count)]
    scores = committee([Fixed(p) for p in ps], "vote", dtype).scores(images(dtype))
    assert list(scores.argmax(axis=1)) == predicted_by_loops(ps)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 40.0])
def test_no_mean_of_scores_outweighs_a_vote(scale):
    """Members without probabilities give scores of any size: outputs of pairs added up, say."""
    ps = [scale * np.random.default_rng(seed).normal(size=(N, CLASSES)) for seed in range(5)]
    scores = committee([Fixed(p) for p in ps], "vote").scores(images())
    assert list(scores.argmax(axis=1)) == predicted_by_loops(ps)


def test_share_of_votes_is_the_whole_of_a_score_and_less_than_half_a_vote_the_rest():
    ps = [probabilities(seed) for seed in range(5)]
    scores = committee([Fixed(p) for p in ps], "vote").scores(images())
    votes = sum(np.eye(CLASSES)[p.argmax(axis=1)] for p in ps)
    rest = 5 * scores - votes
    assert 0.0 <= rest.min() <= rest.max() <= 0.5 + 1e-12


def test_equal_scores_of_all_classes_are_a_vote_for_the_first():
    model = committee([Fixed(np.full((N, CLASSES), 0.25))], "vote")
    assert (model.scores(images()).argmax(axis=1) == 0).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_probability_of_zero_has_a_finite_logarithm(dtype):
    certain = np.tile(np.eye(CLASSES)[1], (N, 1))
    scores = committee([Fixed(certain)], "mean", dtype).scores(images(dtype))
    assert scores.dtype == dtype
    np.testing.assert_allclose(scores[0], np.log([LEAST, 1.0, LEAST, LEAST]), rtol=1e-6)


def test_scores_are_those_of_the_members_so_far():
    members = [Fixed(probabilities(seed)) for seed in range(3)]
    two, all_three = committee(members, "mean", rounds=2), committee(members, "mean")
    assert (two.rounds_done, all_three.rounds_done, two.rounds) == (2, 3, 3)
    expected = committee(members[:2], "mean").scores(images())
    assert np.array_equal(two.scores(images()), expected)
    all_three.keep_rounds(2)
    assert np.array_equal(all_three.scores(images()), expected)


def test_digests_are_kept_and_members_found_again_by_them():
    members = [Fixed(probabilities(seed)) for seed in range(3)]
    whole = committee(members, "mean")
    kept = whole.arrays()
    assert kept["members"].shape == (3, 32)
    assert [row.tobytes() for row in kept["members"]] == [member.digest for member in members]
    other = committee(members, "mean", rounds=1)
    other.restore(kept)
    assert np.array_equal(other.scores(images()), whole.scores(images()))
    assert list(other.fit(images(), np.zeros(N, int), lambda *_: None)) == []


@pytest.mark.parametrize("exchanged", [0, 2])
def test_another_member_than_the_one_that_joined_is_refused(exchanged):
    members = [Fixed(probabilities(seed)) for seed in range(3)]
    model = committee(members, "mean")
    kept = model.arrays()
    members[exchanged] = Fixed(probabilities(9))
    with pytest.raises(RunError, match=f"member {exchanged + 1} is not the one that joined"):
        model.restore(kept)


@pytest.mark.parametrize("shape", [(4, 32), (2, 31), (32,)])
def test_digests_of_another_number_or_length_are_refused(shape):
    model = committee([Fixed(probabilities(seed)) for seed in range(3)], "mean")
    with pytest.raises(ShapeError, match=r"expected \(3, 32\) at most"):
        model.restore({"members": np.zeros(shape, np.uint8)})
