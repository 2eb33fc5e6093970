"""Weights as pictures."""

import numpy as np
import pytest

from mnistnn.analysis.inspection.filters import (
    ASCII_MARKS,
    as_pictures,
    draw_in_text,
    filters_of,
    scaled,
    sheet,
    text_size,
)
from mnistnn.data.splits import read_split
from mnistnn.errors import RunError, UsageError
from mnistnn.experiment.trained import load_trained

PICTURES = np.random.default_rng(0).normal(size=(3, 2, 4, 5))


def test_columns_of_a_layer_on_images_are_pictures():
    W = np.random.default_rng(0).normal(size=(12, 5))
    found = as_pictures(W, (3, 4))
    assert found is not None
    assert found.shape == (5, 1, 3, 4)
    for unit in range(5):
        np.testing.assert_array_equal(found[unit, 0].reshape(-1), W[:, unit])


def test_channels_of_a_unit_are_pictures_of_their_own():
    W = np.arange(24.0).reshape(12, 2)
    found = as_pictures(W, (2, 2, 3))
    assert found is not None
    np.testing.assert_array_equal(found[1, 0], [[1, 3, 5], [7, 9, 11]])
    np.testing.assert_array_equal(found[1, 1], [[13, 15, 17], [19, 21, 23]])


def test_kernels_are_pictures_as_they_are():
    assert as_pictures(PICTURES, (2, 28, 28)) is PICTURES


@pytest.mark.parametrize(
    ("shape", "in_shape"), [((12, 5), (12,)), ((12,), (3, 4)), ((12, 5), (4, 4)), ((2, 3, 4), (3, 4))]
)
def test_other_weights_are_no_pictures(shape, in_shape):
    assert as_pictures(np.zeros(shape), in_shape) is None


def test_one_scale_keeps_units_comparable():
    np.testing.assert_allclose(scaled(PICTURES, each=False), PICTURES / np.abs(PICTURES).max())


def test_scale_of_each_unit_counts_all_its_channels():
    found = scaled(PICTURES * [[[[1.0]]], [[[9.0]]], [[[0.01]]]], each=True)
    np.testing.assert_allclose(np.abs(found).max(axis=(1, 2, 3)), 1.0)
    np.testing.assert_allclose(found[1], PICTURES[1] / np.abs(PICTURES[1]).max())


def test_zero_is_the_same_grey_in_every_picture():
    pictures = np.array([[[[0.0, 2.0]]], [[[0.0, -1.0]]], [[[0.0, 0.0]]]])
    for each in (False, True):
        grey = sheet(np.repeat(np.repeat(pictures, 14, axis=2), 14, axis=3), each)  # 14×28: not enlarged
        assert {grey[2, 2], grey[2, 32], grey[2, 62], grey[2, 62 + 14]} == {128}
    assert (grey[2, 2 + 14], grey[2, 32 + 14]) == (255, 1)


def test_small_kernels_are_enlarged_and_channels_stand_in_a_row():
    assert sheet(PICTURES).shape == (3 * (4 * 6 + 2) + 2, 2 * (5 * 6 + 2) + 2)


def test_units_of_one_channel_fill_rows_of_twenty():
    assert sheet(np.zeros((41, 1, 28, 28))).shape == (3 * 30 + 2, 20 * 30 + 2)


def test_text_tells_sign_and_strength():
    columns = np.array([-1.0, -0.7, -0.4, -0.1, 0.0, 0.1, 0.4, 0.7, 1.0, 0.0])
    pictures = np.broadcast_to(columns, (1, 1, 2, 10))
    assert draw_in_text(pictures, 1, "321 abc") == "321   abc"


def test_text_stands_in_rows_and_takes_the_size_that_it_says():
    drawn = draw_in_text(np.ones((3, 1, 11, 12)), across=2, marks=ASCII_MARKS)
    wide, narrow = drawn.split("\n\n")
    lines, columns = text_size(np.ones((3, 1, 11, 12)))
    assert (lines, columns) == (6, 12)
    assert wide.split("\n") == ["#" * 12 + " " + "#" * 12] * 6
    assert narrow.split("\n") == ["#" * 12] * 6


def test_pixels_of_small_kernels_are_two_characters_wide():
    assert draw_in_text(np.eye(5).reshape(1, 1, 5, 5), 1, "-- ##").split("\n") == ["  " * i + "##" for i in range(5)]


@pytest.fixture
def trained(toy, start):
    return lambda *overrides: load_trained(start(toy, "stopping.max_epochs.epochs=1", *overrides).run)


