"""Runs that are looked at while they are trained. What happens between two looks is put where the waiting would be."""

import json
import os
from pathlib import Path

import pytest

from mnistnn.errors import RunError
from mnistnn.run.directory import RunDirectory
from mnistnn.run.live import current_view, ends, follow, metric_to_show, what_ends
from mnistnn.run.metrics import read_on
from mnistnn.run.record import read_record
from mnistnn.stopping.course import CoursePatience
from mnistnn.stopping.limits import MaxEpochs, MaxTime, MaxUpdates, Target
from mnistnn.stopping.lisa import LisaPatience


def rows_seen(run):
    return [len(seen.rows) for seen in follow(run)]


def test_run_is_followed_to_its_end(trainer, meanwhile):
    meanwhile(
        lambda: trainer.have(3),
        lambda: trainer.have(6),
        lambda: trainer.record("finished", "max_epochs: 6 epochs are done"),
        trainer.die,
    )
    states = list(follow(trainer.run))
    assert [len(seen.rows) for seen in states] == [2, 3, 6, 6, 6]
    assert [seen.status for seen in states] == ["running"] * 3 + ["finished"] * 2
    assert [seen.is_over for seen in states] == [False] * 4 + [True]
    assert [ends(seen) for seen in states] == ["after epoch 6"] * 4 + [""]


def test_run_that_has_ended_is_seen_once(trainer, meanwhile):
    meanwhile()
    trainer.record("finished", None)
    trainer.die()
    (seen,) = follow(trainer.run)
    assert (seen.status, seen.is_over) == ("finished", True)


def test_dead_run_is_told_from_one_that_runs(trainer, meanwhile):
    meanwhile(trainer.die)
    assert [seen.status for seen in follow(trainer.run)] == ["running", "dead (resumable)"]


def test_row_that_is_being_written_is_left_out_until_it_is_whole(trainer, meanwhile):
    meanwhile(lambda: trainer.have(2, torn=30), lambda: trainer.have(3), trainer.die)
    assert rows_seen(trainer.run) == [2, 2, 3, 3]


def test_file_may_be_cut_back_and_grow_to_the_same_length_again(trainer, meanwhile):
    def cut_back_and_grow():
        size, changed = os.stat(trainer.run.metrics).st_size, trainer.lines[1].replace("0.2", "0.3", 1)
        trainer.run.metrics.write_text(trainer.lines[0] + changed)
        os.utime(trainer.run.metrics)
        assert os.stat(trainer.run.metrics).st_size == size

    meanwhile(lambda: trainer.have(1), lambda: trainer.have(2), cut_back_and_grow, trainer.die)
    states = list(follow(trainer.run))
    assert [len(seen.rows) for seen in states] == [2, 1, 2, 2, 2]
    assert states[2].rows != states[3].rows


def test_run_may_have_no_rows_yet_and_no_file(trainer, meanwhile):
    trainer.run.metrics.unlink()
    meanwhile(lambda: trainer.have(0), lambda: trainer.have(1), trainer.die)
    states = list(follow(trainer.run))
    assert [len(seen.rows) for seen in states] == [0, 0, 1, 1]
    assert [seen.evaluated_s is None for seen in states] == [True, True, False, False]
    assert states[0].best is None


def test_run_that_a_resume_prepares_is_not_over(trainer, meanwhile):
    trainer.record("interrupted", "interrupted in epoch 3")
    meanwhile(lambda: trainer.record("running", None), trainer.die)
    assert [seen.status for seen in follow(trainer.run)] == ["interrupted", "running", "dead (resumable)"]


def test_unchanged_files_are_not_read_again(trainer, meanwhile, monkeypatch):
    reads = []

    def read(path, before):
        reads.append(path)
        return read_on(path, before)

    monkeypatch.setattr("mnistnn.run.view.read_on", read)
    meanwhile(*[lambda: None] * 20, lambda: trainer.have(3), trainer.die)
    list(follow(trainer.run))
    assert len(reads) == 2


def test_file_that_is_damaged_meanwhile_is_an_error(trainer, meanwhile):
    meanwhile(lambda: trainer.run.metrics.write_text("rubbish\n"))
    with pytest.raises(RunError, match=r"metrics\.jsonl:1"):
        list(follow(trainer.run))


def test_configuration_that_was_edited_is_not_told_what_ends_it(trainer):
    trainer.run.config.write_text(trainer.run.config.read_text().replace("epochs: 6", "epochs: 9"))
    assert ends(current_view(trainer.run)) == ""


def test_time_of_the_last_row_is_that_of_the_file(trainer):
    os.utime(trainer.run.metrics, (1000, 1234))
    assert current_view(trainer.run).evaluated_s == 1234


def test_following_leaves_the_run_as_it_is(trainer, everything_below):
    before = everything_below(trainer.run.path)
    current_view(trainer.run)
    assert everything_below(trainer.run.path) == before


@pytest.mark.parametrize(
    ("policies", "words"),
    [
        ([MaxEpochs(epochs=30), MaxEpochs(epochs=20)], "after epoch 20"),
        ([CoursePatience(), MaxEpochs(epochs=1000)], "after epoch 1,000, or by course_patience"),
        ([MaxUpdates(updates=5000), MaxTime(seconds=90)], "at update 5,000, or after 90 s of training"),
        ([LisaPatience(updates=100), Target(value=0.01)], "at update 399 unless it improves, or by target"),
    ],
)
def test_what_will_end_a_run_is_said_as_far_as_it_is_known(policies, words):
    history = [{"epoch": 1, "updates": 200, "valid.error": 0.5}]
    assert what_ends(policies, history) == words


def test_policies_are_not_asked_about_rows_that_they_cannot_read():
    assert what_ends([LisaPatience()], [{"epoch": 1}]) == "by lisa_patience"


def test_metric_that_is_shown_is_what_the_run_monitors_or_a_usual_one(trainer):
    record = read_record(trainer.run)
    row = json.loads(trainer.lines[0])
    assert metric_to_show(record, [row]) == "valid.error"
    record.monitor = "last"
    assert metric_to_show(record, [{"epoch": 1, "norm": 2, "train.loss": 1}]) == "train.loss"
    assert metric_to_show(record, [{"epoch": 1, "norm": 2}]) == "norm"
    assert metric_to_show(record, []) is None


def test_folder_that_is_no_run_is_an_error(tmp_path):
    with pytest.raises(RunError, match=r"run\.json"):
        current_view(RunDirectory(Path(tmp_path)))
