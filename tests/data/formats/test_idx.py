import gzip
import random
import struct

import numpy as np
import pytest

from mnistnn.data.formats.idx import decode_idx, encode_idx
from mnistnn.errors import DataError

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
LABELS = np.array([3, 1, 4, 1, 5], dtype=np.uint8)


def header(*sizes: int, type_code: int = 8, zero: int = 0, dimensions: int | None = None) -> bytes:
    count = len(sizes) if dimensions is None else dimensions
    return struct.pack(f">HBB{len(sizes)}I", zero, type_code, count, *sizes)


@pytest.mark.parametrize("array", [IMAGES, LABELS], ids=["images", "labels"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gz"])
def test_idx_round_trip_is_exact(array, pack):
    decoded = decode_idx(pack(encode_idx(array)), "f")
    assert np.array_equal(decoded, array)
    assert not decoded.flags.writeable


def test_idx_layout_is_that_of_the_original_files():
    assert encode_idx(LABELS) == bytes.fromhex("00000801 00000005 03 01 04 01 05")


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gz"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x00", "too short"),
        (header(3) + b"\x01\x02", "has 10 bytes, expected exactly 11"),
        (header(3) + b"\x01\x02\x03\x04", "expected"),
        (header(1, zero=1) + b"\x01", "not an IDX file"),
        (header(1, type_code=7) + b"\x01", "not an IDX file"),
        (header(1, type_code=13) + b"\x01", "float32"),
        (header(2, 2) + b"1234", "2 dimensions"),
        (header(1, 1, 1, 1) + b"1", "4 dimensions"),
        (header(1, 1, dimensions=3), "ends inside its header"),
        (header(0), "empty"),
        (header(2, 0, 4), "empty"),
        (header(2**32 - 1, 2**32 - 1, 2**32 - 1), "more than"),
        (header(1 << 30), "expected exactly"),
    ],
)
def test_idx_malformed_file_is_refused(pack, content, message):
    with pytest.raises(DataError, match=rf"^f: .*{message}"):
        decode_idx(pack(content), "f")


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gz"])
def test_idx_truncated_anywhere_is_refused(pack):
    content = pack(encode_idx(IMAGES))
    for length in range(len(content)):
        with pytest.raises(DataError):
            decode_idx(content[:length], "f")


def test_idx_mutated_bytes_are_refused_or_read_as_they_are():
    rng = random.Random(1)
    original = encode_idx(IMAGES)
    for _ in range(3000):
        content = bytearray(original)
        for _ in range(rng.randint(1, 4)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        try:
            array = decode_idx(bytes(content), "f")
        except DataError:
            continue
        assert encode_idx(array) == content
