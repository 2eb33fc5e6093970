"""progress.json: what it says while a run is trained, how seldom it is written, and that training does not mind it."""

import json
import math
import os
from pathlib import Path

import pytest

from mnistnn.analysis.verification.verify import verify
from mnistnn.config.load import load_experiment
from mnistnn.experiment.plan import Plan
from mnistnn.run import under_way
from mnistnn.run.directory import RunDirectory
from mnistnn.runner import progress_file
from mnistnn.runner.progress_file import EVERY_S, ProgressFile
from mnistnn.storage.writing import write_atomically


@pytest.fixture
def clock(monkeypatch):
    """The time that the file is written by: a list of one number."""
    now = [100.0]
    monkeypatch.setattr(progress_file, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def told(monkeypatch):
    """All that is written, as often as can be."""
    found = []
    really = write_atomically

    def write(path, content, forced):
        assert not forced
        really(path, content, forced)
        found.append((path, json.loads(content)))

    monkeypatch.setattr(progress_file, "EVERY_S", 0.0)
    monkeypatch.setattr(progress_file, "_SHARE", math.inf)
    monkeypatch.setattr(progress_file, "write_atomically", write)
    return found


@pytest.fixture
def followed(toy, clock):
    """A training of ten updates an epoch, and the file that follows it from its beginning."""
    t = Plan(load_experiment(toy)).training()
    Path("run").mkdir()
    file = ProgressFile(RunDirectory(Path("run")))
    file.start(t, 10, 6)

    def go_on(seconds, updates=1):
        clock[0] += seconds
        for _ in range(updates):
            t.progress.updates += 1
            t.progress.examples += 30
            t.progress.epoch, t.progress.batch = divmod(t.progress.updates, 10)
        file.after_update(t)
        return under_way.read_under_way(RunDirectory(Path("run")))

    return file, go_on


def test_it_says_how_far_the_epoch_is(followed):
    _, go_on = followed
    found = go_on(2.0, 3)
    assert (found.epoch, found.epochs, found.updates, found.counted) == (1, 6, 3, "updates")
    assert (found.done, found.most, found.examples_per_s) == (3, 10, 45.0)


def test_speed_is_that_since_it_was_told_last(followed):
    _, go_on = followed
    go_on(2.0, 3)
    assert go_on(1.0, 4).examples_per_s == 120.0


def test_nothing_is_written_more_than_twice_a_second(followed):
    _, go_on = followed
    assert go_on(EVERY_S).done == 1
    assert go_on(0.9 * EVERY_S).done == 1
    assert go_on(0.2 * EVERY_S).done == 3


def test_short_epochs_write_nothing(followed):
    _, go_on = followed
    for _ in range(50):
        assert go_on(0.9 * EVERY_S, 5) is None


def test_parts_of_a_long_update_are_counted(followed):
    file, go_on = followed
    go_on(0.1, 10)
    file.inside_update("line search", 1, 20)
    assert not Path("run/progress.json").exists()
    go_on(EVERY_S, 1)
    file.inside_update("line search", 7, None)
    found = go_on(0.0)
    assert (found.counted, found.done) == ("updates", 1)
    assert go_on(2 * EVERY_S).counted == "updates"


def test_slow_disk_is_written_to_more_seldom(followed, clock, monkeypatch):
    _, go_on = followed
    really = write_atomically

    def write(*arguments, **settings):
        clock[0] += 0.1
        really(*arguments, **settings)

    monkeypatch.setattr(progress_file, "write_atomically", write)
    assert go_on(EVERY_S).done == 1
    assert go_on(9.0).done == 1
    assert go_on(1.0).done == 3


def test_disk_that_refuses_is_left_alone_for_a_while(followed):
    _, go_on = followed
    Path("run/progress.json").mkdir()
    assert go_on(EVERY_S) is None
    Path("run/progress.json").rmdir()
    assert go_on(20.0) is None
    assert go_on(20.0).done == 3


def test_what_a_killed_process_left_goes(toy, clock):
    Path("run").mkdir()
    Path("run/progress.json").write_text("{}")
    ProgressFile(RunDirectory(Path("run"))).start(Plan(load_experiment(toy)).training(), 10, 6)
    assert not Path("run/progress.json").exists()


def test_run_tells_and_takes_it_away_in_the_end(toy, start, told):
    run = start(toy).run
    assert not run.progress.exists()
    assert {path for path, _ in told} == {run.progress}
    assert [each["epoch"] for _, each in told] == sorted(each["epoch"] for _, each in told)
    assert {each["most"] for _, each in told} == {10}
    assert not verify(run).problems


def test_result_is_the_same_with_and_without_it(toy, start, told):
    start(toy, path="told")
    assert told
    told.clear()
    progress_file.EVERY_S = math.inf
    start(toy, path="silent")
    assert not told
    assert Path("told/metrics.jsonl").read_bytes() == Path("silent/metrics.jsonl").read_bytes()


def test_rounds_tell_how_far_they_are(pairs, start, told):
    start(pairs)
    assert {each["counted"] for _, each in told} - {"updates"}


def test_phases_tell_in_the_folder_of_the_whole(toy, start, told):
    belief = toy.with_name("belief.yaml")
    belief.write_text(
        "name: belief\n"
        "data: {dataset: toy, validation_examples: 60}\n"
        "model:\n  type: sequential\n  layers:\n"
        "    first: {type: dense, units: 6, activation: sigmoid}\n    classes: {type: dense, units: 4}\n"
        "pretrain:\n  - layer: first\n    batches: {size: 50}\n    optimizer: {type: sgd, learning_rate: 0.1}\n"
        "    stopping: [{type: max_epochs, epochs: 1}]\n"
        "batches: {size: 50}\noptimizer: {type: sgd, learning_rate: 0.1}\nstopping: [{type: max_epochs, epochs: 1}]\n"
    )
    run = start(belief).run
    assert {path for path, _ in told} == {run.progress}
    assert list(dict.fromkeys(each["part"] for _, each in told)) == ["1-first", ""]
    assert not run.progress.exists()


@pytest.mark.parametrize("lies_there", ["a link", "a folder", "a pipe"])
def test_run_is_trained_whatever_lies_in_its_place(toy, start, lies_there, monkeypatch, told):
    really = ProgressFile.start

    def begin(self, *arguments):
        really(self, *arguments)
        place = Path("run/progress.json")
        Path("outside").write_text("kept")
        {
            "a link": lambda: place.symlink_to(Path("outside").resolve()),
            "a folder": place.mkdir,
            "a pipe": lambda: os.mkfifo(place),
        }[lies_there]()

    monkeypatch.setattr(ProgressFile, "start", begin)
    assert start(toy).record.status == "finished"
    assert Path("outside").read_text() == "kept"
