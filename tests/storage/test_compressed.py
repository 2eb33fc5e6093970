"""Decompression: whole, or refused, and never beyond a bound."""

import gzip

import pytest

from mnistnn.errors import DataError
from mnistnn.storage.compressed import gunzip


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
