import io
import random
import struct
import zlib
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from mnistnn.data.formats import mat as reader
from mnistnn.data.formats.given import NO_WISHES, GivenFile, Wishes
from mnistnn.data.formats.mat import NotRead
from mnistnn.data.formats.mat_set import read_mat
from mnistnn.errors import DataError

scipy_io = pytest.importorskip("scipy.io")


def decode_mat(content: bytes, place: str) -> dict[str, Any]:
    return dict(reader.decode_mat(content, place))


def mat(arrays, **options) -> bytes:
    """Write a MAT-file as SciPy does."""
    buffer = io.BytesIO()
    scipy_io.savemat(buffer, arrays, **options)
    return buffer.getvalue()


def read(*contents, names=("train.mat", "test.mat"), wishes=NO_WISHES) -> Any:
    return read_mat(
        [GivenFile(name, name, each, each[:99]) for name, each in zip(names, contents, strict=False)], wishes
    )


# The container.


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
def test_numbers_of_every_type_are_read(compressed, dtype):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    found = decode_mat(mat({"a": array, "one": np.array([[7]], dtype)}, do_compression=compressed), "f")
    np.testing.assert_array_equal(found["a"], array)
    np.testing.assert_array_equal(found["one"], [[7]])


def test_structs_are_read_by_their_fields():
    found = decode_mat(mat({"s": {"a": np.eye(2), "t": {"b": np.ones((1, 3))}}}), "f")
    assert set(found) == {"s.a", "s.t.b"}
    np.testing.assert_array_equal(found["s.a"], np.eye(2))


def test_what_is_no_array_of_numbers_is_named():
    sparse = pytest.importorskip("scipy.sparse")
    cells = np.array([np.eye(2), "x"], dtype=object)
    found = decode_mat(
        mat({"c": cells, "t": "text", "z": np.array([[1j]]), "s": sparse.eye(3).tocsc(), "n": np.eye(1)}), "f"
    )
    kinds = {name: value.kind for name, value in found.items() if isinstance(value, NotRead)}
    assert kinds == {
        "c": "a cell array",
        "t": "text",
        "z": "an array of complex numbers",
        "s": "a sparse array",
    }


def element(order: str, kind: int, data: bytes) -> bytes:
    return struct.pack(f"{order}II", kind, len(data)) + data + bytes(-len(data) % 8)


def test_bytes_that_come_highest_first_and_whole_doubles_as_bytes_are_read():
    """As MATLAB writes them on such machines: a double array whose values fit into bytes is stored so."""
    head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(">H", 0x0100) + b"MI"
    array = (
        element(">", 6, struct.pack(">II", 6, 0))
        + element(">", 5, struct.pack(">ii", 2, 3))
        + struct.pack(">HH4s", 1, 1, b"x\0\0\0")  # a small element
        + element(">", 2, bytes(range(6)))
    )
    found = decode_mat(head + element(">", 14, array), "f")
    np.testing.assert_array_equal(found["x"], [[0, 2, 4], [1, 3, 5]])


@pytest.mark.parametrize(
    "content",
    [
        b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM" + bytes(384) + b"\x89HDF\r\n\x1a\n",
        b"\x89HDF\r\n\x1a\n" + bytes(600),
    ],
)
def test_version_7_3_is_refused_with_what_to_do(content):
    with pytest.raises(DataError, match=r"version 7.3, which is HDF5 and is not read; .*'-v7'"):
        decode_mat(content, "f")


@pytest.mark.parametrize("compressed", [False, True])
def test_truncated_file_is_refused_or_lacks_whole_arrays(compressed):
    content = mat({"a": np.arange(50), "b": np.arange(60)}, do_compression=compressed)
    whole = decode_mat(content, "f")
    for length in range(len(content)):
        with suppress(DataError):
            found = decode_mat(content[:length], "f")
            assert all(np.array_equal(found[name], whole[name]) for name in found)
            assert set(found) < {"a", "b"} or length > len(content) - 8  # what follows is padding


