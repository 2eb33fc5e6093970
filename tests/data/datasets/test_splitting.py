"""Images that come without a division get one: of each class its share, and the same for the same seed."""

from typing import Any

import numpy as np
import pytest

from mnistnn.data.datasets import splitting
from mnistnn.data.formats.found import FoundImages
from mnistnn.data.formats.image_set import LabelledImages
from mnistnn.errors import DataError, UsageError


def divided(*arguments: Any, **named: Any) -> Any:
    return splitting.divided(*arguments, **named)


def images(labels) -> LabelledImages:
    """Images that are known by the value of their first pixels."""
    labels = np.asarray(labels, dtype=np.uint8)
    numbers = np.arange(len(labels))
    pixels = np.stack([numbers // 256, numbers % 256], axis=1).astype(np.uint8)
    return LabelledImages(pixels.reshape(-1, 1, 2), labels)


def numbers(half: LabelledImages) -> list[int]:
    found: list[int] = (half.images[:, 0, 0].astype(int) * 256 + half.images[:, 0, 1]).tolist()
    return found


def counts(half: LabelledImages) -> list[int]:
    found: list[int] = np.bincount(half.labels).tolist()
    return found


UNEVEN = np.repeat([0, 1, 2], [600, 60, 12])


@pytest.mark.parametrize(("test", "valid"), [(None, None), (0.25, None), (0.25, 0.125), (100, 50), (None, 0.1)])
def test_halves_are_all_images_once_in_their_order(test, valid):
    found = divided(FoundImages(images(UNEVEN)), "f", test, valid)
    halves = [half for half in (found.train, found.test, found.valid) if half is not None]
    assert sorted(number for half in halves for number in numbers(half)) == list(range(672))
    for half in halves:
        assert numbers(half) == sorted(numbers(half))
        np.testing.assert_array_equal(half.labels, UNEVEN[numbers(half)])


def test_without_a_word_a_sixth_of_each_class_is_for_the_test_and_that_is_said():
    found = divided(FoundImages(images(UNEVEN)), "f")
    assert (counts(found.test), found.valid) == ([100, 10, 2], None)
    assert "112 of 672 are, of each class its share, drawn by the seed 0" in found.said[0]


def test_test_is_never_larger_than_that_of_mnist():
    found = divided(FoundImages(images(np.zeros(65_000))), "f")
    assert len(found.test.labels) == 10_000


def test_fractions_are_of_all_images_and_of_each_class():
    found = divided(FoundImages(images(UNEVEN)), "f", 0.5, 0.25)
    assert (counts(found.test), counts(found.valid), counts(found.train)) == ([300, 30, 6], [150, 15, 3], [150, 15, 3])
    assert found.said == ()


def test_counts_are_taken_as_they_are():
    found = divided(FoundImages(images(UNEVEN)), "f", 33, 7)
    assert (len(found.test.labels), len(found.valid.labels)) == (33, 7)


def test_each_class_with_several_images_is_in_both_halves_where_there_is_room():
    found = divided(FoundImages(images(np.repeat(np.arange(26), 2))), "f", 26)
    assert counts(found.test) == counts(found.train) == [1] * 26


def test_class_of_one_image_is_for_training():
    found = divided(FoundImages(images([0] * 11 + [1])), "f")
    assert 1 in found.train.labels


def test_seed_alone_decides():
    same = [numbers(divided(FoundImages(images(UNEVEN)), "f", seed=4).test) for _ in range(2)]
    assert same[0] == same[1] != numbers(divided(FoundImages(images(UNEVEN)), "f", seed=5).test)


def test_division_stays_what_it_was():
    """Whoever divides the same images anew gets the same test images: in this version, and in later ones."""
    assert numbers(divided(FoundImages(images(np.arange(24) % 3)), "f").test) == [2, 13, 18, 23]


def test_halves_that_are_there_are_kept():
    given = FoundImages(images([0, 1]), images([1, 0]))
    assert divided(given, "f") is given
    found = divided(FoundImages(images(UNEVEN), images([0]), None), "f", valid=0.5)
    assert (len(found.test.labels), counts(found.valid)) == (1, [300, 30, 6])


@pytest.mark.parametrize(
    ("test", "valid", "message"),
    [
        (3, None, "3 for --test leave nothing to train on: f has 3 images"),
        (1, 2, "1 for --test and 2 for --valid leave nothing"),
        (0.9, 0.5, "leave nothing to train on"),
    ],
)
def test_shares_that_leave_nothing_are_refused(test, valid, message):
    with pytest.raises(UsageError, match=message):
        divided(FoundImages(images([0, 1, 2])), "f", test, valid)


def test_shares_of_what_is_there_already_are_refused():
    given = FoundImages(images([0, 1]), images([1, 0]), images([0]))
    with pytest.raises(UsageError, match="--test: f has 2 test images of its own"):
        divided(given, "f", 0.5)
    with pytest.raises(UsageError, match="--valid: f has 1 valid"):
        divided(given, "f", None, 1)


def test_single_image_is_refused():
    with pytest.raises(DataError, match="f: one image cannot be for training and for the test"):
        divided(FoundImages(images([0])), "f")


@pytest.mark.parametrize("n", range(2, 6))
def test_few_images_are_divided(n):
    found = divided(FoundImages(images(np.arange(n) % 2)), "f")
    assert (len(found.train.labels), len(found.test.labels)) == (n - 1, 1)
