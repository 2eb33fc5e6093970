import gzip
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mnistnn.data.formats.given import NO_WISHES, GivenFile, Wishes
from mnistnn.data.formats.pixel_csv import begins_like_pixel_csv, read_pixel_csv
from mnistnn.errors import DataError, UsageError

SIZED = Wishes(size_px=(2, 8))


def given(text: str | bytes, name: str = "set.csv") -> GivenFile:
    content = text.encode() if isinstance(text, str) else text
    return GivenFile(name, name, content, content[:100])


def table(half, separator=",", names=None, label=0, call=str, pixel=str) -> str:
    """Write a half by Python's own means."""
    rows = [] if names is None else [names]
    for image, number in zip(half.images, half.labels, strict=True):
        row = [pixel(value) for value in image.ravel()]
        row.insert(label if label >= 0 else len(row), call(number))
        rows.append(row)
    return "".join(separator.join(row) + "\n" for row in rows)


def read(*files, wishes=NO_WISHES) -> Any:
    return read_pixel_csv(files, wishes)


def assert_same(found, half):
    np.testing.assert_array_equal(found.images, half.images)
    np.testing.assert_array_equal(found.labels, half.labels)


NAMES = ["label", *(f"pixel{number}" for number in range(16))]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(
    "names", [None, NAMES, ["label", *(f"{r}x{c}" for r in range(4) for c in range(4))], ["y", *map(str, range(16))]]
)
def test_table_gives_every_image_its_label(tiny, separator, names):
    found = read(given(table(tiny.train, separator, names)))
    assert_same(found.train, tiny.train)
    assert (found.test, found.class_names) == (None, None)


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n\n\n", ""])
def test_ends_of_lines_of_any_system_are_read(tiny, end):
    text = table(tiny.train, names=NAMES)
    text = text.replace("\n", end) if end.startswith("\r") else text.rstrip("\n") + end
    assert_same(read(given(b"\xef\xbb\xbf" + text.encode())).train, tiny.train)


@pytest.mark.parametrize("column", [5, 16])
def test_label_is_found_by_its_name_anywhere(tiny, column):
    names = NAMES[1:]
    names.insert(column, "Class")
    assert_same(read(given(table(tiny.train, names=names, label=column))).train, tiny.train)


def test_label_without_names_is_the_last_where_the_first_field_does_not_vary(tiny):
    images = tiny.train.images.copy()
    images[:, 0, 0] = 7
    half = replace(tiny.train, images=images)
    assert_same(read(given(table(half, label=-1))).train, half)


@pytest.mark.parametrize("label", [0, -1])
def test_words_are_numbered_in_their_order_and_name_the_classes(tiny, label):
    found = read(given(table(tiny.train, label=label, call="cab"[::-1].__getitem__)))  # 0 is b, 1 is a, 2 is c
    assert found.class_names == ("a", "b", "c")
    np.testing.assert_array_equal(found.train.labels, np.array([1, 0, 2])[tiny.train.labels])


def test_pair_of_tables_is_two_halves_whose_words_are_the_same_classes(tiny):
    train = table(replace(tiny.train, labels=tiny.train.labels % 2), call="xyz".__getitem__)
    found = read(given(table(tiny.test, call="xyz".__getitem__), "test.csv"), given(train, "train.csv"))
    assert found.class_names == ("x", "y", "z")
    assert_same(found.test, tiny.test)


def test_compressed_table_is_read(tiny):
    assert_same(read(given(gzip.compress(table(tiny.train).encode()))).train, tiny.train)


@pytest.mark.parametrize("pixel", ['"{}"'.format, "{}.0".format, " {}".format, "{}e0".format])
def test_numbers_as_programs_write_them_are_read(tiny, pixel):
    assert_same(read(given(table(tiny.train, pixel=pixel, names=NAMES))).train, tiny.train)


def test_plain_and_other_lines_can_be_mixed_over_blocks(tiny, monkeypatch):
    monkeypatch.setattr("mnistnn.data.formats.pixel_csv._BLOCK_BYTES", 100)
    lines = table(tiny.train).splitlines(keepends=True)
    text = "".join(line.replace(",", ", ") if number % 5 == 2 else line for number, line in enumerate(lines))
    assert_same(read(given(text)).train, tiny.train)


@pytest.mark.parametrize(
    ("pixel", "expected", "note"),
    [
        (lambda value: f"{value / 255:.6f}", lambda x: x, "from 0 to 1 were multiplied by 255"),
        (lambda value: f"{value / 127.5 - 1:.6f}", lambda x: x, "from -1 to 1 became"),
        (lambda value: str(int(value > 99)), lambda x: 255 * (x > 99), "from 0 to 1 were multiplied by 255"),
    ],
)
def test_other_ranges_are_scaled_by_a_rule_that_is_said(tiny, pixel, expected, note):
    found = read(given(table(tiny.train, pixel=pixel, names=NAMES)))
    np.testing.assert_array_equal(found.train.images, expected(tiny.train.images))
    assert note in found.said[0]


