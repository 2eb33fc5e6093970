"""Each corruption, against an oracle that is written in another way."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from mnistnn.augment.corrupted_sets import corrupted
from mnistnn.augment.corruptions import CORRUPTIONS, glass
from mnistnn.augment.corruptions.affine import rotated, scaled, sheared, translated
from mnistnn.augment.corruptions.contract import SEVERITIES
from mnistnn.augment.corruptions.edges import canny_edges, sobel
from mnistnn.augment.corruptions.fog import foggy, landscapes
from mnistnn.augment.corruptions.gaussian import gaussian
from mnistnn.augment.corruptions.light import brightened, striped
from mnistnn.augment.corruptions.lines import crossed_by_dots, crossed_by_zigzag
from mnistnn.augment.corruptions.motion import motion_blurred
from mnistnn.augment.corruptions.noise import impulse_noise, shot_noise
from mnistnn.augment.corruptions.spatter import spattered
from mnistnn.errors import UsageError

N = 70  # more than a block
WITHOUT_CHANCE = {"scale", "brightness", "stripe", "canny_edges"}


@pytest.fixture(scope="module")
def blots() -> NDArray[np.uint8]:
    """Bright blots, (N, 28, 28) uint8, on black, as digits are."""
    noise = ndimage.gaussian_filter(np.random.default_rng(3).random((N, 28, 28)), (0, 2.5, 2.5))
    blots = np.clip((noise - 0.5) * 4000, 0, 255)
    blots[:, :3] = blots[:, -3:] = blots[:, :, :3] = blots[:, :, -3:] = 0
    return np.asarray(blots, dtype=np.uint8)


@pytest.fixture(scope="module")
def x(blots) -> NDArray[np.float64]:
    return np.asarray(blots / 255)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def drawing(numbers: Any) -> Any:
    """Return what stands in for a generator, and draws these numbers."""

    class Drawing:
        def uniform(self, _low, _high, shape):
            return np.broadcast_to(numbers, shape)

    return Drawing()


each_kind = pytest.mark.parametrize("kind", CORRUPTIONS)


@each_kind
def test_images_follow_from_seed_and_number(kind, blots):
    corruption = CORRUPTIONS[kind]
    level = corruption.level(kind, None)
    made = corrupted(blots, corruption, level, seed=1)
    assert made.shape == blots.shape
    assert made.dtype == np.uint8
    np.testing.assert_array_equal(corrupted(blots[:66], corruption, level, seed=1), made[:66])
    is_same = (corrupted(blots, corruption, level, seed=2) == made).all()
    assert is_same == (kind in WITHOUT_CHANCE)


@each_kind
def test_images_are_changed_and_those_given_are_not(kind, blots):
    before = blots.copy()
    made = corrupted(blots, CORRUPTIONS[kind], CORRUPTIONS[kind].level(kind, None), seed=1)
    np.testing.assert_array_equal(blots, before)
    assert (made != blots).any(axis=(1, 2)).all()


@pytest.mark.parametrize("kind", [kind for kind, each in CORRUPTIONS.items() if each.levels])
def test_severe_corruption_changes_more_than_mild(kind, blots):
    corruption = CORRUPTIONS[kind]
    assert len(corruption.levels) == len(SEVERITIES)
    mild, severe = (corrupted(blots, corruption, corruption.level(kind, number), seed=1) for number in (1, 5))
    assert np.abs(mild.astype(float) - blots).mean() < np.abs(severe.astype(float) - blots).mean()


def test_severity_that_a_kind_does_not_have_is_refused():
    with pytest.raises(UsageError, match="stripe has one strength only"):
        CORRUPTIONS["stripe"].level("stripe", 1)
    with pytest.raises(UsageError, match="the severity of fog is 1 to 5, got 6"):
        CORRUPTIONS["fog"].level("fog", 6)
    assert CORRUPTIONS["fog"].level("fog", None) == CORRUPTIONS["fog"].levels[4]


@pytest.mark.parametrize(("beyond", "mode"), [("edge", "nearest"), ("constant", "constant")])
@pytest.mark.parametrize("sigma_px", [0.5, 1, 2.3])
def test_gaussian_is_that_of_scipy(x, sigma_px, beyond, mode):
    expected = ndimage.gaussian_filter(x, (0, sigma_px, sigma_px), mode=mode, truncate=4)
    np.testing.assert_allclose(gaussian(x, sigma_px, beyond), expected, atol=1e-12)


def test_sobel_is_that_of_scipy(x):
    for axis, found in zip((1, 2), sobel(x), strict=True):
        expected = [ndimage.sobel(image, axis - 1, mode="reflect") for image in x]
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_shot_noise_has_mean_and_variance_of_counted_photons(rng):
    grey = np.full((40, 50, 50), 0.3)
    found = shot_noise(grey, rng, 12)
    assert found.mean() == pytest.approx(0.3, abs=0.003)
    assert found.var() == pytest.approx(0.3 / 12, rel=0.03)
    assert (shot_noise(np.zeros((1, 8, 8)), rng, 12) == 0).all()


def test_impulse_noise_makes_its_share_black_or_white(rng):
    grey = np.full((40, 50, 50), 0.5)
    found = impulse_noise(grey, rng, 0.17)
    assert set(np.unique(found)) == {0, 0.5, 1}
    assert (found == 0).mean() == pytest.approx(0.085, abs=0.003)
    assert (found == 1).mean() == pytest.approx(0.085, abs=0.003)


def test_glass_moves_pixels_no_further_than_allowed_and_loses_none(monkeypatch, rng):
    monkeypatch.setattr(glass, "gaussian", lambda x, _sigma_px: x.copy())
    numbered = np.arange(28 * 28.0).reshape(1, 28, 28).repeat(5, axis=0)
    found = glass.glass_blurred(numbered, rng, (1.0, 2, 1))
    for image in found:
        assert sorted(image.flat) == list(range(28 * 28))
    assert not (found == numbered).all()
    assert (found[:, 0, 0] == numbered[:, 0, 0]).all()  # above and left of all that is moved
    rows, columns = np.divmod(found, 28)
    assert 0.5 < np.abs(rows - np.arange(28)[:, None]).mean() < 2
    assert 0.5 < np.abs(columns - np.arange(28)).mean() < 2


def test_motion_is_a_weighted_mean_along_a_line(x):
    angles = np.linspace(-45, 45, N)
    found = motion_blurred(x, drawing(angles), (3, 1.5))
    weights = np.exp(-(np.arange(7) ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    for image, smeared, angle in zip(x[::9], found[::9], np.deg2rad(angles)[::9], strict=True):
        expected = np.zeros((28, 28))
        for i in range(28):
            for j in range(28):
                for step, weight in enumerate(weights):
                    down = int(np.ceil(step * np.sin(angle) - 0.5))
                    right = int(np.ceil(step * np.cos(angle) - 0.5))
                    expected[i, j] += weight * image[min(max(i + down, 0), 27), min(max(j + right, 0), 27)]
        np.testing.assert_allclose(smeared, expected, atol=1e-12)


def moved(image, matrix):
    """Return scipy's image at A (p − c) + c; its rows come first, those of `matrix` go to the right and down."""
    rows_first = np.array(matrix)[::-1, ::-1]
    centre = np.array([13.5, 13.5])
    offset = centre - rows_first @ centre
    return ndimage.affine_transform(image, rows_first, offset, order=1, mode="grid-constant")


