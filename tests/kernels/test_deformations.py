"""Distances that let images deform: array code and loops against definitions in plain Python."""

from functools import cache
from itertools import product

import numpy as np
import pytest

from mnistnn.backend import jit
from mnistnn.kernels import idm_loops, p2dhmdm_loops, shifted_loops
from mnistnn.kernels.edges import LARGEST_EDGE, shortest_first
from mnistnn.kernels.idm import idm, idm_displacements
from mnistnn.kernels.local_costs import LocalCosts, largest_cost
from mnistnn.kernels.p2dhmdm import LARGEST_SUM, fits, p2dhmdm, p2dhmdm_displacements
from mnistnn.kernels.shifted import shifted, shifted_displacements

SIZES = [(5, 6), (7, 7), (3, 8)]
each_size = pytest.mark.parametrize("size", SIZES)


def edges(n, size, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.integers(-LARGEST_EDGE, LARGEST_EDGE + 1, (n, 2, *size))
    values[rng.uniform(size=values.shape) < 0.4] = 0  # so that there are ties
    return values.astype(np.int8)


def pixels(n, size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, *size)).astype(np.uint8)


def at(image, y, x):
    """Return the numbers of a pixel (channels, h, w) as a list, zeros outside."""
    _, h, w = image.shape
    return [int(value) for value in image[:, y, x]] if 0 <= y < h and 0 <= x < w else [0] * len(image)


def local_cost(q, r, y, x, v, u, context):
    around = range(-context, context + 1)
    return sum(
        (a - b) ** 2
        for i, j in product(around, around)
        for a, b in zip(at(q, y + i, x + j), at(r, v + i, u + j), strict=True)
    )


def naive_idm(q, r, warp, context):
    _, h, w = q.shape
    steps = range(-warp, warp + 1)
    return sum(
        min(local_cost(q, r, y, x, y + dy, x + dx, context) for dy, dx in product(steps, steps))
        for y, x in product(range(h), range(w))
    )


def naive_p2dhmdm(q, r, band, deviation, context):
    """Go through all paths, from the beginning; what was found for the rest of one is remembered."""
    _, h, w = q.shape

    @cache
    def best(y, x, v, u):
        return min(local_cost(q, r, y, x, v, u + e, context) for e in range(-deviation, deviation + 1))

    @cache
    def rest_of_column(y, x, v, u):
        if y == h - 1:
            return best(y, x, v, u) if v == h - 1 else np.inf
        ways = [v + jump for jump in (0, 1, 2) if v + jump < h and abs(v + jump - y - 1) <= band]
        return best(y, x, v, u) + min((rest_of_column(y + 1, x, way, u) for way in ways), default=np.inf)

    @cache
    def rest_of_image(x, u):
        column = rest_of_column(0, x, 0, u)
        if x == w - 1:
            return column if u == w - 1 else np.inf
        ways = [u + jump for jump in (0, 1, 2) if u + jump < w and abs(u + jump - x - 1) <= band]
        return column + min((rest_of_image(x + 1, way) for way in ways), default=np.inf)

    return rest_of_image(0, 0)


def naive_shifted(q, r, most):
    """Compare on a plane on which both images lie, with as much room around as a shift can need."""
    h, w = q.shape
    plane = {(y, x): int(q[y, x]) for y, x in product(range(h), range(w))}
    found = []
    for down, right in product(range(-most, most + 1), repeat=2):
        moved = {(y - down, x - right): int(r[y, x]) for y, x in product(range(h), range(w))}
        found.append(sum((plane.get(place, 0) - moved.get(place, 0)) ** 2 for place in plane.keys() | moved.keys()))
    return min(found)


@each_size
@pytest.mark.parametrize("context", [0, 1, 2])
def test_local_costs_are_squared_differences_of_surroundings(size, context):
    q, r = edges(2, size, 1), edges(2, size, 2)
    costs = LocalCosts(q, r, context, 3)
    for (down, right), (y, x) in product([(0, 0), (-3, 2), (1, -3)], [(0, 0), (2, 3), (size[0] - 1, size[1] - 1)]):
        for n in range(2):
            expected = local_cost(q[n], r[n], y, x, y + down, x + right, context)
            assert costs(down, right)[n, y, x] == expected


