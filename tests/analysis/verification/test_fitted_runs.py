"""Verifying runs of fitted models, and committees with the runs of their members: whole ones, and every damage."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnistnn.analysis.verification.verify import verify
from mnistnn.errors import InterruptedRunError
from mnistnn.experiment.members import member_run
from mnistnn.run import checkpoint as checkpoints
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import read_record
from mnistnn.runner import session

KINDS = ("pairs", "voters", "committee")
QUIET = session.Verbosity(shown=False)
# Of a committee's second member, whose newest checkpoint is that of its third epoch.
MEMBER = "members/002"
FILES = tuple(
    f"{MEMBER}/{file}"
    for file in (
        *("run.json", "config.yaml", "environment.json", "metrics.jsonl", "timing.jsonl", "source/0-member 2"),
        *("checkpoints/best.json", "checkpoints/step-0000000030.safetensors"),
    )
)
NEWEST = "checkpoints/step-0000000003.safetensors"


@pytest.fixture
def voters_run(fitted_run) -> RunDirectory:
    found: RunDirectory = fitted_run("voters")
    return found


def problems(run: RunDirectory) -> dict[str, str]:
    return {each.file: each.text for each in verify(run).problems}


def notes(run: RunDirectory) -> dict[str, str]:
    return {each.file: each.text for each in verify(run).findings if each.verdict == "note"}


# Whole runs.


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_of_a_whole_run_is_found_to_be_whole(fitted_run, kind):
    run = fitted_run(kind)
    report = verify(run)
    assert [each for each in report.findings if each.verdict != "ok"] == []
    files = {str(path.relative_to(run.path)) for path in run.path.rglob("*") if path.is_file()}
    assert {each.file for each in report.findings} == {file for file in files if not file.endswith(".mnistnn-lock")}


def test_run_that_was_moved_is_whole(voters_run):
    voters_run.path.rename("elsewhere")
    assert not problems(RunDirectory(Path("elsewhere")))


def test_verifying_changes_nothing(voters_run, everything_below):
    before = everything_below(".")
    assert not problems(voters_run)
    assert everything_below(".") == before


@pytest.mark.parametrize("kind", KINDS)
def test_run_is_whole_without_its_data_set(fitted_run, monkeypatch, kind):
    run = fitted_run(kind)
    monkeypatch.setenv("MNISTNN_DATA", "empty")
    assert not problems(run)
    assert "not compared with the model" not in notes(run).get("checkpoints", "")


@pytest.mark.parametrize("updates", [1, 20, 21, 45])
def test_committee_that_was_interrupted_is_whole_and_so_it_is_when_it_went_on(voters, start, stop_after, updates):
    """In the first member, after its last update, in the second member, or not at all."""
    stop_after(updates)
    if updates < 45:
        with pytest.raises(InterruptedRunError):
            start(voters)
        run = RunDirectory(Path("run"))
        assert not problems(run)
        session.resume(run, [], QUIET)
    else:
        run = start(voters).run
    assert not problems(run)


@pytest.mark.parametrize("kind", KINDS)
def test_run_without_any_round_is_whole(voters, command, kind):
    assert command("train", voters.with_name(f"{kind}.yaml"), "-q", "--run-dir", "run", "--time-budget", "0").code == 75
    assert not problems(RunDirectory(Path("run")))


def test_member_that_was_only_prepared_is_noted(voters, start, stop_after):
    stop_after(5)
    with pytest.raises(InterruptedRunError):
        start(voters)
    (Path("run") / MEMBER).mkdir()
    run = RunDirectory(Path("run"))
    assert not problems(run)
    assert notes(run)[MEMBER] == "holds no run yet; resuming makes it"


def test_what_is_no_member_is_noted(voters_run):
    shutil.copytree(voters_run.path / MEMBER, voters_run.path / "members/004")
    (voters_run.path / "members/thoughts.txt").write_text("mine")
    assert not problems(voters_run)
    assert notes(voters_run) == dict.fromkeys(("members/004", "members/thoughts.txt"), "no part of the run")


def test_run_of_another_model_has_no_members(fitted_run, voters_run):
    voters_run.path.rename("voters")
    run = fitted_run("pairs")
    shutil.copytree("voters/members", run.path / "members")
    assert not problems(run)
    assert notes(run) == {f"members/{number}": "no part of the run" for number in ("001", "002", "003")}


# Damaged members.


@pytest.mark.parametrize("file", FILES)
def test_missing_file_of_a_member_is_found(voters_run, file):
    (voters_run.path / file).unlink()
    assert "missing" in problems(voters_run)[file]


@pytest.mark.parametrize("file", FILES)
def test_torn_file_of_a_member_is_found(voters_run, file):
    os.truncate(voters_run.path / file, (voters_run.path / file).stat().st_size // 2)
    assert file in problems(voters_run)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_flipped_bit_in_a_member_is_found(voters_run, file, place):
    content = bytearray((voters_run.path / file).read_bytes())
    position = int(place * len(content))
    while not chr(content[position]).isalnum():
        position += 1
    content[position] ^= 1
    (voters_run.path / file).write_bytes(content)
    found = problems(voters_run) | notes(voters_run)  # a configuration may mean the same
    assert file in found or file.endswith("timing.jsonl")


@pytest.mark.parametrize("file", FILES)
def test_link_in_the_place_of_a_file_of_a_member_is_found(voters_run, file):
    path = voters_run.path / file
    path.rename("outside")
    path.symlink_to(Path("outside").resolve())
    assert "a symbolic link" in problems(voters_run)[file]


def test_link_in_the_place_of_a_member_or_of_all_is_found(voters_run):
    for folder in (MEMBER, "members"):
        (voters_run.path / folder).rename("outside")
        (voters_run.path / folder).symlink_to(Path("outside").resolve())
        assert "a symbolic link" in problems(voters_run)[folder]
        (voters_run.path / folder).unlink()
        Path("outside").rename(voters_run.path / folder)


def test_missing_member_is_found(voters_run):
    shutil.rmtree(voters_run.path / MEMBER)
    assert problems(voters_run)[MEMBER] == "missing"


def test_all_members_missing_are_found(voters_run):
    shutil.rmtree(voters_run.path / "members")
    assert {*problems(voters_run)} >= {"members/001", "members/002", "members/003"}


def test_members_that_were_exchanged_are_found(voters_run):
    first, second = (voters_run.path / f"members/00{number}" for number in (1, 2))
    first.rename("aside")
    second.rename(first)
    Path("aside").rename(second)
    assert "member 1 is not the one that joined" in problems(voters_run)[NEWEST]


def test_member_replaced_by_another_run_is_found(voters_run, start):
    """Whole, finished, of the same experiment, but for its seed."""
    overrides = ("stopping.max_epochs.epochs=3", "optimizer.learning_rate=0.4", "seed=7")
    start(Path("toy.yaml"), *overrides, path="other/002")
    shutil.rmtree(voters_run.path / MEMBER)
    shutil.copytree("other/002", voters_run.path / MEMBER)
    assert "member 2 is not the one that joined" in problems(voters_run)[NEWEST]


def test_member_that_was_trained_on_is_found(voters_run, command):
    member = member_run(voters_run, 1)
    assert command("resume", member.path, "stopping.max_epochs.epochs=9", "-q").code == 0
    assert command("verify", member.path).code == 0
    assert "member 2 is not the one that joined" in problems(voters_run)[NEWEST]


# Damaged arrays, under a right digest.


def rewritten(run: RunDirectory, name: str, array: np.ndarray | None, layout: bool = True) -> str:
    """Write an array into the newest checkpoint, or none, with its layout; return the file's name."""
    path = checkpoints.newest_first(run.checkpoints)[0]
    saved = checkpoints.read(path)
    tensors = {each: found for each, found in saved.tensors.items() if each != name}
    if array is not None:
        tensors[name] = array
    shapes = [(each, list(found.shape)) for each, found in tensors.items()]
    state = replace(saved.state, layout=shapes) if layout else saved.state
    checkpoints.write(run.checkpoints, replace(saved, tensors=tensors, state=state), saved.state.progress.updates)
    return f"checkpoints/{path.name}"


