import bz2
import io
import time
from typing import Any

import numpy as np
import pytest

from mnistnn.data.formats.given import NO_WISHES, GivenFile, Wishes
from mnistnn.data.formats.libsvm import begins_like_libsvm, read_libsvm
from mnistnn.errors import DataError


def given(text: str | bytes, name: str = "set") -> GivenFile:
    content = text.encode() if isinstance(text, str) else text
    return GivenFile(name, name, content, content[:100])


def dump(half, scale=lambda values: values) -> bytes:
    """Write a half by scikit-learn, from whose numbers zeros are left out."""
    svmlight = pytest.importorskip("sklearn.datasets")
    buffer = io.BytesIO()
    svmlight.dump_svmlight_file(
        scale(half.images.reshape(len(half.images), -1).astype(float)),
        half.labels.astype(int),
        buffer,
        zero_based=False,
    )
    return buffer.getvalue()


def read(*files, wishes=NO_WISHES) -> Any:
    return read_libsvm(files, wishes)


def test_file_of_another_program_gives_every_image_its_label(tiny):
    found = read(given(dump(tiny.train)))
    np.testing.assert_array_equal(found.train.images, tiny.train.images)
    np.testing.assert_array_equal(found.train.labels, tiny.train.labels)


def test_pair_is_known_by_the_names_that_libsvm_gives(tiny):
    found = read(given(bz2.compress(dump(tiny.test)), "tiny.t.bz2"), given(bz2.compress(dump(tiny.train)), "tiny.bz2"))
    np.testing.assert_array_equal(found.train.images, tiny.train.images)
    np.testing.assert_array_equal(found.test.images, tiny.test.images)


def test_numbers_from_0_to_1_are_scaled(tiny):
    found = read(given(dump(tiny.train, lambda values: values / 255)))
    np.testing.assert_array_equal(found.train.images, tiny.train.images)
    assert "multiplied by 255" in found.said[0]


def test_what_is_left_out_of_numbers_from_minus_1_to_1_is_the_middle():
    found = read(given("0 1:-1 4:1\n1 2:0.5\n"))
    assert found.train.images.reshape(2, 4).tolist() == [[0, 128, 128, 255], [128, 191, 128, 128]]


def test_last_pixels_that_are_dark_everywhere_still_make_a_square():
    found = read(given("3 7:9\n4 1:200\n"))
    assert found.train.images.shape == (2, 3, 3)
    assert found.train.images[0, 2, 0] == 9
    assert "the largest index is 7: images have 3x3 pixels" in found.said[0]


def test_size_that_is_said_is_taken():
    assert read(given("0 7:9\n"), wishes=Wishes(size_px=(2, 6))).train.images.shape == (1, 2, 6)
    with pytest.raises(DataError, match="largest index is 7, but 2x3 are fewer"):
        read(given("0 7:9\n"), wishes=Wishes(size_px=(2, 3)))


def test_labels_with_a_sign_are_numbered_in_their_order():
    found = read(given("+1 1:9\n-1 1:8\n"))
    assert (found.class_names, found.train.labels.tolist()) == (("-1", "1"), [1, 0])


@pytest.mark.parametrize("label", ["3.0", "3"])
def test_label_may_be_written_as_a_float(label):
    assert read(given(f"{label} 1:9\n")).train.labels.tolist() == [3]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 0:3", "line 2: indices must go up, from 1"),
        ("1 2:3 2:4", "line 2: indices must go up"),
        ("1 3:3 2:4", "line 2: indices must go up"),
        ("1 9999999:3", "line 2: indices must go up, from 1 to 1048576"),
        ("1 2:x", "line 2: '2:x' is not index:value"),
        ("1 2:nan", "line 2: '2:nan' is not index:value"),
        ("1 2", "line 2: '2' is not index:value"),
        ("1:2 2:3", "line 2: '1:2' is not a label"),
        ("", "line 2: is blank"),
        ("1 2:300", "numbers from 0 to 300"),
        ("1 2:-7", "numbers from -7 to 9"),
        ("1 2:1e99", "numbers from 0 to inf"),
        ("\xff 2:3", "different labels|expected 1 to 100|line 2"),
    ],
)
def test_line_that_is_not_of_the_format_is_refused(line, message):
    with pytest.raises(DataError, match=f"^set: .*{message}"):
        read(given(f"0 1:9\n{line}\n0 1:9\n".encode("latin-1")))


def test_format_is_known_by_its_first_pair():
    assert begins_like_libsvm(b"5 153:3 154:18")
    assert not begins_like_libsvm(b"1,2,3\n")
    assert not begins_like_libsvm(b"time 12:30, in words\n"[5:])


def test_mistake_at_the_end_of_a_long_line_is_found_at_once():
    line = " ".join(f"{at}:123" for at in range(1, 2000))
    began = time.perf_counter()
    with pytest.raises(DataError, match="line 1: '2000:x' is not index:value"):
        read(given(f"1 {line} 2000:x\n"))
    assert time.perf_counter() - began < 1