@each_size
@pytest.mark.parametrize(("warp", "context"), [(2, 1), (1, 0), (0, 1), (3, 2)])
def test_idm_is_what_naive_loops_find(size, warp, context):
    q, r = edges(1, size, 1), edges(3, size, 2)
    assert idm(q, r, warp, context).tolist() == [naive_idm(q[0], each, warp, context) for each in r]


@each_size
@pytest.mark.parametrize(
    ("band", "deviation", "context"), [(3, 1, 1), (1, 1, 1), (2, 0, 1), (0, 1, 0), (0, 0, 1), (3, 2, 2)]
)
def test_p2dhmdm_is_the_best_of_all_paths(size, band, deviation, context):
    q, r = edges(1, size, 1), edges(2, size, 2)
    expected = [naive_p2dhmdm(q[0], each, band, deviation, context) for each in r]
    assert p2dhmdm(q, r, band, deviation, context).tolist() == expected


def test_p2dhmdm_of_a_tiny_image_is_the_least_over_paths_written_out():
    """Of 3×3 pixels with any jumps of 0, 1, 2 there are three paths of three steps: 0 → 0, 1 or 2 → 2."""
    q, r = edges(1, (3, 3), 1), edges(1, (3, 3), 2)
    ways = [(0, middle, 2) for middle in range(3)]

    def along(x, u):
        return min(
            sum(min(local_cost(q[0], r[0], y, x, v, u + e, 1) for e in (-1, 0, 1)) for y, v in enumerate(rows))
            for rows in ways
        )

    expected = min(sum(along(x, u) for x, u in enumerate(columns)) for columns in ways)
    assert p2dhmdm(q, r, 3, 1, 1).tolist() == [expected]


@each_size
@pytest.mark.parametrize("most", [1, 2, 3])
def test_shifted_distance_is_the_least_on_a_plane(size, most):
    q, r = pixels(1, size, 1), pixels(4, size, 2)
    assert shifted(q, r, most).tolist() == [naive_shifted(q[0], each, most) for each in r]


def test_image_shifted_by_a_pixel_is_at_no_distance():
    q = np.zeros((1, 6, 7), np.uint8)
    q[:, 1:5, 1:6] = pixels(1, (4, 5))
    r = np.roll(q, (1, -1), axis=(1, 2))
    assert shifted(q, r, 1).tolist() == [0]
    assert (shifted_displacements(q, r, 1) == (1, -1)).all()


@pytest.mark.parametrize("kernel", [lambda q, r: idm(q, r, 2, 1), lambda q, r: p2dhmdm(q, r, 3, 1, 1)])
def test_each_reference_may_have_a_query_of_its_own(kernel):
    q, r = edges(4, (5, 6), 1), edges(4, (5, 6), 2)
    one_by_one = [int(kernel(q[i : i + 1], r[i : i + 1])[0]) for i in range(4)]
    assert kernel(q, r).tolist() == one_by_one


@pytest.mark.parametrize("kernel", [lambda q, r: idm(q, r, 2, 1), lambda q, r: p2dhmdm(q, r, 3, 1, 1)])
def test_deformed_image_is_nearer_than_by_its_pixels(kernel):
    q = edges(1, (7, 7), 1)
    r = np.zeros_like(q)
    r[:, :, :, 1:] = q[:, :, :, :-1]  # moved to the right by one
    assert kernel(q, q).tolist() == [0]
    assert kernel(q, r)[0] < ((q.astype(int) - r) ** 2).sum()


@each_size
def test_displacements_of_idm_cost_what_the_distance_is(size):
    q, r = edges(1, size, 1), edges(1, size, 2)
    ways = idm_displacements(q, r, 2, 1)
    total = sum(
        local_cost(q[0], r[0], y, x, y + int(ways[y, x, 0]), x + int(ways[y, x, 1]), 1)
        for y, x in product(range(size[0]), range(size[1]))
    )
    assert total == idm(q, r, 2, 1)[0]
    assert abs(ways).max() <= 2


def test_pixels_are_not_displaced_without_need():
    q = edges(1, (5, 6))
    assert not idm_displacements(q, q, 2, 1).any()
    assert not p2dhmdm_displacements(q, q, 3, 1, 1).any()
    assert not shifted_displacements(np.zeros((1, 5, 6), np.uint8), np.zeros((1, 5, 6), np.uint8), 2).any()


