"""metrics.jsonl: rows in order, cut back to a checkpoint, and never anything that is not a number."""

import json
import math
import os
from contextlib import closing

import pytest

from mnistnn.errors import ResourceError, RunError
from mnistnn.run.metrics import MetricsFile, metrics_in, parse_rows, read_on, read_rows


def row(epoch):
    return {"epoch": epoch, "valid.error": 1 / (3 + epoch)}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics.jsonl"


@pytest.fixture
def metrics(path):
    file = MetricsFile(path)
    yield file
    file.close()


@pytest.fixture
def saved(path):
    """Three rows in the file, and the position after the second."""
    with closing(MetricsFile(path)) as file:
        file.append(row(1))
        file.append(row(2))
        position = file.bytes, file.sha256
        file.append(row(3))
    return position


def test_rows_are_lines_of_json_in_order(metrics, path):
    for epoch in (1, 2, 3):
        metrics.append(row(epoch))
    assert [json.loads(line) for line in path.read_text().splitlines()] == [row(1), row(2), row(3)]


def test_numbers_come_back_with_every_bit(metrics, path):
    value = {"epoch": 1, "a": 0.1 + 0.2, "b": math.pi * 1e-300, "c": -0.0, "d": 2**53 + 1}
    metrics.append(value)
    read = read_rows(path)[0]
    assert list(map(repr, read.values())) == list(map(repr, value.values()))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_a_number_is_never_written(metrics, path, value):
    with pytest.raises(ValueError, match="JSON compliant"):
        metrics.append({"epoch": 1, "train.loss": value})
    assert path.read_bytes() == b""


def test_length_and_digest_follow_the_file(metrics, path):
    metrics.append(row(1))
    first = metrics.sha256
    metrics.append(row(2))
    assert metrics.bytes == path.stat().st_size
    assert metrics.sha256 != first


def test_longer_file_is_cut_back_to_the_checkpoint(path, saved, metrics):
    assert metrics.cut_back(*saved) == [row(1), row(2)]
    metrics.append(row(3))
    assert read_rows(path) == [row(1), row(2), row(3)]
    assert metrics.bytes == path.stat().st_size


def test_half_a_row_after_the_checkpoint_is_cut_off(path, saved, metrics):
    os.truncate(path, path.stat().st_size - 7)
    assert len(metrics.cut_back(*saved)) == 2
    assert path.stat().st_size == saved[0]


def test_cut_back_file_has_the_digest_of_one_never_longer(saved, metrics, tmp_path):
    metrics.cut_back(*saved)
    metrics.append(row(7))
    with closing(MetricsFile(tmp_path / "other")) as other:
        for epoch in (1, 2, 7):
            other.append(row(epoch))
    assert (metrics.bytes, metrics.sha256) == (other.bytes, other.sha256)


def test_shorter_file_is_refused_and_left_alone(path, saved, metrics):
    os.truncate(path, saved[0] - 1)
    with pytest.raises(RunError, match=f"{saved[0] - 1} bytes, but the checkpoint was saved at {saved[0]}"):
        metrics.cut_back(*saved)
    assert path.stat().st_size == saved[0] - 1


def test_every_altered_byte_before_the_checkpoint_is_refused(path, saved, metrics):
    content = path.read_bytes()
    for position in range(saved[0]):
        altered = bytearray(content)
        altered[position] ^= 1
        path.write_bytes(altered)
        with pytest.raises(RunError, match="altered since the checkpoint was saved"):
            metrics.cut_back(*saved)
        assert path.read_bytes() == altered


def test_row_that_is_still_being_written_is_left_out(path, saved):
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"epoch": 4, "val')
    assert len(read_rows(path)) == 3


def test_row_from_inside_an_epoch_is_a_row(path):
    path.write_bytes(b'{"epoch": 0.25}\n{"epoch": 1}\n')
    assert [row["epoch"] for row in read_rows(path)] == [0.25, 1]


def test_missing_file_has_no_rows(path):
    assert read_rows(path) == []


@pytest.mark.parametrize(
    "line",
    [
        b'{"epoch": 1, "a": NaN}',
        b'{"epoch": 1, "a": Infinity}',
        b'{"epoch": 1, "a": 1e999}',
        b'{"epoch": 1, "a": true}',
        b'{"epoch": 1, "a": null}',
        b'{"epoch": 1, "a": "0.1"}',
        b'{"epoch": 1, "a": [1]}',
        b'{"a": 1}',
        b"[1]",
        b"",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"epoch": ' + b"9" * 5000 + b"}",
    ],
)
def test_line_that_is_no_row_is_refused_with_its_number(path, line):
    with pytest.raises(RunError, match=r"metrics\.jsonl:2: not "):
        parse_rows(b'{"epoch": 1}\n' + line + b"\n", path)


def test_unwritable_place_is_a_resource_error(tmp_path):
    with pytest.raises(ResourceError, match=r"gone/metrics\.jsonl"):
        MetricsFile(tmp_path / "gone" / "metrics.jsonl")


def test_of_a_file_that_has_grown_only_what_is_new_is_parsed(path, monkeypatch):
    path.write_text('{"epoch": 1}\n{"epoch": 2}\n')
    before = read_on(path)
    with path.open("a") as file:
        file.write('{"epoch": 3}\n{"ep')
    parsed = []

    def parse(*given):
        parsed.append(given)
        return parse_rows(*given)

    monkeypatch.setattr("mnistnn.run.metrics.parse_rows", parse)
    found = read_on(path, before)
    assert [row["epoch"] for row in found.rows] == [1, 2, 3]
    assert found.rows[:2] == before.rows
    assert parsed == [(b'{"epoch": 3}\n', path, 3)]
    assert (found.taken, before.rows) == (2, [{"epoch": 1}, {"epoch": 2}])
    assert read_on(path).sha256 == found.sha256


@pytest.mark.parametrize(
    "text",
    ['{"epoch": 1}\n{"epoch": 5}\n{"epoch": 6}\n', '{"epoch": 9}\n{"epoch": 2}\n{"epoch": 3}\n', '{"epoch": 1}\n', ""],
)
def test_file_that_was_changed_is_read_anew(path, text):
    path.write_text('{"epoch": 1}\n{"epoch": 2}\n')
    before = read_on(path)
    path.write_text(text)
    found = read_on(path, before)
    assert (found.rows, found.taken) == (read_rows(path), 0)


def test_line_of_a_grown_file_that_is_no_row_is_named_by_its_number(path):
    path.write_text('{"epoch": 1}\n{"epoch": 2}\n')
    before = read_on(path)
    with path.open("a") as file:
        file.write('{"epoch": 3}\nnonsense\n')
    with pytest.raises(RunError, match=":4: not strict JSON"):
        read_on(path, before)


def test_metrics_are_named_in_the_order_in_which_they_come():
    rows = [{"epoch": 1, "b": 1.0}, {"epoch": 2, "updates": 5, "b": 1.0, "a": 2.0}, {"c": 1.0, "epoch": 3}]
    assert metrics_in(rows) == ["b", "a", "c"]
