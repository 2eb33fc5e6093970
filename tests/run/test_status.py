"""How runs stand: running, dead, unreadable, and which epoch is their best."""

import json
from pathlib import Path

import pytest

from mnistnn.run import lock
from mnistnn.run.record import read_record
from mnistnn.run.status import DEAD, UNREADABLE, describe_run, list_runs

RUNS = Path("runs")


@pytest.fixture
def run(toy, start):
    return start(toy, path=RUNS / "toy" / "20250101-000000-abcd").run


def mark_as_running(run):
    record = read_record(run)
    record.status, record.ended, record.best, record.best_epoch = "running", None, None, None
    record.write(run)


def test_finished_run_is_listed_with_its_best_epoch(run):
    (listed,) = list_runs(RUNS)
    record = read_record(run)
    assert (listed.id, listed.name, listed.status, listed.epochs) == ("20250101-000000-abcd", "toy", "finished", 6)
    assert record.best is not None
    assert (listed.best_epoch, listed.valid_error) == (record.best_epoch, record.best["valid.error"])


def test_running_run_is_listed_as_running_with_its_best_so_far(run):
    mark_as_running(run)
    with lock.exclusive(run):
        (listed,) = list_runs(RUNS)
    assert listed.status == "running"
    assert listed.best_epoch is not None


def test_run_without_a_process_is_listed_as_dead(run):
    mark_as_running(run)
    assert list_runs(RUNS)[0].status == DEAD == "dead (resumable)"
    assert describe_run(run)["status"] == DEAD


@pytest.mark.parametrize("text", ["", "{", '{"schema_version": 99}'])
def test_torn_record_is_listed_as_unreadable_with_the_reason(run, text):
    run.record.write_text(text)
    (listed,) = list_runs(RUNS)
    assert (listed.status, listed.name, listed.epochs) == (UNREADABLE, "toy", None)
    assert "run.json" in str(listed.problem)


def test_damaged_metrics_are_listed_as_unreadable(run):
    run.metrics.write_text('{"epoch": 1}\nrubbish\n')
    assert "metrics.jsonl:2" in str(list_runs(RUNS)[0].problem)


def test_rows_without_the_monitored_figure_have_no_best(run):
    run.metrics.write_text('{"epoch": 1}\n')
    (listed,) = list_runs(RUNS)
    assert (listed.epochs, listed.best_epoch, listed.valid_error) == (1, None, None)


def test_best_epoch_is_by_the_figure_that_the_run_monitors(run):
    record = read_record(run)
    record.monitor = "valid.loss"
    record.write(run)
    rows = [
        {"epoch": 1, "valid.error": 0.1, "valid.loss": 0.9},
        {"epoch": 2, "valid.error": 0.2, "valid.loss": 0.3},
        {"epoch": 3, "valid.error": 0.3, "valid.loss": 0.3},
    ]
    run.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (listed,) = list_runs(RUNS)
    assert (listed.best_epoch, listed.valid_error) == (2, 0.2)
    assert describe_run(run)["best"] == rows[1]


def test_folder_without_a_record_is_no_run(run):
    (RUNS / "toy" / "empty").mkdir()
    assert len(list_runs(RUNS)) == 1


def test_renamed_run_is_listed_under_the_name_by_which_it_can_be_found(run):
    run.path.rename(run.path.with_name("keep"))
    assert list_runs(RUNS)[0].id == "keep"


def test_description_holds_rows_and_checkpoints(run):
    described = describe_run(run)
    assert [row["epoch"] for row in described["rows"]] == [1, 2, 3, 4, 5, 6]
    assert described["last"] == described["rows"][-1]
    assert described["checkpoints"] == ["step-0000000060.safetensors", "step-0000000050.safetensors"]
    assert described["schema_version"] == 1
