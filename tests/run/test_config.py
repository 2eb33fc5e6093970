"""The configuration of a run is the one that run.json records, or it is refused by whoever loads it."""

import re

import pytest

from mnistnn.errors import ConfigError, RunError
from mnistnn.run.config import load_run_config
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import read_record
from tests.faults.disk import watched


@pytest.fixture
def run(toy, start):
    return RunDirectory(start(toy, path="run").run.path)


def edit(run, pattern, by):
    text, times = re.subn(pattern, by, run.config.read_text())
    assert times
    run.config.write_text(text)


def test_configuration_of_a_run_is_the_one_that_was_trained(run):
    assert load_run_config(run).experiment.name == "toy"
    assert load_run_config(run, ["seed=5"]).experiment.seed == 5


def test_comments_and_layout_are_no_part_of_it(run):
    edit(run, "seed: 0", "seed:    0   # chosen by chance")
    assert load_run_config(run).experiment.seed == 0


def test_edited_configuration_is_refused_although_it_is_valid(run):
    edit(run, "seed: 0", "seed: 1")
    with pytest.raises(RunError, match=r"config\.yaml: altered: its SHA-256 is not the one in run\.json"):
        load_run_config(run)


def test_edited_value_is_not_excused_by_an_override_of_it(run):
    edit(run, "seed: 0", "seed: 1")
    with pytest.raises(RunError, match="altered"):
        load_run_config(run, ["seed=0"])


def test_configuration_from_before_a_resume_that_was_cut_off_is_taken(run):
    record = read_record(run)
    record.config_hash, record.status, record.resumed = "0" * 64, "running", 1
    record.write(run)
    assert load_run_config(run).experiment.seed == 0


@pytest.mark.parametrize(("status", "resumed"), [("finished", 1), ("running", 0)])
def test_another_digest_is_only_taken_while_a_resume_is_under_way(run, status, resumed):
    record = read_record(run)
    record.config_hash, record.status, record.resumed = "0" * 64, status, resumed
    record.write(run)
    with pytest.raises(RunError, match="altered"):
        load_run_config(run)


def test_record_that_was_read_before_is_not_read_again(run):
    record = read_record(run)
    run.record.unlink()
    assert load_run_config(run, record=record).experiment.seed == 0


def test_configuration_that_a_resume_changed_after_the_record_was_read_is_taken(run, command):
    record = read_record(run)
    assert command("resume", "run", "stopping.max_epochs.epochs=7", "-q").code == 0
    assert load_run_config(run, record=record).resolved["stopping"][0]["epochs"] == 7


def test_overrides_do_not_read_the_file_again(run):
    with watched(run.path) as disk:
        assert load_run_config(run, ["seed=5", "stopping.max_time.seconds=9"]).overrides[0] == "seed=5"
    assert [call.name for call in disk.calls] == ["config.yaml", "run.json"]


def test_mistaken_override_is_shown_as_such(run):
    with pytest.raises(
        ConfigError, match=r"(?s)command line: seed=x: expected .*\(in the place of the value at run/config\.yaml:\d+\)"
    ):
        load_run_config(run, ["seed=x"])


def test_mistakes_come_before_the_digest(run):
    edit(run, "seed: 0", "seeds: 0")
    with pytest.raises(RunError, match="unknown key 'seeds'"):
        load_run_config(run)


@pytest.mark.parametrize(
    "arguments",
    [
        ("resume", "run"),
        ("eval", "run", "--split", "valid"),
        ("train", "toy.yaml", "--run-dir", "run", "--resume", "auto"),
        ("refit", "run"),
        ("diff", "run", "run"),
        ("inspect", "summary", "run"),
    ],
)
def test_every_command_refuses_an_edited_configuration(run, command, arguments):
    edit(run, "units: 12", "units: 13")
    done = command(*arguments)
    assert done.code == 4
    assert "config.yaml: altered" in done.err
