import io
import random
import zipfile
from typing import Any

import numpy as np
import pytest

from mnistnn.data.formats import npz as reader
from mnistnn.data.formats.given import GivenFile
from mnistnn.errors import DataError


def decode_npz(content: bytes, place: str) -> Any:
    return reader.decode_npz(content, place)


def decode_single_arrays(files: list[GivenFile]) -> Any:
    return reader.decode_single_arrays(files)


def keras_npz(tiny, save=np.savez, **replaced) -> bytes:
    arrays = {
        "x_train": tiny.train.images,
        "y_train": tiny.train.labels,
        "x_test": tiny.test.images,
        "y_test": tiny.test.labels,
    }
    buffer = io.BytesIO()
    save(buffer, **{name: array for name, array in (arrays | replaced).items() if array is not None})
    return buffer.getvalue()


def with_member(content: bytes, name: str, data: bytes) -> bytes:
    """Replace one member of an archive by other bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        for entry in old.infolist():
            new.writestr(entry.filename, data if entry.filename == name else old.read(entry))
    return buffer.getvalue()


def npy(header: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    text = header.encode()
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text + data


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("label_dtype", ["u1", "i1", "<i8", ">i4", "<u2"])
def test_npz_in_keras_layout_is_read(tiny, save, label_dtype):
    found = decode_npz(keras_npz(tiny, save, y_train=tiny.train.labels.astype(label_dtype)), "f")
    assert np.array_equal(found.train.images, tiny.train.images)
    assert np.array_equal(found.train.labels, tiny.train.labels)
    assert np.array_equal(found.test.images, tiny.test.images)
    assert found.train.labels.dtype == np.uint8


def test_npz_in_fortran_order_is_read(tiny):
    found = decode_npz(keras_npz(tiny, x_train=np.asfortranarray(tiny.train.images)), "f")
    assert np.array_equal(found.train.images, tiny.train.images)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("x_train", None),
        ("x_test", None),
        ("y_test", None),
        ("x_train", np.zeros((12, 4, 4), dtype="f4")),
        ("x_train", np.zeros((12, 4, 4), dtype="i8")),
        ("x_train", np.zeros((12, 16), dtype="u1")),
        ("x_train", np.zeros((12, 5, 5), dtype="u1")),
        ("x_train", np.zeros((0, 4, 4), dtype="u1")),
        ("x_train", np.zeros((1, 1, 1, 1), dtype="u1")),
        ("x_train", np.zeros((12, 4, 4), dtype=[("a", "u1")])),
        ("y_train", np.zeros(11, dtype="u1")),
        ("y_train", np.zeros((12, 2), dtype="u1")),
        ("y_train", np.uint8(3)),
        ("y_train", np.full(12, 256)),
        ("y_train", np.full(12, -1)),
        ("y_train", np.zeros(12, dtype="f8")),
        ("y_train", np.array(["0"] * 12)),
        ("y_train", np.array([None] * 12)),
    ],
)
def test_npz_with_an_unfit_array_is_refused(tiny, name, array):
    with pytest.raises(DataError, match=r"^f: "):
        decode_npz(keras_npz(tiny, **{name: array}), "f")


def test_npz_never_unpickles(tiny, tmp_path):
    class Canary:
        def __reduce__(self):
            return open, (str(tmp_path / "canary"), "w")

    with pytest.raises(DataError, match="not read"):
        decode_npz(keras_npz(tiny, y_train=np.array([Canary()], dtype=object)), "f")
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    "member",
    [
        b"",
        b"not an array",
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (12, 4, 4), }", bytes(191)),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (12, 4, 4), }", bytes(193)),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999, 9999999999, 9999999999), }"),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-12, -4, 4), }", bytes(192)),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': " + "(" * 500 + ")" * 500 + ", }"),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (12,), }", bytes(96)),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (12, 4, 4), }", bytes(192), version=b"\x09\x00"),
        npy("__import__('os').system('true')", bytes(192)),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (12, 4, 4), }")[:20],
        npy("{'descr': '|u1'" + " " * 60_000 + "}"),
    ],
)  # fmt: skip
def test_npz_with_a_malformed_member_is_refused(tiny, member):
    with pytest.raises(DataError, match=r"^f: x_train: "):
        decode_npz(with_member(keras_npz(tiny), "x_train.npy", member), "f")


def test_npz_with_a_member_twice_is_refused(tiny):
    buffer = io.BytesIO(keras_npz(tiny))
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("x_train.npy", b"other")
    with pytest.raises(DataError, match="found 2 times"):
        decode_npz(buffer.getvalue(), "f")


def test_npz_with_another_compression_is_refused(tiny):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_BZIP2) as archive:
        for name in ("x_train", "y_train", "x_test", "y_test"):
            archive.writestr(f"{name}.npy", b"data")
    with pytest.raises(DataError, match="another way than deflate"):
        decode_npz(buffer.getvalue(), "f")


def test_npz_truncated_anywhere_is_refused(tiny):
    content = keras_npz(tiny, np.savez_compressed)
    for length in range(0, len(content), 3):
        with pytest.raises(DataError):
            decode_npz(content[:length], "f")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_mutated_bytes_raise_nothing_but_data_errors(tiny, save):
    rng = random.Random(5)
    original = keras_npz(tiny, save)
    for _ in range(1000):
        content = bytearray(original)
        for _ in range(rng.randint(1, 3)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        try:
            decode_npz(bytes(content), "f")
        except DataError:
            continue


# Other names.


def npz(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "names",
    [
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("X_train", "y_train", "X_test", "y_test"),
        ("train_x", "train_y", "test_x", "test_y"),
        ("trainImages", "trainLabels", "testImages", "testLabels"),
        ("x_training", "target_training", "x_testing", "target_testing"),
    ],
)
def test_npz_with_other_names_is_read(tiny, names):
    arrays = (tiny.train.images, tiny.train.labels, tiny.test.images, tiny.test.labels)
    found = decode_npz(npz(**dict(zip(names, arrays, strict=True))), "f")
    assert np.array_equal(found.train.images, tiny.train.images)
    assert np.array_equal(found.test.labels, tiny.test.labels)


def test_npz_of_medmnist_has_validation_images(tiny):
    arrays = {"val_images": tiny.test.images[::-1], "val_labels": tiny.test.labels[::-1, None]}
    for half in ("train", "test"):
        arrays[f"{half}_images"] = getattr(tiny, half).images
        arrays[f"{half}_labels"] = getattr(tiny, half).labels[:, None]
    found = decode_npz(npz(**arrays), "f")
    assert np.array_equal(found.valid.images, tiny.test.images[::-1])
    assert np.array_equal(found.valid.labels, tiny.test.labels[::-1])


@pytest.mark.parametrize(
    "names", [("x", "y"), ("images", "labels"), ("X", "target"), ("data", "label"), ("arr_0", "arr_1")]
)
def test_npz_without_halves_has_training_images_alone(tiny, names):
    found = decode_npz(npz(**dict(zip(names, (tiny.train.images, tiny.train.labels), strict=True))), "f")
    assert np.array_equal(found.train.images, tiny.train.images)
    assert (found.test, found.said) == (None, ())


def test_npz_says_which_arrays_were_left_out(tiny):
    found = decode_npz(npz(x=tiny.train.images, y=tiny.train.labels, writers=np.arange(12)), "f")
    assert found.said == ("f: left out: writers",)


def test_npz_with_two_arrays_for_one_thing_is_refused(tiny):
    with pytest.raises(DataError, match="both x_train and train_images seem to be images of the train half"):
        decode_npz(npz(x_train=tiny.train.images, train_images=tiny.train.images, y_train=tiny.train.labels), "f")


def single(name: str, array: np.ndarray) -> GivenFile:
    content = npz(arr_0=array)
    return GivenFile(name, name, content, content[:99])


def test_four_files_of_kuzushiji_mnist_are_read_in_any_order(tiny):
    files = [
        single("kmnist-test-labels.npz", tiny.test.labels),
        single("kmnist-train-imgs.npz", tiny.train.images),
        single("kmnist-test-imgs.npz", tiny.test.images),
        single("kmnist-train-labels.npz", tiny.train.labels),
    ]
    found = decode_single_arrays(files)
    assert np.array_equal(found.train.images, tiny.train.images)
    assert np.array_equal(found.test.labels, tiny.test.labels)
    assert decode_single_arrays([files[1], files[3]]).test is None
    with pytest.raises(DataError, match="found images of train, test and labels of test"):
        decode_single_arrays(files[:3])
    with pytest.raises(DataError, match="second array of the same kind for the train half"):
        decode_single_arrays([*files, files[1]])
