"""`mnistnn rm`."""

import os
from pathlib import Path

import pytest

from mnistnn.run import lock
from mnistnn.run.directory import RunDirectory


@pytest.fixture
def trained(toy, command):
    """Train two runs of one epoch; return their directories."""

    def train(count: int = 2) -> list[Path]:
        for seed in range(count):
            assert command("train", toy, "--epochs", "1", "--seed", str(seed), "-q").code == 0
        return sorted(Path("runs/toy").iterdir(), key=lambda path: (path / "run.json").stat().st_mtime_ns)

    return train


def test_run_is_removed_and_latest_names_what_is_left(trained, command):
    first, second = trained()
    done = command("rm", second, "--yes")
    assert (done.code, done.err) == (0, f"removed {second}\n")
    assert [*Path("runs/toy").iterdir()] == [first]
    assert Path("runs/latest").resolve() == first.resolve()


def test_last_run_leaves_no_folder_and_no_link(trained, command):
    (only,) = trained(1)
    assert command("rm", "latest", "--yes").code == 0
    assert not only.parent.exists()
    assert not os.path.lexists("runs/latest")


def test_nobody_to_ask_means_nothing_is_removed(trained, command):
    first, _ = trained()
    done = command("rm", first)
    assert done.code == 2
    assert "--yes removes without asking" in done.err
    assert first.is_dir()


def test_one_that_is_not_there_keeps_the_others(trained, command):
    first, _ = trained()
    assert command("rm", first, "gone", "--yes").code == 4
    assert first.is_dir()


def test_run_that_is_named_twice_is_removed_once(trained, command):
    first, second = trained()
    assert command("rm", "latest", second, second.name, "--yes").code == 0
    assert [*Path("runs/toy").iterdir()] == [first]


def test_run_in_use_is_refused(trained, command):
    first, _ = trained()
    with lock.exclusive(RunDirectory(first)):
        assert command("rm", first, "--yes").code == 7
    assert first.is_dir()


def test_part_of_another_run_is_refused(committee, command):
    assert command("train", committee, "--run-dir", "whole", "-q").code == 0
    done = command("rm", "whole/members/001", "--yes")
    assert done.code == 2
    assert "is a part of the run" in done.err


def test_trial_of_a_sweep_is_refused(toy, command):
    keys = ["optimizer.learning_rate=0.1,0.2", "--epochs", "1"]
    assert command("sweep", "run", toy, *keys, "--study", "study").code == 0
    (trial, *_) = sorted(Path("study/trials").iterdir())
    done = command("rm", trial, "--yes")
    assert done.code == 2
    assert "is a trial of the sweep" in done.err
    assert trial.is_dir()


def test_folder_that_is_no_run_is_refused(toy, command):
    Path("mine").mkdir()
    Path("mine/thesis.tex").write_text("all of it")
    assert command("rm", "mine", "--yes").code == 4
    assert Path("mine/thesis.tex").exists()
