import gzip
import pickle

import numpy as np
import pytest

from mnistnn.data.formats.course_pickle import decode_course_pickle
from mnistnn.errors import DataError


def course_parts(tiny, scale=256, dtype="f4", label_dtype="i8"):
    """Make the triple of the course's file: 8 training, 4 validation and 6 test examples."""

    def part(half, examples):
        floats = (half.images[examples].reshape(-1, 16) / scale).astype(dtype)
        return floats, half.labels[examples].astype(label_dtype)

    return part(tiny.train, slice(0, 8)), part(tiny.train, slice(8, 12)), part(tiny.test, slice(0, 6))


def assert_same_set(found, expected):
    for half in ("train", "test"):
        assert np.array_equal(getattr(found, half).images, getattr(expected, half).images)
        assert np.array_equal(getattr(found, half).labels, getattr(expected, half).labels)
        assert getattr(found, half).images.dtype == getattr(found, half).labels.dtype == np.uint8


@pytest.mark.parametrize("protocol", [1, 2, 4, 5])
@pytest.mark.parametrize("scale", [255, 256])
@pytest.mark.parametrize(("dtype", "label_dtype"), [("f4", "i8"), ("f8", "i4")])
def test_course_pickle_gives_back_the_exact_bytes(tiny, protocol, scale, dtype, label_dtype):
    content = pickle.dumps(course_parts(tiny, scale, dtype, label_dtype), protocol=protocol)
    assert_same_set(decode_course_pickle(gzip.compress(content), "f"), tiny)


def test_course_pickle_is_read_uncompressed_and_from_lists_too(tiny):
    content = pickle.dumps([list(part) for part in course_parts(tiny)], protocol=2)
    assert_same_set(decode_course_pickle(content, "f"), tiny)


@pytest.mark.parametrize("scale", [255, 256])
def test_course_pickle_tells_all_bytes_apart(scale):
    images = np.arange(256, dtype=np.uint8).reshape(1, 256)
    part = ((images / scale).astype("f4"), np.zeros(1, dtype="i8"))
    found = decode_course_pickle(pickle.dumps((part, part, part), protocol=2), "f")
    assert np.array_equal(found.test.images.reshape(1, 256), images)


@pytest.mark.parametrize("value", [0.3, -1 / 256, 1.5, 1e30, np.nan, np.inf, -np.inf])
def test_course_pickle_with_pixels_that_are_no_bytes_is_refused(tiny, value):
    parts = course_parts(tiny)
    parts[1][0][2, 3] = value
    with pytest.raises(DataError, match="not bytes divided by 256 or by 255"):
        decode_course_pickle(pickle.dumps(parts, protocol=2), "f")


def test_course_pickle_with_two_scales_is_refused(tiny):
    parts = (*course_parts(tiny, 256)[:2], course_parts(tiny, 255)[2])
    with pytest.raises(DataError, match="divided"):
        decode_course_pickle(pickle.dumps(parts, protocol=2), "f")


@pytest.mark.parametrize(
    "change",
    [
        lambda images, labels: (images,),
        lambda images, labels: (labels, images),
        lambda images, labels: (images, labels[:-1]),
        lambda images, labels: (images, labels.reshape(2, 4)),
        lambda images, labels: (images, labels + 254),
        lambda images, labels: (images, labels - 1),
        lambda images, labels: (images, labels.astype("f4")),
        lambda images, labels: (images, labels.tolist()),
        lambda images, labels: (images[:, :15], labels),
        lambda images, labels: (images[:, :9], labels),
        lambda images, labels: (images[:, 0], labels),
        lambda images, labels: (images[0, 0].reshape(()), labels[0].reshape(())),
        lambda images, labels: 3,
    ],
)
def test_course_pickle_part_of_another_form_is_refused(tiny, change):
    train, valid, test = course_parts(tiny)
    with pytest.raises(DataError, match=r"^f: "):
        decode_course_pickle(pickle.dumps((change(*train), valid, test), protocol=2), "f")


@pytest.mark.parametrize("loaded", [3, (), "text"])
def test_course_pickle_that_is_no_triple_is_refused(loaded):
    with pytest.raises(DataError, match="expected three parts"):
        decode_course_pickle(pickle.dumps(loaded, protocol=2), "f")
