"""Transforms of pictures, against loops over single images and SciPy."""

from math import ceil, lcm

import numpy as np
import pytest
from scipy import ndimage

from mnistnn.preprocess.blur import Blur
from mnistnn.preprocess.deskew import Deskew
from mnistnn.preprocess.normalize_width import NormalizeWidth
from mnistnn.preprocess.pad import Pad
from mnistnn.preprocess.shrink import Shrink, area_means
from mnistnn.preprocess.transpose import Transpose
from mnistnn.types import ShapeError

ALL = [Deskew(), NormalizeWidth(width_px=5), Pad(shape=[9, 13]), Shrink(shape=[4, 7]), Blur(sigma_px=0.8), Transpose()]


def applied(transform, x):
    transform.build(x.shape[1:])
    return transform.apply(x.copy())


@pytest.fixture
def images() -> np.ndarray:
    """Slanted blots (40, 9, 11) of uneven ink with a margin of at least two pixels; the first one is empty."""
    rng = np.random.default_rng(4)
    x = np.zeros((40, 9, 11))
    for image in x[1:]:
        for y in range(rng.integers(1, 4), rng.integers(5, 8)):
            start = rng.integers(2, 7)
            image[y, start : min(start + rng.integers(1, 4), 9)] = rng.uniform(0.1, 1.0)
    return x


def slant_of(image) -> tuple[float, float]:
    """Return μ11/μ02 and the height of the centre, pixel by pixel."""
    ink = [(value, y, x) for (y, x), value in np.ndenumerate(image) if value > 0]
    if not ink:
        return 0.0, 0.0
    mass = sum(m for m, _, _ in ink)
    centre_y, centre_x = sum(m * y for m, y, _ in ink) / mass, sum(m * x for m, _, x in ink) / mass
    mu02 = sum(m * (y - centre_y) ** 2 for m, y, _ in ink)
    mu11 = sum(m * (y - centre_y) * (x - centre_x) for m, y, x in ink)
    return mu11 / mu02, centre_y


def sheared(image) -> np.ndarray:
    """Set one image upright with SciPy, which is told for each place (y, x) from which to read."""
    slope, centre = slant_of(image)
    upright: np.ndarray = ndimage.affine_transform(
        image, [[1.0, 0.0], [slope, 1.0]], [0.0, -slope * centre], order=1, mode="grid-constant"
    )
    return upright


@pytest.mark.parametrize("below", [0.0, 0.01])
def test_deskewing_is_an_affine_map(images, below):
    """Pixels below zero move, but have no mass."""
    x = images - below
    np.testing.assert_allclose(applied(Deskew(), x), [sheared(image) for image in x], atol=1e-12)


def slanted_stroke(slope: float) -> np.ndarray:
    """Return an image (1, 21, 31) of a stroke that leans by so many pixels per row, in ink of a Gaussian profile."""
    y, x = np.mgrid[-10:11, -15:16]
    stroke: np.ndarray = np.exp(-0.5 * ((x - slope * y) / 1.5) ** 2) * (np.abs(y) <= 8)
    return stroke[None]


@pytest.mark.parametrize("slope", [-1.0, -0.3, 0.0, 0.45])
def test_deskewed_stroke_stands_upright(slope):
    np.testing.assert_allclose(applied(Deskew(), slanted_stroke(slope)), slanted_stroke(0.0), atol=0.06)


def test_deskewing_leaves_no_slant_and_keeps_the_centre_of_mass(images):
    stroke = slanted_stroke(0.6)
    stroke[0, 12:] *= 0.4
    upright = applied(Deskew(), stroke)
    assert abs(slant_of(upright[0])[0]) < 1e-3
    assert ndimage.center_of_mass(upright[0]) == pytest.approx(ndimage.center_of_mass(stroke[0]), abs=1e-3)


@pytest.mark.parametrize("transform", [Deskew(), NormalizeWidth(width_px=5)])
def test_empty_image_stays_empty(images, transform):
    assert not applied(transform, images)[0].any()


def test_ink_in_one_row_has_no_slant():
    x = np.zeros((1, 5, 6), dtype="float32")
    x[0, 3, 1:4] = (0.2, 0.9, 0.3)
    np.testing.assert_allclose(applied(Deskew(), x), x, atol=1e-6)