def test_sizes_that_are_claimed_allocate_nothing():
    content = bytearray(mat({"a": np.zeros((4, 4))}))
    at = content.index(struct.pack("<ii", 4, 4))
    content[at : at + 8] = struct.pack("<ii", 2**31 - 1, 2**31 - 1)
    with pytest.raises(DataError, match="expected 4611686014132420609 values"):
        decode_mat(bytes(content), "f")


def test_compressed_data_larger_than_a_set_is_refused(monkeypatch):
    monkeypatch.setattr("mnistnn.data.formats.mat.MAX_SET_BYTES", 1000)
    arrays = {"a": np.zeros(60), "b": np.zeros(60)}  # 480 bytes each, and their heads
    with pytest.raises(DataError, match="decompresses to more than the 1000 bytes"):
        decode_mat(mat(arrays, do_compression=True), "f")


def test_structs_inside_of_each_other_end_somewhere():
    nested: dict[str, object] = {"a": np.eye(1)}
    for _ in range(20):
        nested = {"s": nested}
    with pytest.raises(DataError, match="structs that are 4 deep"):
        decode_mat(mat(nested), "f")


def test_mutated_bytes_agree_with_scipy_or_are_refused():
    """Whatever both readers take, they take for the same numbers."""
    original = mat({"a": np.arange(12).reshape(3, 4), "s": {"b": np.eye(3)}})
    rng, read_by_both = random.Random(3), 0
    for _ in range(300):
        content = bytearray(original)
        content[rng.randrange(128, len(content))] = rng.randrange(256)
        try:
            found = decode_mat(bytes(content), "f").get("a")
        except DataError:
            continue
        theirs = None
        with suppress(Exception):  # SciPy raises of many kinds
            theirs = scipy_io.loadmat(io.BytesIO(content)).get("a")
        if isinstance(found, np.ndarray) and isinstance(theirs, np.ndarray) and theirs.dtype.kind == "i":
            np.testing.assert_array_equal(found, theirs)
            read_by_both += 1
    assert read_by_both > 100


# Sets.


def emnist(tiny, first=1, **changed):
    """The layout of EMNIST: rows of pixels column by column, labels from 1, and a mapping to codes of characters."""

    def part(half):
        rows = np.stack([image.ravel(order="F") for image in half.images])
        return {"images": rows, "labels": half.labels[:, None].astype(float) + first, "writers": half.labels[:, None]}

    mapping = np.array([[first + number, 65 + number, 97 + number] for number in range(3)], dtype=float)
    return {"dataset": {"train": part(tiny.train), "test": part(tiny.test), "mapping": mapping, **changed}}


@pytest.mark.parametrize("first", [0, 1])
def test_emnist_is_upright_and_its_classes_are_letters(tiny, first):
    found = read(mat(emnist(tiny, first), do_compression=True))
    np.testing.assert_array_equal(found.train.images, tiny.train.images)
    np.testing.assert_array_equal(found.test.images, tiny.test.images)
    np.testing.assert_array_equal(found.train.labels, tiny.train.labels)
    assert found.class_names == ("A", "B", "C")


def test_mapping_that_does_not_fit_names_nothing(tiny):
    found = read(mat(emnist(tiny, mapping=np.array([[1, 65], [2, 65], [3, 66]], dtype=float))))
    assert found.class_names is None


def test_all_26_letters_have_their_names():
    labels = np.arange(26, dtype=np.uint8)[:, None] + 1
    half = {"images": np.random.default_rng(0).integers(0, 256, (26, 784), dtype=np.uint8), "labels": labels}
    mapping = np.array([[number + 1, 65 + number, 97 + number] for number in range(26)], dtype=np.uint8)
    found = read(mat({"dataset": {"train": half, "test": half, "mapping": mapping}}))
    assert "".join(found.class_names) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert found.train.labels.tolist() == list(range(26))


