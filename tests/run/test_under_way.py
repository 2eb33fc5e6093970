"""How far a run is inside an epoch, as another process reads it: nothing is believed that cannot be."""

import dataclasses
import json

import pytest

from mnistnn.run import lock
from mnistnn.run.under_way import UnderWay, read_under_way
from mnistnn.run.view import RunView
from tests.run.test_view import mark_as_running

GOOD = UnderWay("", 7, 20, 63, "updates", 3, 10, 1234.5)


@pytest.fixture
def run(toy, start):
    """A run of 6 epochs of 10 updates each."""
    return start(toy).run


@pytest.fixture
def seen(run):
    """Return what a view tells of a run in training whose file has these values."""

    def look(**changes):
        run.progress.write_bytes(dataclasses.replace(GOOD, **changes).to_bytes())
        mark_as_running(run)
        with lock.exclusive(run):
            return RunView(run).under_way

    return look


def test_what_is_written_is_read(run):
    run.progress.write_bytes(GOOD.to_bytes())
    assert read_under_way(run) == GOOD


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 200,
        b"[]",
        b"{}",
        b"[" * 5000,
        GOOD.to_bytes()[:40],
        GOOD.to_bytes() * 100,
        *(json.dumps(dataclasses.asdict(GOOD) | wrong).encode() for wrong in (
            {"done": -1},
            {"done": "3"},
            {"done": True},
            {"done": 1.5},
            {"most": None},
            {"part": 3},
            {"counted": "x" * 201},
            {"examples_per_s": 1e999},
            {"examples_per_s": 10**400},
            {"most": 2**53 + 1},
        )),
    ],
)  # fmt: skip
def test_anything_else_tells_nothing(run, content):
    run.progress.write_bytes(content)
    assert read_under_way(run) is None


def test_file_that_is_not_there_tells_nothing(run):
    assert read_under_way(run) is None


def test_run_in_training_is_as_far_as_it_tells(seen):
    assert seen() == GOOD


@pytest.mark.parametrize("updates", [60, 31])
def test_what_was_told_before_the_newest_evaluation_is_not_news(seen, updates):
    assert seen(updates=updates) is None


def test_parts_of_the_next_update_are_news(seen):
    assert seen(updates=60, counted="line search") is not None


def test_phase_counts_updates_of_its_own(seen):
    assert seen(updates=1, part="1-first") is not None


def test_run_that_nobody_trains_is_nowhere(run):
    run.progress.write_bytes(GOOD.to_bytes())
    assert RunView(run).under_way is None
    mark_as_running(run)
    assert RunView(run).under_way is None