@pytest.mark.parametrize(
    ("move", "level", "matrices"),
    [
        (sheared, 0.4, [[[1, sign * -np.sin(0.4)], [0, np.cos(0.4)]] for sign in (1, -1)]),
        (
            rotated,
            0.6,
            [[[np.cos(0.6), sign * -np.sin(0.6)], [sign * np.sin(0.6), np.cos(0.6)]] for sign in (1, -1)],
        ),
        (scaled, 0.7, [[[1 / 0.7, 0], [0, 1 / 0.7]]]),
    ],
    ids=["shear", "rotate", "scale"],
)
def test_affine_moves_are_those_of_scipy(x, rng, move, level, matrices):
    found = move(x[:20], rng, level)
    expected = np.array([[moved(image, matrix) for image in x[:20]] for matrix in matrices])
    distances = np.abs(expected - found).max(axis=(2, 3))  # (matrices, images)
    assert distances.min(axis=0).max() < 1e-9
    assert set(distances.argmin(axis=0)) == set(range(len(matrices)))


def test_translation_shifts_towards_each_corner(x, rng):
    found = translated(x, rng, 3)
    padded = np.pad(x, ((0, 0), (3, 3), (3, 3)))
    corners = {
        (down, right): padded[:, 3 + down : 31 + down, 3 + right : 31 + right] for down in (-3, 3) for right in (-3, 3)
    }
    seen = [{corner for corner, images in corners.items() if (images[i] == found[i]).all()} for i in range(N)]
    assert all(seen)
    assert set().union(*seen) == set(corners)


def test_brightness_is_added_everywhere(x, rng):
    np.testing.assert_allclose(brightened(x, rng, 0.3) - x, 0.3)


