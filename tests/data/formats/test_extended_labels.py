import gzip
import struct

import numpy as np
import pytest

from mnistnn.data.formats.extended_labels import decode_extended_labels, decode_qmnist, decode_qmnist_50k
from mnistnn.data.formats.idx import encode_idx
from mnistnn.errors import DataError


def extended(labels, columns: int = 8, rows: int | None = None, type_code: int = 12) -> bytes:
    table = np.full((len(labels), columns), 7, dtype=">i4")
    table[:, 0] = labels
    header = struct.pack(">HBBII", 0, type_code, 2, len(labels) if rows is None else rows, columns)
    return header + table.tobytes()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_decode_extended_labels_returns_the_first_column(pack):
    assert decode_extended_labels(pack(extended([3, 0, 9])), "labels").tolist() == [3, 0, 9]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0\0", "too short"),
        (extended([1, 2], columns=7), "not an IDX file of int32 in 8 columns"),
        (extended([1, 2], type_code=8), "not an IDX file of int32 in 8 columns"),
        (extended([1, 2], rows=3), "has 76 bytes, which are not 3 rows"),
        (extended([]), "not 0 rows"),
        (extended([1, 256]), r"labels must be in 0\.\.255, got 256"),
        (extended([-1]), r"labels must be in 0\.\.255, got -1"),
        (gzip.compress(extended([1, 2]), mtime=0)[:-4], "ends too early"),
    ],
)
def test_decode_extended_labels_refuses_other_files(content, message):
    with pytest.raises(DataError, match=f"labels: .*{message}"):
        decode_extended_labels(content, "labels")


def qmnist(train: int, test: int) -> dict[str, bytes]:
    contents = {}
    for called, n in (("train", train), ("test", test)):
        images = (np.arange(n)[:, None, None] % 251 * np.ones((1, 2, 3))).astype(np.uint8)
        contents[f"qmnist-{called}-images-idx3-ubyte.gz"] = gzip.compress(encode_idx(images), 1)
        contents[f"qmnist-{called}-labels-idx2-int.gz"] = gzip.compress(extended(np.arange(n) % 10), 1)
    return contents


def test_qmnist_has_both_halves_with_their_digits():
    found = decode_qmnist(qmnist(12, 5), "x")
    assert (len(found.train.labels), len(found.test.labels)) == (12, 5)
    assert found.test.labels.tolist() == [0, 1, 2, 3, 4]


def test_qmnist_50k_leaves_out_the_test_digits_of_mnist():
    found = decode_qmnist_50k(qmnist(1, 10_003), "x")
    assert found.labels.tolist() == [0, 1, 2]
    assert found.images[:, 0, 0].tolist() == [10_000 % 251, 10_001 % 251, 10_002 % 251]
    with pytest.raises(DataError, match="x: 10000 test images"):
        decode_qmnist_50k(qmnist(1, 10_000), "x")
