"""run.json: what goes in comes out, and anything else is refused by name."""

import json
from dataclasses import asdict

import pytest

from mnistnn.errors import RunError
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import RunRecord, read_record


@pytest.fixture
def run(tmp_path):
    return RunDirectory(tmp_path)


@pytest.fixture
def record():
    return RunRecord(
        id="20250101-000000-abcd",
        name="toy",
        status="finished",
        config_hash="0" * 64,
        monitor="valid.error",
        started="2025-01-01T00:00:00+00:00",
        threads=2,
        ended="2025-01-01T00:01:00+00:00",
        seconds=59.5,
        reason="max_epochs: 3 epochs are done",
        exit_code=0,
        best_epoch=2,
        best={"epoch": 2, "valid.error": 0.125},
        resumed=1,
    )


def test_record_comes_back_as_it_was_written(run, record):
    record.write(run)
    assert read_record(run) == record


def test_numbers_keep_their_kind(run, record):
    record.write(run)
    assert json.loads(run.record.read_text())["best"]["epoch"] == 2
    assert repr(read_record(run).best) == "{'epoch': 2, 'valid.error': 0.125}"


def test_missing_record_is_refused(run):
    with pytest.raises(RunError, match=r"run\.json: No such file"):
        read_record(run)


def test_every_torn_record_is_refused(run, record):
    record.write(run)
    whole = run.record.read_bytes().rstrip()
    for length in range(len(whole)):
        run.record.write_bytes(whole[:length])
        with pytest.raises(RunError, match=r"run\.json: "):
            read_record(run)


def test_newer_format_is_refused_by_number(run, record):
    run.record.write_text(json.dumps({**asdict(record), "schema_version": 2, "new": True}))
    with pytest.raises(RunError, match="format 2; this mnistnn reads format 1"):
        read_record(run)


@pytest.mark.parametrize(
    ("key", "value"),
    [("status", "sleeping"), ("threads", "2"), ("seconds", None), ("best", {"epoch": "two"}), ("surprise", 1)],
)
def test_wrong_field_is_refused_by_name(run, record, key, value):
    run.record.write_text(json.dumps({**asdict(record), key: value}))
    with pytest.raises(RunError, match=rf"run\.json: {key}"):
        read_record(run)


def test_missing_field_is_refused_by_name(run, record):
    fields = asdict(record)
    del fields["started"]
    run.record.write_text(json.dumps(fields))
    with pytest.raises(RunError, match="started"):
        read_record(run)


@pytest.mark.parametrize("text", ["[]", "3", '"text"', "[" * 100_000, "\xff\xfe", '{"schema_version": 1}'])
def test_anything_else_is_refused(run, text):
    run.record.write_bytes(text.encode("latin-1"))
    with pytest.raises(RunError, match=r"run\.json: "):
        read_record(run)
