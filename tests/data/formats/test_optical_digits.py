import gzip
from collections import Counter

import numpy as np
import pytest

from mnistnn.data.formats.optical_digits import decode_optical_digits
from mnistnn.errors import DataError


@pytest.fixture
def table():
    rng = np.random.default_rng(4)
    return np.hstack([rng.integers(0, 17, (200, 64)), np.arange(200)[:, None] % 10])


def packed(table) -> bytes:
    return gzip.compress("".join(",".join(map(str, row)) + "\n" for row in table.tolist()).encode())


def test_every_image_is_in_one_split_with_its_label(table):
    found = decode_optical_digits(packed(table), "x")
    assert found.valid is not None
    expected: Counter[tuple[bytes, int]] = Counter()
    for *pixels, label in table.tolist():
        nearest = [int(255 * pixel / 16 + 0.5) for pixel in pixels]
        expected[bytes(nearest), label] += 1
    seen = Counter(
        (image.tobytes(), int(label))
        for half in (found.train, found.valid, found.test)
        for image, label in zip(half.images, half.labels, strict=True)
    )
    assert seen == expected


def test_splits_have_a_sixth_of_each_class_and_the_rest(table):
    found = decode_optical_digits(packed(table), "x")
    assert found.valid is not None
    assert np.bincount(found.test.labels).tolist() == [3] * 10  # of 20
    assert np.bincount(found.valid.labels).tolist() == [3] * 10
    assert np.bincount(found.train.labels).tolist() == [14] * 10


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(b"a,b\n", mtime=0), "is not a table of numbers"),
        (gzip.compress(b"1,2\n1\n", mtime=0), "is not a table of numbers"),
        (gzip.compress(b"1,2,3\n", mtime=0), "expected lines of 64 pixels and a label"),
        (gzip.compress(b",".join([b"0.5"] * 65), mtime=0), "all whole numbers"),
        (gzip.compress(b",".join([b"nan"] * 65), mtime=0), "all whole numbers"),
        (gzip.compress(b",".join([b"17"] * 64 + [b"1"]), mtime=0), "pixels must be 0 to 16"),
        (gzip.compress(b",".join([b"1"] * 64 + [b"10"]), mtime=0), "labels 0 to 9"),
        (gzip.compress(b",".join([b"1"] * 65), mtime=0)[:-3], "ends too early"),
    ],
)
def test_other_files_are_refused(content, message):
    with pytest.raises(DataError, match=f"digits: .*{message}"):
        decode_optical_digits(content, "digits")


def test_digits_are_those_of_scikit_learn():
    """The values 0 to 16 come back from the bytes; splits do not lose or repeat a digit."""
    datasets = pytest.importorskip("sklearn.datasets")
    from importlib.resources import files

    content = files("sklearn.datasets.data").joinpath("digits.csv.gz").read_bytes()
    found = decode_optical_digits(content, "digits")
    assert found.valid is not None
    halves = (found.train, found.valid, found.test)
    images = np.concatenate([np.rint(half.images / 255 * 16) for half in halves]).reshape(-1, 64)
    labels = np.concatenate([half.labels for half in halves])
    theirs = datasets.load_digits()
    ours = sorted((*row, label) for row, label in zip(images.tolist(), labels.tolist(), strict=True))
    pairs = zip(theirs.data.tolist(), theirs.target.tolist(), strict=True)
    assert ours == sorted((*row, label) for row, label in pairs)
