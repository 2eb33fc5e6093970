"""The nearest of all references, against distances of whole numbers in plain Python."""

import numpy as np
import pytest

from mnistnn.backend import jit, threads
from mnistnn.backend.scratch import Scratch
from mnistnn.kernels import nearest as kernel
from mnistnn.kernels import nearest_loops
from mnistnn.kernels.nearest import Nearest, queries_at_once, squared_distances, squared_norms

each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def whole_numbers(n, d, seed, largest=3, dtype="float64"):
    """Return rows of small whole numbers, between which many distances are equal."""
    return np.random.default_rng(seed).integers(0, largest + 1, (n, d)).astype(dtype)


def by_hand(Q, R, size):
    """Return indices and squared distances of the nearest, equal ones by their index."""
    distances = ((Q[:, None].astype(float) - R.astype(float)) ** 2).sum(axis=2)
    order = np.array([[j for _, j in sorted(zip(row, range(len(R)), strict=True))[:size]] for row in distances])
    return order, np.take_along_axis(distances, order, axis=1)


def nearest(Q, R):
    return Nearest(Q, R, squared_norms(R), Scratch())


@each_dtype
@pytest.mark.parametrize("size", [1, 3, 40, 200])
def test_nearest_are_in_order_and_equal_ones_by_their_index(size, dtype):
    Q, R = whole_numbers(9, 6, 1, dtype=dtype), whole_numbers(200, 6, 2, dtype=dtype)
    indices, distances = nearest(Q, R)(np.arange(9), size, size)
    expected, exact = by_hand(Q, R, size)
    assert np.array_equal(indices, expected)
    assert np.array_equal(distances, exact)


@each_dtype
@pytest.mark.parametrize(("size", "in_order"), [(30, 0), (30, 3), (500, 1)])
def test_farther_ones_are_the_right_set_in_any_order(size, in_order, dtype):
    Q, R = whole_numbers(9, 8, 1, dtype=dtype), whole_numbers(3000, 8, 2, dtype=dtype)
    indices, distances = nearest(Q, R)(np.arange(9), size, in_order)
    expected, exact = by_hand(Q, R, size)
    assert np.array_equal(np.sort(indices), np.sort(expected))
    assert np.array_equal(indices[:, :in_order], expected[:, :in_order])
    assert np.array_equal(distances[:, :in_order], exact[:, :in_order])


def test_some_queries_of_a_block_can_be_asked_about():
    Q, R = whole_numbers(9, 6, 1), whole_numbers(50, 6, 2)
    indices, _ = nearest(Q, R)(np.array([7, 2]), 4, 4)
    assert np.array_equal(indices, by_hand(Q[[7, 2]], R, 4)[0])
    assert nearest(Q, R)(np.arange(0), 4, 4)[0].shape == (0, 4)


@pytest.mark.parametrize(("size", "in_order"), [(20, 20), (20, 0), (20, 5), (70, 5)])
def test_rounding_of_the_product_decides_nothing(size, in_order):
    """Of 100 references the first 60 are nearer to the query than float32 can tell; the rest is far."""
    rng = np.random.default_rng(0)
    q = (1000.0 + rng.integers(0, 2, (1, 400))).astype("float32")
    R = np.repeat(q, 100, axis=0)
    R[np.arange(100), rng.integers(0, 400, 100)] += rng.integers(1, 100, 100).astype("float32") / 64
    R[60:] += 100.0 + np.arange(40, dtype="float32")[:, None]
    indices, distances = nearest(q, R)(np.array([0]), size, in_order)
    expected, exact = by_hand(q, R, size)
    assert np.array_equal(np.sort(indices), np.sort(expected))
    assert np.array_equal(indices[:, :in_order], expected[:, :in_order])
    assert np.array_equal(distances[:, :in_order], exact[:, :in_order])
    rounded = np.argsort(squared_norms(R).astype("float32") - 2 * (R @ q[0]), kind="stable")
    assert rounded[:20].tolist() != expected[0, :20].tolist()


def test_bound_on_rounding_holds_for_products():
    rng = np.random.default_rng(1)
    Q, R = (rng.normal(scale=5.0, size=(n, 784)).astype("float32") for n in (20, 500))
    block = nearest(Q, R)
    exact = squared_norms(R) - 2.0 * Q.astype(float) @ R.T.astype(float)
    wrong = abs(block._v - exact).max(axis=1)
    assert (wrong <= block._doubt / 2).all()
    assert (block._doubt / 2 < 1e-3 * squared_norms(Q)).all()