def test_one_rule_scales_all_halves():
    found = read(given("0,-1,0,0,1\n", "train.csv"), given("0,0,0,0,1\n", "test.csv"))
    assert found.test.images.ravel().tolist() == [128, 128, 128, 255]


def test_size_is_a_square_or_what_is_said(tiny):
    assert read(given(table(tiny.train)), wishes=SIZED).train.images.shape == (12, 2, 8)


PIXELS = ",0" * 16
PLAIN = f"1{PIXELS}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PLAIN + f"2{PIXELS},0\n", "line 2: has 18 fields, but the first line has 17"),
        (PLAIN + "\n" + PLAIN, "line 2: has 0 fields"),
        (PLAIN + f"2{',0' * 15},300\n", "line 2, field 17: 300 is no pixel"),
        (PLAIN + f"2{',0' * 15},-4\n", "line 2, field 17: -4 is no pixel"),
        (PLAIN + f"2{',0' * 15},x\n", "line 2, field 17: 'x' is no pixel"),
        (PLAIN + f"2{',0' * 15},\n", "line 2, field 17: '' is no pixel"),
        (PLAIN + f"2{',0' * 15},nan\n", "line 2, field 17: 'nan' is no pixel"),
        (PLAIN + f"2{',0' * 15},1_0\n", "line 2, field 17: '1_0' is no pixel"),
        (PLAIN + f"2{',0' * 15},2.5\n", "numbers with decimals from 0 to 2.5"),
        (PLAIN + f"{PIXELS}\n", "line 2: has no label"),
        (PLAIN + f'"1{PIXELS}\n', "line 2: "),
        (b"\xff\xfe1\x00,\x000\x00", "UTF-16"),
        (b"1,0,0,0,\xff\n", "UTF-8"),
        (f"1{',0' * 15}\n", "line 1: has 16 numbers, which are 4x4 pixels and no label"),
        (f"1{',0' * 17}\n", "17 pixels, which is no square; --size HEIGHTxWIDTH says"),
        (",".join(NAMES[1:]) + "\n" + ",".join("0" * 16), "has no column of labels, only 16 columns of pixels"),
        (",".join(["id", *NAMES]) + "\n" + ",".join("0" * 18), "line 1: 'id' is neither label nor pixels"),
        (",".join(["id", "kind", *NAMES[1:]]) + "\n" + ",".join("0" * 18), "which column is the .* found 'id', 'kind'"),
        (",".join(NAMES) + "\n", "has no rows below the names"),
        ("\n\n", "the file is empty"),
        (PLAIN + "".join(f"word{number}{PIXELS}\n" for number in range(300)), "301 different labels, allowed are"),
    ],
)  # fmt: skip
def test_table_that_is_not_one_of_images_is_refused(text, message):
    with pytest.raises(DataError, match=rf"^set.csv: .*{message}"):
        read(given(text))


def test_size_that_is_said_tells_pixels_from_labels():
    text = "".join(f"{label}{',9' * 15}\n" for label in (0, 1, 2))
    assert read(given(text), wishes=Wishes(size_px=(3, 5))).train.images.shape == (3, 3, 5)
    with pytest.raises(DataError, match="has 16 numbers, which are 4x4 pixels and no label"):
        read(given(text))


def test_size_that_does_not_fit_is_refused(tiny):
    with pytest.raises(DataError, match="images have 16 pixels, but 3x5 are 15"):
        read(given(table(tiny.train)), wishes=Wishes(size_px=(3, 5)))


def test_second_table_for_a_half_is_refused(tiny):
    with pytest.raises(UsageError, match=r"b.csv: is a second file for the train half, after a.csv"):
        read(given(table(tiny.train), "a.csv"), given(table(tiny.test), "b.csv"))


def test_halves_of_other_sizes_are_refused():
    with pytest.raises(DataError, match="but train images have 4, test images have 1"):
        read(given("0,0,0,0,9\n", "train.csv"), given("0,9\n", "test.csv"))


def test_text_larger_than_what_is_allowed_is_refused(tiny, monkeypatch):
    monkeypatch.setattr("mnistnn.data.formats.text.MAX_TEXT_BYTES", 100)
    for content in (table(tiny.train).encode(), gzip.compress(table(tiny.train).encode())):
        with pytest.raises(DataError, match="100 bytes"):
            read(given(content))


@pytest.mark.parametrize(
    ("start", "is_table"), [(b"1,2,3\n", True), (b"digits", False), (b"\x00,\x01", False), (b"", False)]
)
def test_table_is_known_by_its_first_line(start, is_table):
    assert begins_like_pixel_csv(start) == is_table


@pytest.mark.parametrize("field", ["9" * 100_000, " " * 100_000 + "x", "1" + " " * 100_000])
def test_long_fields_are_refused_at_once(field):
    began = time.perf_counter()
    with pytest.raises(DataError):
        read(given(f"{field},{field},x,0,0\n"))
    assert time.perf_counter() - began < 1