def widened(image: np.ndarray, width: int, threshold: float = 0.0) -> np.ndarray:
    """Scale one image as the formula says, pixel by pixel."""
    h, w = image.shape
    columns = [x for x in range(w) if any(image[y, x] > threshold for y in range(h))]
    if not columns:
        return image
    left, right = columns[0], columns[-1] + 1
    out = np.zeros((h, w))
    for j in range(w):
        place = left + (j + 0.5 - (w - width) / 2) * (right - left) / width - 0.5
        for x in range(w):
            out[:, j] += image[:, x] * max(0.0, 1.0 - abs(place - x))  # the hat function of linear interpolation
    return out


@pytest.mark.parametrize("threshold", [0.0, 0.5])
@pytest.mark.parametrize("width", [1, 4, 5, 11])
def test_width_is_normalised_image_by_image(images, width, threshold):
    expected = [widened(image, width, threshold) for image in images]
    np.testing.assert_allclose(
        applied(NormalizeWidth(width_px=width, threshold=threshold), images), expected, atol=1e-12
    )


@pytest.mark.parametrize("width", [4, 6, 10])
def test_bar_gets_the_width_and_the_middle(width):
    x = np.zeros((1, 3, 12))
    x[:, :, 1:3] = 1.0
    found = applied(NormalizeWidth(width_px=width), x)[0, 0]
    assert found.sum() == pytest.approx(width, abs=width / 4)  # its edges fade over half a pixel of the original
    np.testing.assert_allclose(found, found[::-1], atol=1e-12)
    np.testing.assert_array_equal(found > 0.4, np.abs(np.arange(12) - 5.5) < width / 2)


def test_width_beyond_the_image_is_refused():
    with pytest.raises(ShapeError, match="width 12 do not fit into images of 9×11"):
        NormalizeWidth(width_px=12).build((9, 11))


@pytest.mark.parametrize(("shape", "around"), [(11, ((1, 1), (0, 0))), ([10, 14], ((0, 1), (1, 2)))])
def test_padding_is_even_but_for_one_more_at_the_right_and_the_bottom(images, shape, around):
    np.testing.assert_array_equal(applied(Pad(shape=shape), images), np.pad(images, ((0, 0), *around)))


@pytest.mark.parametrize("resized", [Pad(shape=[9, 11]), Shrink(shape=[9, 11])], ids=lambda each: each.type)
def test_images_of_the_size_asked_for_are_not_touched(images, resized):
    before = images.copy()
    resized.build((9, 11))
    assert resized.apply(images) is images
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("shape", [10, [8, 20], [20, 10]])
def test_padding_to_less_is_refused_with_both_shapes(shape):
    with pytest.raises(ShapeError, match=r"images of 9×11 cannot be padded to \d+×\d+, which is smaller"):
        Pad(shape=shape).build((9, 11))


def shrunk(images: np.ndarray, h: int, w: int) -> np.ndarray:
    """Cut each pixel into so many equal ones that the areas of the result hold whole ones; take means over these."""
    height, width = lcm(images.shape[-2], h), lcm(images.shape[-1], w)
    fine = images.repeat(height // images.shape[-2], axis=-2).repeat(width // images.shape[-1], axis=-1)
    means: np.ndarray = fine.reshape(*images.shape[:-2], h, height // h, w, width // w).mean(axis=(-3, -1))
    return means


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "h", "w"), [(1, 1, 1), (3, 3, 3), (8, 8, 8), ([9, 4], 9, 4), ([5, 11], 5, 11)])
def test_shrunk_pixels_are_means_over_areas(images, shape, h, w, dtype):
    found = applied(Shrink(shape=shape), images.astype(dtype))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, shrunk(images, h, w), atol=1e-12 if dtype == "float64" else 1e-6)


def test_pixel_of_a_shrunk_digit_is_three_pixels_and_a_half():
    row = np.zeros(28)
    row[:4] = 2 / 7, 2 / 7, 2 / 7, 1 / 7
    means = area_means(28, 8)
    np.testing.assert_allclose(means[0], row, atol=1e-15)
    np.testing.assert_allclose(means[7], row[::-1], atol=1e-15)