def svhn(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (6, 5, 3, n), dtype=np.uint8), (np.arange(n) % 10 + 1)[:, None].astype(np.uint8)


def test_svhn_is_grey_and_its_label_10_is_zero():
    image = pytest.importorskip("PIL.Image")
    (x, y), (u, v) = svhn(20), svhn(10, 1)
    files = [mat({"X": x, "y": y}, do_compression=True), mat({"X": u, "y": v})]
    found = read(*files, names=("train_32x32.mat", "test_32x32.mat"))
    expected = [np.asarray(image.fromarray(u[..., number]).convert("L")) for number in range(10)]
    np.testing.assert_array_equal(found.test.images, expected)
    assert found.train.labels[:11].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert found.said == (
        "colours were made grey: 0.299 red + 0.587 green + 0.114 blue",
        "the label 10 stands for the digit 0, as in SVHN",
    )


@pytest.mark.parametrize(
    "arrange",
    [lambda x: x, lambda x: x.transpose(1, 2, 0), lambda x: x[..., None], lambda x: x.transpose(1, 2, 0)[:, :, None]],
)
def test_axis_of_images_is_the_one_that_is_as_long_as_the_labels(tiny, arrange):
    found = read(mat({"x_train": arrange(tiny.train.images), "y_train": tiny.train.labels}))
    np.testing.assert_array_equal(found.train.images, tiny.train.images)


def test_columns_of_pixels_are_images_too(tiny):
    rows = np.stack([image.ravel(order="F") for image in tiny.train.images])
    found = read(mat({"data": rows.T, "label": tiny.train.labels[None]}))
    np.testing.assert_array_equal(found.train.images, tiny.train.images)


def test_floats_from_0_to_1_are_scaled_by_the_rule(tiny):
    found = read(mat({"X": tiny.train.images / 255.0, "y": tiny.train.labels.astype(float)}))
    np.testing.assert_array_equal(found.train.images, tiny.train.images)


def test_size_of_rows_can_be_said(tiny):
    found = read(mat({"X": tiny.train.images.reshape(12, 16), "y": tiny.train.labels}), wishes=Wishes(size_px=(2, 8)))
    assert found.train.images.shape == (12, 2, 8)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.eye(3)}, "has a; expected x_train, y_train, .* there are no images of the train half and no labels"),
        ({"X": np.zeros((12, 16)), "y": np.eye(12)}, "y must have one label for each image.* is it one-hot"),
        ({"X": np.zeros((12, 16)), "y": np.arange(12) + 0.5}, "y must have whole numbers"),
        ({"X": np.zeros((12, 16)), "y": "text"}, "y is text"),
        ({"X": "text", "y": np.arange(12)}, "X is text"),
        ({"X": np.zeros((12, 15)), "y": np.arange(12)}, "15 pixels, which is no square"),
        ({"X": np.zeros((11, 4, 4)), "y": np.arange(12)}, "has the axes .*expected, for 12 labels"),
        ({"X": np.full((12, 16), 300.0), "y": np.arange(12)}, "numbers from 300 to 300"),
        ({"X": np.zeros((12, 16)), "y": np.arange(12) - 1}, "labels must be in 0..255, got -1"),
    ],
)
def test_arrays_that_are_no_set_are_refused(arrays, message):
    with pytest.raises(DataError, match=f"^train.mat: .*{message}"):
        read(mat(arrays))


def test_deflated_bomb_is_refused_in_little_memory(monkeypatch):
    monkeypatch.setattr("mnistnn.data.formats.mat.MAX_SET_BYTES", 1 << 20)
    bomb = zlib.compress(bytes(1 << 26), 9)
    head = mat({"a": np.eye(1)})[:128]
    with pytest.raises(DataError, match="decompresses to more"):
        decode_mat(head + struct.pack("<II", 15, len(bomb)) + bomb, "f")