def test_first_layer_with_weights_is_drawn(toy, trained):
    noisy = "    noise: {type: dropout, keep: 0.8}\n    hidden:"
    toy.write_text(toy.read_text().replace("    hidden:", noisy))
    found = trained()
    filters = filters_of(found)
    W = found.plan.experiment.model.layers["hidden"].W
    assert (filters.parameter, filters.largest) == ("hidden.W", np.abs(W).max())
    np.testing.assert_array_equal(filters.pictures[2, 0].reshape(-1), W[:, 2])


def test_pictures_have_the_size_of_padded_images(trained):
    assert filters_of(trained("preprocess=[{type: pad, shape: [9, 10]}]")).pictures.shape == (12, 1, 9, 10)


@pytest.mark.parametrize(
    ("overrides", "layer", "message"),
    [
        ([], "hiden", "did you mean 'hidden'?"),
        ([], "x", "there are hidden, output"),
        ([], "output", "its inputs have the shape 12 and are no images; those of hidden can"),
        (["preprocess=[{type: quadratic}]"], None, r"preprocess.0 (quadratic) turns images into rows"),
        (
            ["preprocess=[{type: whiten, dimensions: 9}, {type: quadratic}]"],
            None,
            "preprocess.1 (quadratic) cannot be taken back, to draw weights on pixels",
        ),
    ],
)
def test_layer_without_pictures_is_refused(trained, overrides, layer, message):
    found = trained(*overrides)
    with pytest.raises(UsageError) as caught:
        filters_of(found, layer)
    assert message in str(caught.value)


def test_weights_that_are_no_numbers_are_refused(trained):
    found = trained()
    found.plan.experiment.model.theta[3] = np.nan
    with pytest.raises(RunError, match="the weights of hidden are not finite"):
        filters_of(found)


WHITENED = {
    "by pca": "preprocess=[{type: whiten, dimensions: 9}]",
    "by zca": "preprocess=[{type: whiten, method: zca, epsilon: 0.01}]",
    "twice": "preprocess=[{type: whiten, dimensions: 20}, {type: standardize}, {type: whiten, dimensions: 9}]",
    "after images were made smaller": "preprocess=[{type: shrink, shape: 4}, {type: whiten, dimensions: 9}]",
}


@pytest.mark.parametrize("whitened", WHITENED.values(), ids=WHITENED)
def test_weights_on_whitened_inputs_are_drawn_as_weights_on_pixels(trained, whitened):
    """Sums of pixels by the pictures are those of the layer, but for a constant of each unit."""
    found = trained(whitened)
    filters, plan = filters_of(found), found.plan
    images = read_split(plan.experiment.data, "valid").images.astype(float) / 255
    if "shrink" in whitened:
        images = images.reshape(60, 4, 2, 4, 2).mean(axis=(2, 4))
    assert filters.pictures.shape == (12, 1, *images.shape[1:])
    by_pictures = images.reshape(60, -1) @ filters.pictures.reshape(12, -1).T
    W = np.asarray(plan.experiment.model.layers["hidden"].W, dtype=float)
    of_layer = plan.place("valid").x.reshape(60, -1) @ W
    constants = by_pictures - of_layer
    assert np.abs(by_pictures).std() > 0.05
    np.testing.assert_allclose(constants, np.broadcast_to(constants.mean(axis=0), constants.shape), atol=2e-4)


def test_weights_on_principal_components_are_the_product_with_their_matrix(trained):
    found = trained("preprocess=[{type: whiten, dimensions: 9, epsilon: 0.001}]")
    whiten = found.plan.experiment.preprocess[0]
    U, variances = whiten.directions, whiten.variances[:9]
    expected = U @ np.diag((variances + 0.001) ** -0.5) @ found.plan.experiment.model.layers["hidden"].W
    filters = filters_of(found)
    np.testing.assert_allclose(filters.pictures.reshape(12, 64), expected.T, rtol=1e-10)
    assert filters.before == "preprocess.0 (whiten)"


def test_inputs_that_are_dropped_are_pixels_all_the_same(toy, trained):
    noisy = "    noise: {type: dropout, keep: 0.8}\n    hidden:"
    toy.write_text(toy.read_text().replace("    hidden:", noisy))
    assert filters_of(trained("preprocess=[{type: whiten, dimensions: 9}]")).pictures.shape == (12, 1, 8, 8)


def test_weights_on_inputs_that_are_not_whitened_stay_as_they_are(trained):
    filters = filters_of(trained("preprocess=[{type: standardize}]"))
    assert filters.before is None
