"""Haar features against sums over the pixels of their rectangles."""

import numpy as np
import pytest

from mnistnn.kernels import haar

SIZES = [(1, 2), (3, 3), (4, 5), (7, 2)]


def value_of(number: int, image: np.ndarray) -> int:
    """Return a feature's value, pixel by pixel."""
    return sum(
        each.sign * int(image[y, x])
        for each in haar.rectangles(number, *image.shape)
        for y in range(each.top, each.top + each.height)
        for x in range(each.left, each.left + each.width)
    )


def test_image_of_mnist_has_as_many_features_as_were_published():
    assert haar.count(28, 28) == 299_880


@pytest.mark.parametrize(("h", "w"), SIZES)
def test_features_are_all_ways_to_lay_rectangles_side_by_side(h, w):
    expected = set()
    for down, across in [(1, 2), (2, 1), (1, 3), (3, 1), (2, 2)]:
        for top, left in np.ndindex(h, w):
            for height, width in np.ndindex(h, w):
                if top + down * (height + 1) <= h and left + across * (width + 1) <= w:
                    places = np.ndindex(down, across)
                    expected.add(
                        tuple(
                            (
                                (-1) ** (row + column),
                                top + row * (height + 1),
                                left + column * (width + 1),
                                height + 1,
                                width + 1,
                            )
                            for row, column in places
                        )
                    )
    found = [tuple(map(tuple, haar.rectangles(number, h, w))) for number in range(haar.count(h, w))]
    assert len(set(found)) == len(found) == len(expected)
    assert set(found) == expected


def test_image_of_one_pixel_has_no_feature():
    assert haar.count(1, 1) == 0


def test_integral_images_are_sums_of_all_pixels_above_and_to_the_left():
    images = np.random.default_rng(0).integers(-50, 50, (6, 3, 4)).astype(np.int32)
    table = haar.integral_images(images)
    assert table.dtype == np.int32
    for y, x in np.ndindex(4, 5):
        assert np.array_equal(table[y * 5 + x], images[:, :y, :x].sum(axis=(1, 2)))


@pytest.mark.parametrize(("h", "w"), SIZES)
def test_corners_give_the_sums_over_rectangles(h, w):
    images = np.random.default_rng(1).integers(0, 1000, (3, h, w)).astype(np.int32)
    table = haar.integral_images(images)
    numbers = np.arange(haar.count(h, w))
    places, coefficients = haar.corners(numbers, h, w)
    for number, place, coefficient in zip(numbers.tolist(), places, coefficients, strict=True):
        expected = [value_of(number, image) for image in images]
        assert (coefficient @ table[place]).tolist() == expected


def test_feature_of_no_number_is_zero():
    places, coefficients = haar.corners(np.array([-1]), 4, 5)
    assert not places.any()
    assert not coefficients.any()
