"""`mnistnn verify`."""

import json
import os
import shutil
from pathlib import Path

import pytest

from mnistnn.run import lock


@pytest.fixture
def run(toy, start):
    return start(toy).run


def test_whole_run_is_listed_file_by_file(run, command):
    done = command("verify", "run")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[:2] == ["run (finished)", "ok     run.json"]
    assert "ok     checkpoints/step-0000000060.safetensors: update 60\n" in done.out


def test_damage_ends_with_9_and_a_list(run, command):
    os.truncate(run.checkpoints / "step-0000000060.safetensors", 100)
    run.environment.unlink()
    done = command("verify", "run")
    assert done.code == 9
    assert "FAILED environment.json: missing\n" in done.out
    assert done.err.startswith("error: not everything is what it should be:\n  - run/environment.json: missing\n")
    assert "  - run/checkpoints/step-0000000060.safetensors: not a whole mnistnn checkpoint" in done.err


def test_quiet_says_only_what_is_wrong(run, command):
    assert command("verify", "run", "-q").out == ""
    run.log.unlink()
    assert command("verify", "run", "-q").out == "FAILED log.txt: missing\n"


def test_several_runs_are_verified_in_one_go(run, command):
    shutil.copytree("run", "copy")
    Path("copy/log.txt").unlink()
    done = command("verify", "run", "copy", "--json")
    assert done.code == 9
    found = json.loads(done.out)
    assert found["schema_version"] == 1
    assert [(each["path"], each["status"], each["in_use"], each["ok"]) for each in found["runs"]] == [
        ("run", "finished", False, True),
        ("copy", "finished", False, False),
    ]
    assert {"file": "log.txt", "verdict": "problem", "text": "missing"} in found["runs"][1]["findings"]


def test_run_in_use_is_said_to_be_so(run, command):
    with lock.exclusive(run):
        done = command("verify", "run")
    assert done.code == 0
    assert "being trained right now" in done.out.splitlines()[0]


def test_run_that_lost_its_record_is_still_a_run(run, command):
    run.record.unlink()
    done = command("verify", "run")
    assert done.code == 9
    assert "run/run.json: missing" in done.err


@pytest.mark.parametrize("reference", ["nothing", "empty", "toy.yaml"])
def test_what_is_no_run_is_refused_before_anything_is_checked(run, command, reference):
    Path("empty").mkdir()
    done = command("verify", "run", reference)
    assert (done.code, done.out) == (4, "")


def test_no_run_is_a_usage_error(toy, command):
    assert command("verify").code == 2


def test_control_characters_in_names_do_not_reach_the_terminal(run, command):
    (run.path / "a\x1b[31mb").write_text("")
    assert "\x1b" not in command("verify", "run").out
