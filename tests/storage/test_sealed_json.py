"""JSON files with a digest: what goes in comes out, and an altered value is refused."""

import json

import pytest

from mnistnn.errors import RunError
from mnistnn.storage.sealed_json import seal_json, unseal_json

CONTENT = {"schema_version": 3, "name": "ä", "values": [1, 2.5, -0.0, 1e-300], "inner": {"b": None, "a": True}}


def unseal(text, version=3):
    return unseal_json(text, "f", "a thing", version)


def test_values_come_back_in_their_order_without_the_digest():
    found = unseal(seal_json(CONTENT))
    assert json.dumps(found) == json.dumps(CONTENT)


def test_layout_is_no_part_of_what_is_sealed():
    assert unseal(json.dumps(json.loads(seal_json(CONTENT))).encode()) == CONTENT


def test_every_changed_byte_changes_nothing_or_is_refused():
    text = seal_json(CONTENT)
    for position in range(len(text)):
        altered = bytearray(text)
        altered[position] ^= 1
        try:
            found = unseal(bytes(altered))
        except RunError:
            continue
        assert json.dumps(found) == json.dumps(CONTENT), position


def test_every_truncation_is_refused():
    text = seal_json(CONTENT).rstrip()
    for length in range(len(text)):
        with pytest.raises(RunError, match=r"^f: "):
            unseal(text[:length])


def test_file_of_an_earlier_version_without_digest_is_read():
    assert unseal(json.dumps(CONTENT).encode()) == CONTENT


@pytest.mark.parametrize("version", [2, 4, "3", None, 3.0, True])
def test_other_format_is_refused_by_number(version):
    with pytest.raises(RunError, match=r"f: format .*; this mnistnn reads format 3"):
        unseal(seal_json({**CONTENT, "schema_version": version}))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "3", "{", "[" * 100_000, '{"schema_version": 3, "x": NaN}', '{"schema_version": 3, "x": 1e999}'],
)
def test_what_is_no_such_file_is_refused(text):
    with pytest.raises(RunError, match=r"^f: "):
        unseal(text.encode())


def test_deeply_nested_number_of_the_format_is_refused():
    for depth in range(900, 1100, 5):
        with pytest.raises(RunError, match=r"^f: "):
            unseal(b'{"schema_version": ' + b"[" * depth + b"]" * depth + b"}")


def test_key_given_twice_is_refused():
    with pytest.raises(RunError, match="a key is given twice"):
        unseal(b'{"schema_version": 3, "x": 1, "x": 2}')


def test_number_that_is_none_is_not_written():
    with pytest.raises(ValueError, match="JSON"):
        seal_json({**CONTENT, "x": float("nan")})
