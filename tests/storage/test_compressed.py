"""Decompression: whole, or refused, and never beyond a bound."""

import bz2
import gzip
import tracemalloc

import pytest

from mnistnn.errors import DataError
from mnistnn.storage.compressed import bunzip2, decompressed, decompressed_start, gunzip


def test_gunzip_returns_the_content():
    assert gunzip(gzip.compress(b"digits" * 100), 600, "f") == b"digits" * 100


def test_gunzip_joins_several_members():
    assert gunzip(gzip.compress(b"one") + gzip.compress(b"two"), 10, "f") == b"onetwo"


def test_gunzip_of_an_empty_file_is_an_error():
    with pytest.raises(DataError, match=r"f: the file is empty"):
        gunzip(b"", 10, "f")


def test_gunzip_refuses_trailing_garbage():
    with pytest.raises(DataError, match="damaged"):
        gunzip(gzip.compress(b"digits") + b"garbage", 100, "f")


def test_gunzip_refuses_truncation_at_every_byte():
    content = gzip.compress(b"some digits")
    for length in range(1, len(content)):
        with pytest.raises(DataError, match="too early"):
            gunzip(content[:length], 100, "f")


def test_gunzip_refuses_a_wrong_checksum():
    content = bytearray(gzip.compress(b"some digits"))
    content[-5] ^= 1
    with pytest.raises(DataError, match="damaged"):
        gunzip(bytes(content), 100, "f")


def test_gunzip_stops_a_bomb_at_the_bound():
    with pytest.raises(DataError, match="more than the expected 1000 bytes"):
        gunzip(gzip.compress(bytes(50_000_000)), 1000, "f")


# bzip2, and whichever it is.


def test_bunzip2_joins_streams_and_refuses_what_follows_them():
    packed = bz2.compress(b"first ") + bz2.compress(b"second")
    assert bunzip2(packed, 100, "f") == b"first second"
    with pytest.raises(DataError, match="f: the compressed data is damaged"):
        bunzip2(packed + b"more", 100, "f")


def test_bunzip2_of_a_truncated_file_is_refused():
    packed = bz2.compress(bytes(range(256)) * 40)
    for length in range(4, len(packed), 7):
        with pytest.raises(DataError, match="f: the compressed data ends too early"):
            bunzip2(packed[:length], 100_000, "f")


def test_bunzip2_stops_at_the_limit():
    packed = bz2.compress(bytes(50_000_000))
    assert len(packed) < 1000
    tracemalloc.start()
    with pytest.raises(DataError, match="more than the expected 1000 bytes"):
        bunzip2(packed, 1000, "f")
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 1_000_000


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_decompressed_is_known_by_its_first_bytes(pack):
    content = pack(b"digits" * 100)
    assert decompressed(content, 1000, "f") == b"digits" * 100
    assert decompressed_start(content, 9, "f") == b"digitsdig"
