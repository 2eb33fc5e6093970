"""Words on pictures."""

import sys

import numpy as np
import pytest

from mnistnn.analysis.plots.captions import captioned_sheet, named_rows, text_image
from mnistnn.errors import ResourceError

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 28, 28)).astype(np.uint8)


def ink(part):
    return int((part < 128).sum())


@pytest.fixture(autouse=True)
def _pillow():
    pytest.importorskip("PIL")


def test_text_is_black_on_white_and_as_wide_as_its_letters():
    short, long = text_image("4 as 9"), text_image("4 as 9, 99.80 %")
    assert short.shape[0] == long.shape[0]
    assert short.shape[1] < long.shape[1]
    assert short.min() == 0
    assert short.max() == 255
    assert ink(text_image("")) == 0


def test_every_image_is_there_enlarged_with_its_words_below():
    sheet = captioned_sheet(IMAGES, [["4 as 9", "99 %"]] * 4 + [["", ""]], columns=2)
    large = IMAGES.repeat(3, axis=1).repeat(3, axis=2)
    step_y, step_x = 86 + 2 * 19 + 12, 86 + 12
    assert sheet.shape == (3 * step_y + 6, 2 * step_x + 6)
    for number, image in enumerate(large):
        top, left = number // 2 * step_y + 7, number % 2 * step_x + 7
        np.testing.assert_array_equal(sheet[top : top + 84, left : left + 84], image)
        for line in range(2):
            words = sheet[top + 85 + 19 * line : top + 85 + 19 * (line + 1), left : left + 84]
            assert (ink(words) > 0) == (number < 4)
    assert ink(sheet[-step_y:, step_x + 6 :]) == 0  # there is no sixth


def test_long_captions_widen_their_column():
    narrow, wide = (captioned_sheet(IMAGES[:1], [[text]], 1).shape[1] for text in ("a", "a caption of many words"))
    assert narrow == 86 + 18
    assert wide > narrow


def test_names_stand_beside_the_middle_of_their_rows():
    sheet = np.full((90, 40), 7, np.uint8)
    found = named_rows(sheet, ["epoch 1", "epoch 12", ""])
    left = found.shape[1] - 40
    np.testing.assert_array_equal(found[:, left:], sheet)
    assert [ink(found[30 * row : 30 * row + 30, :left]) > 0 for row in range(3)] == [True, True, False]
    assert ink(found[:5, :left]) == ink(found[26:30, :left]) == 0


def test_low_rows_are_named_all_the_same():
    assert ink(named_rows(np.full((6, 4), 255, np.uint8), ["epoch 1"])) > 0


def test_without_pillow_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ResourceError, match=r"pip install 'mnistnn\[plot\]'"):
        text_image("a")
