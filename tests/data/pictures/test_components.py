import numpy as np
import pytest
from scipy import ndimage

from mnistnn.data.pictures.components import Box, components_of, components_of_digit, label_components


def spiral(side):
    mask = np.zeros((side, side), dtype=bool)
    row, column, down, across = 0, 0, 0, 1
    for length in [n for n in range(side - 1, 0, -2) for _ in (0, 1)]:
        for _ in range(length):
            mask[row, column] = True
            row, column = row + down, column + across
        down, across = across, -down
    return mask


@pytest.mark.parametrize(
    "mask",
    [np.random.default_rng(n).random((40, 53)) < density for n, density in enumerate((0.0, 0.2, 0.4, 0.6, 1.0))]
    + [spiral(60), np.ones((1, 1), dtype=bool)],
)
def test_components_are_those_that_scipy_finds(mask):
    expected, count = ndimage.label(mask, structure=np.ones((3, 3)))
    found = label_components(mask)
    assert found.max(initial=0) == count
    assert len({*zip(found.flat, expected.flat, strict=True)}) == count + (not mask.all())


def drawn(*boxes):
    """Return the components of a picture on which each box is full of ink."""
    ink = np.zeros((100, 100))
    for top, left, bottom, right in boxes:
        ink[top:bottom, left:right] = 1
    return components_of(label_components(ink > 0), ink)


def test_components_know_their_box_and_ink():
    (component,) = drawn((10, 20, 40, 30))
    assert (component.box, component.ink, component.at_border) == (Box(10, 20, 40, 30), 300, False)


@pytest.mark.parametrize(
    ("boxes", "count"),
    [
        ([(20, 40, 80, 50), (20, 55, 28, 75)], 2),  # the bar of a 5
        ([(20, 20, 60, 28), (15, 50, 90, 58)], 2),  # the two strokes of a 4
        ([(20, 40, 80, 50), (30, 60, 32, 62)], 1),  # a speck
        ([(40, 40, 60, 50), (85, 80, 97, 92)], 1),  # something far away
        ([(40, 40, 80, 50), (0, 20, 100, 30)], 1),  # something that comes from the border, with more ink
    ],
)
def test_digit_is_what_belongs_together(boxes, count):
    found = components_of_digit(drawn(*boxes))
    assert len(found) == count
    assert found[0].box in {Box(*boxes[0]), Box(*boxes[1])}


def test_digit_that_touches_the_border_is_kept():
    assert len(components_of_digit(drawn((0, 40, 100, 50)))) == 1
