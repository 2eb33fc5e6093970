"""Pixels and edges of 8 bits, against SciPy and by hand."""

import numpy as np
import pytest
from scipy import ndimage

from mnistnn.kernels.edges import LARGEST_EDGE, eight_bit, framed, shortest_first, sobel


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_pixel_of_eight_bits_comes_back(dtype):
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    assert np.array_equal(eight_bit((pixels / 255.0).astype(dtype)), pixels)


def test_ink_is_rounded_to_the_nearest_pixel_and_cut_off_at_the_limits():
    ink = np.array([[[-0.3, 0.0, 1.4 / 255, 1.6 / 255, 254.6 / 255, 1.0, 1.2]]])
    assert eight_bit(ink).tolist() == [[[0, 0, 1, 2, 255, 255, 255]]]


def test_pixels_lie_in_plain_order_whatever_the_order_of_the_images():
    images = np.random.default_rng(0).uniform(size=(4, 5, 6)).transpose(2, 0, 1)
    assert eight_bit(images).flags.c_contiguous


def test_edges_are_rounded_sobel_masks():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 9)).astype(np.uint8)
    edges = sobel(pixels)
    assert (edges.shape, edges.dtype) == ((5, 2, 7, 9), np.int8)
    for image, found in zip(pixels.astype(float), edges, strict=True):
        for axis in (0, 1):
            exact = ndimage.sobel(image, axis=axis, mode="constant") / 8
            assert np.array_equal(found[axis], np.floor(exact + 0.5).clip(-127, 127))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("up", [False, True])
def test_steepest_edge_fits_into_eight_bits(axis, up):
    pixels = np.zeros((1, 6, 6), np.uint8)
    pixels[0, 3:] = 255
    if axis:
        pixels = pixels.transpose(0, 2, 1)
    edges = sobel(pixels if up else 255 - pixels)
    assert abs(edges[0, axis].astype(int)).max() == LARGEST_EDGE
    assert (edges[0, axis, 3, 3] > 0) == up


def test_frame_has_zeros_on_each_side():
    frame = framed(np.ones((2, 3, 4), np.uint8), 2, "int32")
    assert (frame.shape, frame.dtype, frame.sum()) == ((2, 7, 8), np.int32, 24)
    assert (frame[:, 2:5, 2:6] == 1).all()


def test_displacements_are_all_that_there_are_and_the_shorter_come_first():
    ways = shortest_first(2)
    assert sorted(ways) == [(y, x) for y in range(-2, 3) for x in range(-2, 3)]
    lengths = [y * y + x * x for y, x in ways]
    assert lengths == sorted(lengths)
    assert ways[0] == (0, 0)