@pytest.mark.parametrize(("large", "small"), [(28, 8), (28, 27), (5, 3), (7, 1), (6, 6)])
def test_every_pixel_counts_alike_and_every_mean_is_whole(large, small):
    means = area_means(large, small)
    assert means.dtype == np.float64
    np.testing.assert_allclose(means.sum(axis=1), 1.0, rtol=1e-15)
    np.testing.assert_allclose(means.sum(axis=0), small / large, rtol=1e-14)


def test_shrinking_keeps_the_ink_but_for_the_area_and_whatever_is_even(images):
    found = applied(Shrink(shape=[4, 7]), images)
    np.testing.assert_allclose(found.sum(axis=(1, 2)) * (9 * 11) / (4 * 7), images.sum(axis=(1, 2)), rtol=1e-12)
    np.testing.assert_allclose(applied(Shrink(shape=[4, 7]), np.full((2, 9, 11), 0.3)), 0.3, rtol=1e-14)


def test_shrunk_images_lie_in_the_memory_of_the_former_ones(images):
    """Those of many blocks of rows, too, none of which covers what is still to be read."""
    many = np.tile(images, (120, 1, 1))
    expected = shrunk(many, 8, 10)
    shrink = Shrink(shape=[8, 10])
    shrink.build((9, 11))
    found = shrink.apply(many)
    assert np.shares_memory(found, many)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("shape", [10, [10, 4], [4, 12]])
def test_shrinking_to_more_is_refused_with_both_shapes(shape):
    with pytest.raises(ShapeError, match=r"images of 9×11 cannot be shrunk to \d+×\d+, which is larger"):
        Shrink(shape=shape).build((9, 11))


@pytest.mark.parametrize("axes", [(), (3,)], ids=["no channels", "three channels"])
def test_transposed_images_lie_in_the_memory_of_the_former_ones(axes):
    many = np.random.default_rng(8).random((5000, *axes, 4, 5), dtype=np.float32)
    expected = many.swapaxes(-1, -2).copy()
    found = applied(Transpose(), many)
    np.testing.assert_array_equal(found, expected)
    transpose = Transpose()
    transpose.build(many.shape[1:])
    assert np.shares_memory(transpose.apply(many), many)
    np.testing.assert_array_equal(many.reshape(expected.shape), expected)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 1.7, 6.0])
def test_blur_is_that_of_scipy(images, sigma):
    expected = ndimage.gaussian_filter(images, sigma, mode="constant", radius=ceil(4 * sigma), axes=(1, 2))
    np.testing.assert_allclose(applied(Blur(sigma_px=sigma), images), expected, atol=1e-12)


@pytest.mark.parametrize("transform", ALL, ids=lambda each: each.type)
def test_every_image_is_transformed_by_itself(images, transform):
    """However many there are: more than a block of rows."""
    many = np.tile(images, (60, 1, 1))
    np.testing.assert_allclose(applied(transform, many), np.tile(applied(transform, images), (60, 1, 1)), atol=1e-15)


@pytest.mark.parametrize("transform", ALL, ids=lambda each: each.type)
def test_equal_channels_stay_equal(images, transform):
    three = np.repeat(images[:, None], 3, axis=1)
    found = applied(transform, three)
    assert found.shape[1:] == transform.out_shape
    np.testing.assert_allclose(found, np.repeat(applied(transform, images)[:, None], 3, axis=1), atol=1e-12)


@pytest.mark.parametrize("transform", [Deskew(), NormalizeWidth(width_px=5)], ids=lambda each: each.type)
def test_channels_move_together(images, transform):
    """Each by its own ink, they would be torn apart."""
    parts = np.stack(
        [np.where(np.arange(9)[:, None] < 4, images, 0), np.where(np.arange(9)[:, None] < 4, 0, images)], 1
    )
    np.testing.assert_allclose(applied(transform, parts).sum(axis=1), applied(transform, images), atol=1e-12)


@pytest.mark.parametrize("transform", ALL, ids=lambda each: each.type)
@pytest.mark.parametrize("shape", [(99,), (2, 3, 4, 5)])
def test_inputs_that_are_no_images_are_refused(transform, shape):
    with pytest.raises(
        ShapeError, match=f"{transform.type} needs images .* have the shape {'×'.join(map(str, shape))}"
    ):
        transform.build(shape)
