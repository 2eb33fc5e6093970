import io

import numpy as np
import pytest

from mnistnn.analysis.plots.contact_sheet import (
    ASCII_BLOCKS,
    ASCII_SHADES,
    contact_sheet,
    draw_in_text,
    draw_shaded,
    encode_png,
)

IMAGES = np.arange(5 * 3 * 4, dtype=np.uint8).reshape(5, 3, 4)


def test_contact_sheet_places_images_row_by_row():
    sheet = contact_sheet(IMAGES, columns=2)
    assert sheet.shape == (3 * (3 + 2) + 2, 2 * (4 + 2) + 2)
    assert np.array_equal(sheet[2:5, 2:6], IMAGES[0])
    assert np.array_equal(sheet[2:5, 8:12], IMAGES[1])
    assert np.array_equal(sheet[12:15, 2:6], IMAGES[4])


def test_contact_sheet_is_no_wider_than_its_images():
    assert contact_sheet(IMAGES[:2], columns=20).shape == (3 + 4, 2 * 6 + 2)


def test_draw_in_text_puts_two_rows_of_pixels_in_a_line():
    image = np.array([[0, 255, 0, 255], [0, 0, 255, 255], [255, 0, 0, 0]], dtype=np.uint8)
    assert draw_in_text(np.stack([image, image])) == " ▀▄█  ▀▄█\n▀    ▀"
    assert draw_in_text(image[None], ASCII_BLOCKS) == " '.#\n'"


def test_draw_shaded_shows_five_shades_and_which_of_two_pixels_is_ink():
    image = np.array([[0, 64, 128, 192, 255, 255, 0], [0, 64, 128, 192, 255, 0, 255], [0] * 6 + [255]], dtype=np.uint8)
    assert draw_shaded(image) == " ░▒▓█▀▄\n      ▀"
    assert draw_shaded(image, ASCII_SHADES) == " :+*#'.\n      '"


def test_encode_png_keeps_every_pixel():
    image = pytest.importorskip("PIL.Image")
    with image.open(io.BytesIO(encode_png(IMAGES[0]))) as decoded:
        assert np.array_equal(np.asarray(decoded), IMAGES[0])
