"""Reads at a place, by many threads, with and without the call that takes a place."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from mnistnn.storage.positional import PositionalReader


@pytest.fixture(params=["with preadv", "without"])
def reader(request, tmp_path, monkeypatch):
    if request.param == "without":
        monkeypatch.delattr(os, "preadv")
    (tmp_path / "file").write_bytes(bytes(range(250)) * 40)
    with open(tmp_path / "file", "rb", buffering=0) as file:
        yield PositionalReader(file)


def test_threads_get_what_is_at_their_place(reader):
    def read(position: int) -> bytes:
        out = memoryview(bytearray(100))
        assert reader.read_into(out, position) == 100
        return bytes(out)

    places = list(range(0, 9900, 7)) * 3
    content = bytes(range(250)) * 40
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, places)) == [content[place : place + 100] for place in places]


def test_end_of_the_file_is_told(reader):
    out = memoryview(bytearray(100))
    assert reader.read_into(out, 9960) == 40
    assert bytes(out[:41]) == bytes(range(210, 250)) + b"\0"
    assert reader.read_into(out, 10_000) == 0
