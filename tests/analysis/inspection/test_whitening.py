"""What is said and drawn of a whitening transform."""

import io

import numpy as np
import pytest
from PIL import Image

from mnistnn.analysis.inspection.whitening import (
    cumulative_energy,
    draw,
    fit_on_training_split,
    spectrum_rows,
)
from mnistnn.data.splits import default_data, read_split
from mnistnn.preprocess.whiten import Whiten


@pytest.fixture
def whiten(toy) -> Whiten:
    whiten = Whiten()
    fit_on_training_split(whiten, default_data("toy"))
    return whiten


def test_fit_is_to_the_pixels_of_the_training_split(whiten):
    pixels = read_split(default_data("toy"), "train").images.reshape(300, -1) / 255
    expected = np.linalg.svd(np.cov(pixels.T, bias=True), compute_uv=False)
    np.testing.assert_allclose(whiten.variances, expected, rtol=1e-5)
    assert whiten.kept == (expected > 1e-5).sum()


def test_energy_ends_at_one():
    np.testing.assert_allclose(cumulative_energy(np.array([3.0, 1.0, 0.0])), [0.75, 1.0, 1.0])


def test_rows_hold_the_last_direction_kept_and_the_last_of_all(toy):
    whiten = Whiten(dimensions=7)
    fit_on_training_split(whiten, default_data("toy"))
    rows = spectrum_rows(whiten)
    assert [rank for rank, *_ in rows] == [1, 2, 5, 7, 10, 20, 50, 64]
    assert rows[3][2] == pytest.approx(whiten.energy_kept)


def test_picture_is_a_png_and_the_same_every_time(whiten):
    first, second = (draw(whiten, (8, 8), "toy") for _ in range(2))
    assert first == second
    assert Image.open(io.BytesIO(first)).format == "PNG"


def test_few_directions_and_a_threshold_of_zero_can_be_drawn(toy):
    whiten = Whiten(dimensions=1, threshold=0.0)
    fit_on_training_split(whiten, default_data("toy"))
    assert draw(whiten, (8, 8), "toy")


def test_small_set_leaves_its_last_sixth_for_validation(toy):
    assert default_data("toy").validation_examples == 60
    assert default_data("mnist").validation_examples == 10_000
