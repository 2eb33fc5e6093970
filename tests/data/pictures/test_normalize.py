import numpy as np
import pytest

from mnistnn.data.pictures.ink import NoDigitError
from mnistnn.data.pictures.normalize import centred, normalize_digit
from mnistnn.data.spec import Data
from mnistnn.data.splits import read_split


def seven(side, stroke, margin=0):
    """Return a 7, dark on light, `side` pixels high."""
    ink = np.zeros((side, side))
    ink[:stroke, side // 4 :] = 1
    for row in range(side):
        start = round((side - stroke) * (1 - 0.6 * row / side))
        ink[row, start : start + stroke] = 1
    return 1 - 0.9 * np.pad(ink, margin or side // 3)


@pytest.fixture(scope="module")
def digits(real_mnist):
    return read_split(Data(), "valid").images[:300]


def test_digits_of_mnist_stay_as_they_are(digits):
    found = np.stack([normalize_digit(digit / 255).image for digit in digits])
    difference = np.abs(found.astype(float) - digits).mean(axis=(1, 2)) / 255
    assert difference.mean() < 0.006  # a few move by a pixel, where the centre of mass is rounded the other way: 0.08
    assert np.median(difference) < 0.0015
    boxes = np.array([[box(image) for image in images] for images in (found, digits)])
    assert (np.abs(boxes[0] - boxes[1]) <= 2).mean() > 0.99  # but for what is as pale as paper
    assert (boxes[0].max(axis=1) == 20).mean() > 0.95


def box(image):
    rows, columns = np.nonzero(image.any(axis=1))[0], np.nonzero(image.any(axis=0))[0]
    return (int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1)


def test_enlarged_inverted_digits_come_out_alike(digits):
    differences = []
    for digit in digits[:30]:
        large = np.pad(digit.repeat(9, axis=0).repeat(9, axis=1), ((40, 0), (10, 90)))
        found = normalize_digit(1 - large / 255)
        assert found.dark
        differences.append(np.abs(found.image.astype(float) - digit).mean() / 255)
    assert np.median(differences) < 0.01


@pytest.mark.parametrize("side", [10, 20, 57, 300, 900])
def test_longer_side_is_20_pixels_and_the_mass_in_the_centre(side):
    found = normalize_digit(seven(side, max(1, side // 8)))
    assert max(found.fitted) == max(box(found.image)) == 20
    assert found.image.shape == (28, 28)
    mass = found.image.astype(float)
    for axis in (0, 1):
        assert 13.5 <= mass.sum(axis=1 - axis) @ np.arange(28) / mass.sum() <= 14.5


def test_other_sizes_of_images_are_fitted_in_proportion():
    found = normalize_digit(seven(100, 12), (14, 42))
    assert found.image.shape == (14, 42)
    assert found.fitted[0] == 10


def test_thin_strokes_are_widened_and_thick_ones_stay():
    means = [normalize_digit(seven(400, stroke)).image.mean() / 255 for stroke in (4, 16, 60, 80)]
    assert means[0] == pytest.approx(means[1], rel=0.15)
    assert means[1] < means[2] < means[3]


def test_small_digit_on_a_large_page_is_looked_at_closely():
    page = np.full((1500, 1100), 0.95)
    page[900:980, 200:280] = seven(60, 7, margin=10)
    found = normalize_digit(page)
    assert found.box == pytest.approx((60, 45), abs=2)
    alone = normalize_digit(seven(60, 7)).image.astype(float)
    assert np.abs(found.image - alone).mean() / 255 < 0.02


@pytest.mark.parametrize("shape", [(60, 60), (1000, 700)])
def test_specks_alone_are_no_digit(shape):
    picture = np.ones(shape)
    picture[20:22, 30] = 0
    with pytest.raises(NoDigitError, match="no ink found"):
        normalize_digit(picture)


@pytest.mark.parametrize("seed", range(20))
def test_anything_gives_an_image_or_is_refused(seed):
    rng = np.random.default_rng(seed)
    picture = rng.random(rng.integers(1, 90, size=2)) ** rng.integers(1, 9)
    try:
        found = normalize_digit(picture)
    except NoDigitError:
        return
    assert found.image.shape == (28, 28)
    assert found.image.max() == 255


def test_mass_at_one_end_is_not_cut_off():
    small = np.zeros((20, 20))
    small[0], small[:, 10] = 1, 0.01
    assert centred(small, (28, 28)).sum() == pytest.approx(small.sum())