@pytest.mark.parametrize("same", [0.0, 1e-30, 0.3])
def test_references_that_are_all_the_same_are_taken_from_the_first(same):
    R = np.full((3000, 5), same, "float32")
    indices, distances = nearest(R[:2], R)(np.arange(2), 4, 4)
    assert indices.tolist() == [[0, 1, 2, 3]] * 2
    assert not distances.any()


def test_bits_do_not_depend_on_threads_or_on_other_queries():
    rng = np.random.default_rng(2)
    Q, R = (rng.uniform(size=(n, 300)).astype("float32") for n in (60, 2000))
    expected = nearest(Q, R)(np.arange(60), 30, 5)
    with threads.allowed(2):
        for found, whole in zip(nearest(Q, R)(np.arange(60), 30, 5), expected, strict=True):
            assert found[:, :5].tobytes() == whole[:, :5].tobytes()
    for i in (0, 31, 59):
        alone = nearest(Q[i : i + 1], R)(np.array([0]), 30, 5)
        assert np.array_equal(alone[0][0, :5], expected[0][i, :5])
        assert set(alone[0][0]) == set(expected[0][i])
        assert np.array_equal(alone[1][0, :5], expected[1][i, :5])


def test_references_may_lie_in_any_order_of_memory():
    Q, R = whole_numbers(5, 6, 1), whole_numbers(100, 6, 2)
    expected = nearest(Q, R)(np.arange(5), 7, 7)
    found = nearest(np.asfortranarray(Q), np.asfortranarray(R))(np.arange(5), 7, 7)
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_exact_distances_are_differences_in_float64(monkeypatch):
    monkeypatch.setattr(kernel, "_EXACT_AT_ONCE", 3)
    R = np.random.default_rng(0).uniform(size=(10, 20)).astype("float32")
    some = np.array([4, 9, 0, 1, 4])
    found = squared_distances(R[4], R, some)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, ((R[some].astype(float) - R[4].astype(float)) ** 2).sum(axis=1), rtol=1e-14)
    assert found[0] == found[4] == 0


def test_memory_of_a_block_is_bounded():
    assert queries_at_once(60_000) * 60_000 * 4 <= 2**26
    assert queries_at_once(1) <= 512
    assert queries_at_once(10**9) >= 1


def compiled():
    """Compile loops, as a run that wants them."""
    pytest.importorskip("numba")
    wanted = jit.Compiled(wanted=True)
    if not wanted.enabled:
        pytest.skip("NUMBA_DISABLE_JIT")
    return wanted.in_use()


@each_dtype
@pytest.mark.parametrize(("size", "in_order"), [(1, 1), (3, 3), (30, 0), (30, 3), (64, 64)])
@pytest.mark.parametrize("n", [64, 300, 1500])
def test_loops_find_what_array_code_finds(n, size, in_order, dtype):
    rng = np.random.default_rng(9)
    pixels = rng.normal(size=(n, 150)).astype(dtype)
    for R in (pixels, np.round(pixels), pixels[rng.integers(0, 40, n)], np.ones_like(pixels)):
        Q = np.concatenate([R[:6] + rng.normal(scale=1e-4, size=(6, 150)).astype(dtype), R[6:13]])
        with jit.Compiled(wanted=False).in_use():
            indices, distances = nearest(Q, R)(np.arange(13)[::-1], size, in_order)
        with compiled():
            found = nearest(Q, R)(np.arange(13)[::-1], size, in_order)
        assert np.array_equal(found[0], indices)
        assert found[1].tobytes() == distances.tobytes()


def test_loops_are_not_asked_for_more_than_they_keep_in_order(monkeypatch):
    asked = []
    monkeypatch.setattr(nearest_loops, "find", lambda *arguments: asked.append(arguments[-1].shape[1]))
    Q, R = whole_numbers(9, 6, 1), whole_numbers(200, 6, 2)
    with compiled():
        nearest(Q, R)(np.arange(9), nearest_loops.MOST + 1, 1)
        assert asked == []
        nearest(Q, R)(np.arange(9), nearest_loops.MOST, 1)
    assert asked