WRONG = {
    "another shape": ("W", np.zeros((63, 6), "float32")),
    "another dtype": ("W", np.zeros((64, 6))),
    "none": ("b", None),
    "one too many": ("c", np.zeros(3, "float32")),
}


@pytest.mark.parametrize("layout", [True, False])
@pytest.mark.parametrize(("name", "array"), WRONG.values(), ids=WRONG)
def test_array_that_is_not_of_the_model_is_found(fitted_run, command, name, array, layout):
    run = fitted_run("pairs")
    file = rewritten(run, name, array, layout)
    assert "its arrays are not those of the model in config.yaml" in problems(run)[file]
    assert command("eval", "run").code == 4


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_found(fitted_run, wrong):
    run = fitted_run("pairs")
    file = rewritten(run, "W", np.full((64, 6), wrong, "float32"))
    assert problems(run) == {file: "the values of W are not all finite numbers"}


@pytest.mark.parametrize("rows", [0, 2])
def test_checkpoint_of_fewer_members_than_rounds_is_found(voters_run, rows):
    digests = checkpoints.read(voters_run.path / NEWEST).tensors["members"]
    assert rewritten(voters_run, "members", digests[:rows]) == NEWEST
    assert problems(voters_run) == {NEWEST: f"its model has {rows} rounds, and 3 updates are counted"}


def test_model_that_is_not_fitted_although_a_round_is_counted_is_found(fitted_run):
    run = fitted_run("pairs")
    (newest, blank) = checkpoints.newest_first(run.checkpoints)
    saved = checkpoints.read(newest)
    empty = replace(saved, tensors=checkpoints.read(blank).tensors, state=replace(saved.state, layout=[]))
    checkpoints.write(run.checkpoints, empty, 1)
    assert problems(run) == {f"checkpoints/{newest.name}": "its model has 0 rounds, and 1 updates are counted"}


def test_altered_digest_of_a_member_is_found(voters_run, command):
    digests = checkpoints.read(voters_run.path / NEWEST).tensors["members"].copy()
    digests[1, 4] ^= 1
    rewritten(voters_run, "members", digests)
    assert "member 2 is not the one that joined" in problems(voters_run)[NEWEST]
    done = command("eval", "run")
    assert done.code == 4
    assert "member 2 is not the one that joined" in done.err


def test_record_of_the_best_members_that_disagrees_is_found(voters_run):
    record = read_record(voters_run)
    record.best_epoch = 1 if record.best_epoch != 1 else 2
    record.write(voters_run)
    assert "run.json" in problems(voters_run)
