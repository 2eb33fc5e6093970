"""A disk that fails only where a run tells how far it is: nobody who trains notices."""

import math

import pytest

from mnistnn.runner import progress_file
from tests.faults.disk import ERRNOS, watched
from tests.faults.trials import check_verifies, command, committed

NAME = "progress.json"


@pytest.fixture
def often(short_train, monkeypatch):
    """A training that tells after each update; the calls to the disk of which are about that."""
    monkeypatch.setattr(progress_file, "EVERY_S", 0.0)
    monkeypatch.setattr(progress_file, "_SHARE", math.inf)
    monkeypatch.setattr(progress_file, "_AGAIN_S", 0.0)
    return short_train


def calls_of(scenario, work):
    work.mkdir()
    with committed(), watched(work) as disk:
        disk.arm(0, "once")
        assert command(*scenario.first(work)).code == 0
        return list(disk.calls)


@pytest.mark.parametrize("number", ERRNOS)
def test_training_goes_on_though_it_cannot_tell_how_far_it_is(often, tmp_path, number):
    calls = calls_of(often, tmp_path / "all")
    about = [at for at, call in enumerate(calls, 1) if NAME in call.name]
    assert {calls[at - 1].step for at in about} >= {"open", "write", "close", "replace", "unlink"}
    assert all(call.step != "fsync" for call in calls if NAME in call.name)
    for at in about:
        work = tmp_path / f"{number}-{at}"
        work.mkdir()
        with committed(), watched(work) as disk:
            disk.arm(at, "once", number)
            done = command(*often.first(work))
            assert disk.heal()
        assert (done.code, done.err) == (0, ""), calls[at - 1]
        often.check_end(work)
        assert not list((work / "run").glob("*.tmp"))


@pytest.mark.parametrize("mode", ["killed", "power cut"])
def test_run_that_dies_while_it_tells_goes_on_to_the_same_bits(often, tmp_path, mode):
    calls = calls_of(often, tmp_path / "all")
    about = [at for at, call in enumerate(calls, 1) if NAME in call.name]
    for at in about:
        work = tmp_path / f"{mode}-{at}"
        work.mkdir()
        with committed(), watched(work) as disk:
            disk.arm(at, mode)
            assert command(*often.first(work)).code is None
            assert disk.heal()
        check_verifies(work / "run")
        with committed():
            assert command(*often.again(work)).code == 0
        often.check_end(work)
        assert not list((work / "run").glob("*.tmp"))