def test_stripe_inverts_seven_columns_on_either_side(x, rng):
    found = striped(x, rng, None)
    np.testing.assert_array_equal(found[:, :, 7:21], x[:, :, 7:21])
    np.testing.assert_array_equal(found[:, :, :7], 1 - x[:, :, :7])
    np.testing.assert_array_equal(found[:, :, 21:], 1 - x[:, :, 21:])


def test_landscape_is_the_mean_of_neighbours_and_noise():
    side, decay = 16, 2.0
    known: dict[tuple[int, int], float] = {(0, 0): 0.0}
    step, roughness = side, 100.0

    def mean(points):
        return sum(known[i % side, j % side] for i, j in points) / 4 + roughness**2

    while step >= 2:
        half = step // 2
        for i in range(0, side, step):
            for j in range(0, side, step):
                known[i + half, j + half] = mean([(i, j), (i + step, j), (i, j + step), (i + step, j + step)])
        for i in range(0, side, step):
            for j in range(0, side, step):
                for a, b in ((i, j + half), (i + half, j)):
                    known[a, b] = mean([(a - half, b), (a + half, b), (a, b - half), (a, b + half)])
        step, roughness = half, roughness / decay
    naive: NDArray[np.float64] = np.array([[known[i, j] for j in range(side)] for i in range(side)])
    naive = (naive - naive.min()) / (naive.max() - naive.min())
    np.testing.assert_allclose(landscapes(2, side, decay, drawing(1.0)), np.array([naive, naive]), atol=1e-12)


def test_fog_keeps_the_brightest_possible_pixel_and_lightens_the_dark(x, rng):
    found = foggy(x, rng, (3.0, 1.4))
    brightest = x.max(axis=(1, 2))
    assert (found.max(axis=(1, 2)) <= brightest + 1e-12).all()
    assert (found.min(axis=(1, 2)) >= 0).all()
    assert found[x == 0].mean() > 0.1


def test_spatter_is_mud_of_one_grey_where_it_is_solid(rng):
    white, black = np.ones((N, 28, 28)), np.zeros((N, 28, 28))
    level = (0.65, 0.3, 1.0, 0.65, 1.5)
    on_white = spattered(white, np.random.default_rng(1), level)
    on_black = spattered(black, np.random.default_rng(1), level)
    mud = on_black / (63 / 255)
    assert set(np.unique(mud < 0.8)) == {False, True}
    assert ((mud == 0) | (mud >= 0.8 - 1e-12)).all()
    np.testing.assert_allclose(on_white, 1 - mud + mud * 63 / 255)


def test_dotted_line_is_there_in_two_columns_of_four(rng):
    found = crossed_by_dots(np.zeros((N, 28, 28)), rng, None)
    is_there = found.max(axis=1) > 0
    expected = np.array([False, False, True, True] * 7)
    expected[27] = False  # where the line ends
    assert (is_there == expected).all()
    assert (np.abs(np.diff(found.argmax(axis=1)[:, expected], axis=1)) <= 4).all()


def test_zigzag_goes_up_and_down_from_left_to_right(rng):
    found = crossed_by_zigzag(np.zeros((N, 28, 28)), rng, None)
    is_there = found.max(axis=1) > 0.4
    assert not is_there[:, [0, 27]].any()
    middle = found[(found.max(axis=1)[:, 4:24] > 0.4).all(axis=1)]
    assert len(middle) > N // 2
    rows = np.sign(np.diff(middle.argmax(axis=1)[:, 4:24].astype(int), axis=1))
    turns = [np.count_nonzero(np.diff(each[each != 0])) for each in rows]
    assert np.median(turns) >= 3


def test_outline_of_a_square_is_thin_and_closed(rng):
    square = np.zeros((1, 28, 28))
    square[:, 8:20, 8:20] = 1
    found = canny_edges(square, rng, None)[0] > 0
    assert set(np.unique(found)) == {False, True}
    inside, count = ndimage.label(~found)
    assert count == 2
    assert inside[14, 14] != inside[0, 0]
    near = np.zeros((28, 28), bool)
    near[6:22, 6:22] = True
    near[10:18, 10:18] = False
    assert (found <= near).all()
    assert 36 <= found.sum() <= 60


def test_faint_outline_is_there_only_if_it_hangs_together_with_a_strong_one(rng):
    faint = np.zeros((1, 28, 28))
    faint[:, :, 14:] = 0.06  # eight times its slope, when blurred, is between 0.1 and 0.2
    assert not canny_edges(faint, rng, None).any()
    growing = faint * np.linspace(1, 3, 28)[:, None]
    assert canny_edges(growing, rng, None)[:, 3:25].any(axis=2).all()
