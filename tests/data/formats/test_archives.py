import gzip
import io
import zipfile

import numpy as np
import pytest

from mnistnn.data.formats.archives import decode_emnist, decode_kuzushiji_49, decode_mnist_c
from mnistnn.data.formats.idx import encode_idx
from mnistnn.errors import DataError


def zipped(members: dict[str, bytes]) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    buffer.seek(0)
    return buffer


def npy(array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.fixture
def images():
    return np.random.default_rng(1).integers(0, 256, (6, 4, 4), dtype=np.uint8)


@pytest.fixture
def labels():
    return np.array([1, 3, 2, 1, 2, 3], dtype=np.uint8)


def emnist_members(images, labels, kind: str = "letters") -> dict[str, bytes]:
    halves = {"train": slice(4), "test": slice(4, None)}
    return {
        f"gzip/emnist-{kind}-{called}-{rest}.gz": gzip.compress(encode_idx(np.ascontiguousarray(array[part])))
        for called, part in halves.items()
        for rest, array in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels))
    }


def test_emnist_images_are_turned_upright_and_labels_begin_with_0(images, labels):
    archive = zipped(emnist_members(images.transpose(0, 2, 1), labels))
    found = decode_emnist(archive, "gzip.zip", "letters", first_label=1)
    np.testing.assert_array_equal(found.train.images, images[:4])
    np.testing.assert_array_equal(found.test.images, images[4:])
    assert found.train.labels.tolist() == [0, 2, 1, 0]
    assert found.train.images.flags.c_contiguous


def test_emnist_archive_without_the_set_is_named(images, labels):
    archive = zipped(emnist_members(images, labels, "digits"))
    with pytest.raises(DataError, match=r"gzip\.zip: has no gzip/emnist-letters-train-images-idx3-ubyte\.gz"):
        decode_emnist(archive, "gzip.zip", "letters")


def test_emnist_labels_below_the_first_are_refused(images, labels):
    with pytest.raises(DataError, match="train files of letters are not images and labels from 2"):
        decode_emnist(zipped(emnist_members(images, labels)), "gzip.zip", "letters", first_label=2)


def test_mnist_c_takes_one_corruption_of_many(images, labels):
    members: dict[str, bytes] = {}
    for kind, shade in (("fog", 0), ("zigzag", 1)):
        members |= {
            f"mnist_c/{kind}/train_images.npy": npy(images[:4, :, :, None] ^ shade),
            f"mnist_c/{kind}/train_labels.npy": npy(labels[:4].astype("i8")),
            f"mnist_c/{kind}/test_images.npy": npy(images[4:, :, :, None] ^ shade),
            f"mnist_c/{kind}/test_labels.npy": npy(labels[4:].astype("i8")),
        }
    found = decode_mnist_c(zipped(members), "mnist_c.zip", "zigzag")
    np.testing.assert_array_equal(found.test.images, images[4:] ^ 1)
    assert found.test.labels.tolist() == labels[4:].tolist()
    with pytest.raises(DataError, match=r"has no mnist_c/stripe/train_images\.npy"):
        decode_mnist_c(zipped(members), "mnist_c.zip", "stripe")


def kuzushiji(**arrays) -> dict[str, bytes]:
    files = {}
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.savez(buffer, array)
        files[f"k49-{name.replace('_', '-')}.npz"] = buffer.getvalue()
    return files


def test_kuzushiji_49_is_in_four_archives(images, labels):
    files = kuzushiji(train_imgs=images[:4], train_labels=labels[:4], test_imgs=images[4:], test_labels=labels[4:])
    found = decode_kuzushiji_49(files, "the files")
    np.testing.assert_array_equal(found.train.images, images[:4])
    np.testing.assert_array_equal(found.test.labels, labels[4:])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_imgs": np.zeros((4, 4, 4))}, "expected images of bytes and whole labels, got float64"),
        (
            {"train_labels": np.array([1.0, 2, 3, 1])},
            "bytes and whole labels, got uint8 and float64",
        ),
        ({"train_labels": np.array([300, 2, 3, 1])}, r"labels must be in 0\.\.255, got 300"),
        ({"train_labels": np.array([None] * 4)}, "is not an array"),
        ({"train_labels": np.array([1])}, "4 training images but 1 labels"),
    ],
)
def test_kuzushiji_49_with_other_arrays_is_refused(images, labels, change, message):
    halves = {"train_imgs": images[:4], "train_labels": labels[:4], "test_imgs": images[4:], "test_labels": labels[4:]}
    with pytest.raises(DataError, match=message):
        decode_kuzushiji_49(kuzushiji(**(halves | change)), "the files")