@each_size
@pytest.mark.parametrize(("band", "deviation"), [(3, 1), (2, 0), (1, 1)])
def test_displacements_of_p2dhmdm_are_a_path_that_costs_what_the_distance_is(size, band, deviation):
    (h, w), q, r = size, edges(1, size, 1), edges(1, size, 2)
    ways = p2dhmdm_displacements(q, r, band, deviation, 1)
    total = sum(
        local_cost(q[0], r[0], y, x, y + int(ways[y, x, 0]), x + int(ways[y, x, 1]), 1)
        for y, x in product(range(h), range(w))
    )
    assert total == p2dhmdm(q, r, band, deviation, 1)[0]
    rows = np.arange(h)[:, None] + ways[..., 0]
    assert (rows[0] == 0).all()
    assert (rows[-1] == h - 1).all()
    assert set(np.diff(rows, axis=0).flat) <= {0, 1, 2}
    columns = np.arange(w) + ways[..., 1]
    assert abs(ways[..., 0]).max() <= band
    assert np.ptp(columns, axis=0).max() <= 2 * deviation


def test_sums_of_the_largest_costs_are_exact():
    """At the highest image that is allowed, with the largest difference everywhere."""
    h = next(h for h in range(2000, 0, -1) if fits(h, 1))
    assert h * largest_cost(1) < LARGEST_SUM <= (h + 1) * largest_cost(1)
    q = np.full((1, 2, h, 3), LARGEST_EDGE, np.int8)
    flat = p2dhmdm(q, -q, 0, 0, 0)[0]
    assert flat == h * 3 * 2 * 254**2
    # With surroundings: 9 pixels inside, 6 at a border, 4 in a corner.
    inside, border, corner = (h - 2) * 1, 2 * 1 + (h - 2) * 2, 4
    assert p2dhmdm(q, -q, 0, 0, 1)[0] == (9 * inside + 6 * border + 4 * corner) * 2 * 254**2


def compiled(loop, *arguments):
    out = np.full(len(arguments[2]), -1, dtype=np.int64)
    loop(*arguments, out)
    return out.tolist()


@pytest.mark.skipif(not jit.can_compile(), reason="needs Numba")
@each_size
@pytest.mark.parametrize(("warp", "context"), [(2, 1), (1, 0), (0, 1), (3, 2)])
def test_loop_of_idm_has_the_bits_of_the_array_code(size, warp, context):
    q, r, some = edges(1, size, 1), edges(5, size, 2), np.array([3, 0, 4])
    found = compiled(idm_loops.idm, q[0], r, some, np.array(shortest_first(warp)), context)
    assert found == idm(q, r[some], warp, context).tolist()


@pytest.mark.skipif(not jit.can_compile(), reason="needs Numba")
@each_size
@pytest.mark.parametrize(
    ("band", "deviation", "context"), [(3, 1, 1), (1, 1, 1), (2, 0, 1), (0, 1, 0), (0, 0, 1), (3, 2, 2)]
)
def test_loop_of_p2dhmdm_has_the_bits_of_the_array_code(size, band, deviation, context):
    q, r, some = edges(1, size, 1), edges(5, size, 2), np.array([3, 0, 4])
    found = compiled(p2dhmdm_loops.p2dhmdm, q[0], r, some, band, deviation, context)
    assert found == p2dhmdm(q, r[some], band, deviation, context).tolist()


@pytest.mark.skipif(not jit.can_compile(), reason="needs Numba")
def test_loop_of_p2dhmdm_has_the_bits_of_the_array_code_for_the_largest_sums():
    h = next(h for h in range(2000, 0, -1) if fits(h, 1))
    q = np.full((1, 2, h, 3), LARGEST_EDGE, np.int8)
    expected = p2dhmdm(q, -q, 3, 1, 1).tolist()
    assert compiled(p2dhmdm_loops.p2dhmdm, q[0], -q, np.array([0]), 3, 1, 1) == expected


@pytest.mark.skipif(not jit.can_compile(), reason="needs Numba")
@each_size
@pytest.mark.parametrize("most", [1, 2, 4])
def test_loop_of_shifts_has_the_bits_of_the_array_code(size, most):
    q, r, some = pixels(1, size, 1), pixels(5, size, 2), np.array([3, 0, 4])
    found = compiled(shifted_loops.shifted, q[0], r, some, np.array(shortest_first(most)))
    assert found == shifted(q, r[some], most).tolist()
