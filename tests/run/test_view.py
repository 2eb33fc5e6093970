"""How a run stands, as read: running, dead, unreadable, which epoch is its best, and each file read at most once."""

import json
import shutil
from pathlib import Path

import pytest

from mnistnn.errors import RunError
from mnistnn.run import lock
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import read_record
from mnistnn.run.view import DEAD, RunView


@pytest.fixture
def run(toy, start):
    return start(toy).run


def mark_as_running(run):
    record = read_record(run)
    record.status, record.ended, record.best, record.best_epoch = "running", None, None, None
    record.write(run)


def test_finished_run_has_the_best_epoch_that_its_record_tells(run):
    found, record = RunView(run), read_record(run)
    assert (found.status, found.epochs, found.problem) == ("finished", 6, None)
    assert found.best == found.rows[int(record.best_epoch or 0) - 1] == record.best


def test_running_run_has_its_best_so_far(run):
    mark_as_running(run)
    with lock.exclusive(run):
        found = RunView(run)
        assert (found.status, found.is_over) == ("running", False)
    assert found.best is not None


def test_view_goes_on_saying_what_it_said(run):
    mark_as_running(run)
    with lock.exclusive(run):
        found = RunView(run)
        assert found.status == "running"
    run.metrics.unlink()
    run.config.unlink()
    assert (found.status, found.is_over) == ("running", False)


def test_run_without_a_process_is_dead(run):
    mark_as_running(run)
    assert RunView(run).status == DEAD == "dead (resumable)"


def test_run_that_ends_while_it_is_read_is_not_taken_for_dead(run, monkeypatch):
    ended = run.record.read_bytes()
    mark_as_running(run)

    def end_and_look(run):
        run.record.write_bytes(ended)
        return False

    monkeypatch.setattr("mnistnn.run.view.lock.is_held", end_and_look)
    found = RunView(run)
    assert (found.status, found.record.reason) == ("finished", "max_epochs: 6 epochs are done")


def test_run_whose_lock_was_held_is_not_over_although_it_has_ended(run):
    assert RunView(run).is_over
    assert not RunView(run, was_held=True).is_over


@pytest.mark.parametrize("text", ["", "{", '{"schema_version": 99}'])
def test_torn_record_is_a_problem(run, text):
    run.record.write_text(text)
    assert "run.json" in str(RunView(run).problem)


def test_damaged_metrics_are_a_problem(run):
    run.metrics.write_text('{"epoch": 1}\nrubbish\n')
    found = RunView(run)
    assert "metrics.jsonl:2" in str(found.problem)
    with pytest.raises(RunError, match=r"metrics\.jsonl:2"):
        _ = found.rows


def test_invalid_configuration_is_no_problem_until_it_is_asked_for(run):
    run.config.write_text("rubbish: true")
    found = RunView(run)
    assert found.problem is None
    with pytest.raises(RunError, match="rubbish"):
        _ = found.config


def test_edited_configuration_is_refused(run):
    run.config.write_text(run.config.read_text().replace("units: 12", "units: 13"))
    with pytest.raises(RunError, match=r"config\.yaml: altered"):
        _ = RunView(run).config


def test_run_that_was_never_evaluated_has_no_rows(run):
    run.metrics.unlink()
    found = RunView(run)
    assert (list(found.rows), found.epochs, found.last, found.best, found.evaluated_s) == ([], 0, None, None, None)


def test_rows_without_the_monitored_metric_have_no_best(run):
    run.metrics.write_text('{"epoch": 1}\n')
    found = RunView(run)
    assert (found.epochs, found.best) == (1, None)


def test_best_epoch_is_by_the_metric_that_the_run_monitors(run):
    record = read_record(run)
    record.monitor = "valid.loss"
    record.write(run)
    rows = [
        {"epoch": 1, "valid.error": 0.1, "valid.loss": 0.9},
        {"epoch": 2, "valid.error": 0.2, "valid.loss": 0.3},
        {"epoch": 3, "valid.error": 0.3, "valid.loss": 0.3},
    ]
    run.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = RunView(run)
    assert found.best is found.rows[1]


def test_evaluation_that_was_timed_twice_counts_as_it_was_last(run):
    run.metrics.write_text('{"epoch": 1}\n{"epoch": 2}\n')
    run.timing.write_text('{"epoch": 1, "seconds": 5}\n{"epoch": 2, "seconds": 7}\n{"epoch": 2, "seconds": 1.5}\n')
    assert RunView(run).seconds == [5, 6.5]


def test_run_without_all_its_timing_has_no_seconds(run):
    run.timing.write_text('{"epoch": 2, "seconds": 7}\n')
    assert RunView(run).seconds is None


def test_checkpoints_are_newest_first(run):
    names = [path.name for path in RunView(run).checkpoints]
    assert names == ["step-0000000060.safetensors", "step-0000000050.safetensors"]


def test_phases_are_views_of_their_own_in_order(run):
    for name in ("2-second", "1-first"):
        shutil.copytree(run.path, Path("phases") / name)
    Path("phases").rename(run.phases)
    phases = RunView(run).phases
    assert [phase.run.path.name for phase in phases] == ["1-first", "2-second"]
    assert [phase.epochs for phase in phases] == [6, 6]


def test_folder_that_is_no_run_is_a_problem(tmp_path):
    found = RunView(RunDirectory(tmp_path))
    assert "run.json" in str(found.problem)
    with pytest.raises(RunError, match=r"run\.json"):
        _ = found.status


def test_what_has_not_changed_is_taken_from_the_view_before(run):
    before, now = RunView(run), RunView(run)
    config, rows = before.config, before.rows
    now.take_unchanged(before)
    assert (now.config is config, now.rows is rows) == (True, True)


def test_what_has_changed_is_read_again(run):
    before = RunView(run)
    _ = before.config, before.rows
    run.metrics.write_text('{"epoch": 1}\n')
    record = read_record(run)
    record.config_hash, record.status, record.resumed = "0" * 64, "running", 1
    record.write(run)
    now = RunView(run)
    now.take_unchanged(before)
    assert len(now.rows) == 1
    assert now.loaded is not before.loaded
