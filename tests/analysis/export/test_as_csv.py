"""What was measured along training, as a table."""

import csv
import json
from pathlib import Path

import pytest

from mnistnn.errors import RunError
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import read_record


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_rows_are_those_of_the_metrics_with_seconds(toy, start, exported):
    start(toy)
    rows = rows_of(exported("csv").path)
    kept = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    assert [{key: float(row[key]) for key in kept[0]} for row in rows] == kept
    seconds = [float(row["seconds"]) for row in rows]
    assert 0 < seconds[0] < seconds[-1]
    assert sorted(seconds) == seconds
    assert list(rows[0])[:4] == ["run", "epoch", "updates", "examples"]


def test_several_runs_are_one_table(toy, start, exported):
    start(toy, "stopping.max_epochs.epochs=2", path="a")
    start(toy, "stopping.max_epochs.epochs=1", "data.validation_examples=0", "checkpoint.monitor=last", path="b")
    written = exported("csv", "a", "b")
    rows = rows_of(written.path)
    assert written.path == Path("metrics.csv")
    assert [row["run"] for row in rows] == ["a", "a", "b"]
    assert [bool(row["valid.error"]) for row in rows] == [True, True, False]


def test_runs_of_one_id_are_told_apart_by_their_paths(toy, start, exported):
    start(toy, "stopping.max_epochs.epochs=1", path="one/run")
    start(toy, "stopping.max_epochs.epochs=1", path="two/run")
    assert [row["run"] for row in rows_of(exported("csv", "one/run", "two/run").path)] == ["one/run", "two/run"]


def test_seconds_that_were_not_kept_are_empty(toy, start, exported):
    start(toy)
    Path("run/timing.jsonl").unlink()
    assert {row["seconds"] for row in rows_of(exported("csv").path)} == {""}


def test_hostile_id_stays_one_field(toy, start, exported):
    start(toy, "stopping.max_epochs.epochs=1")
    run = RunDirectory(Path("run"))
    record = read_record(run)
    record.id = '"a,b";\n\r\x1b[31m é'
    record.write(run)
    (row,) = rows_of(exported("csv").path)
    assert row["run"] == record.id
    assert row["epoch"] == "1"


def test_one_run_that_cannot_be_read_stops_all(toy, start, exported):
    start(toy, "stopping.max_epochs.epochs=1")
    start(toy, "stopping.max_epochs.epochs=1", path="torn")
    Path("torn/metrics.jsonl").write_text("{\n")
    with pytest.raises(RunError, match=r"torn/metrics\.jsonl"):
        exported("csv", "run", "torn")
    assert not Path("metrics.csv").exists()
