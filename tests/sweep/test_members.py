"""Members of a committee, several at a time: the same runs as one after the other, stopped and gone on with."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import read_record
from tests.faults.stops import children_of

COMMITTEE = """\
name: three
data: {{dataset: toy, validation_examples: 60}}
model:
  type: committee
  members:
    - {{experiment: {file}}}
    - {{experiment: {file}, overrides: [optimizer.learning_rate=0.1]}}
    - {{experiment: {file}}}
"""


@pytest.fixture
def three(toy) -> Path:
    path: Path = toy.with_name("three.yaml")
    path.write_text(COMMITTEE.format(file=toy.name))
    return path


def newest(run: str) -> list[bytes]:
    """Return the newest checkpoint of a committee and of each of its members."""
    folders = [Path(run), *sorted(Path(run, "members").iterdir())]
    return [max(folder.glob("checkpoints/*.safetensors")).read_bytes() for folder in folders]


def test_members_at_a_time_give_the_bits_of_one_after_the_other(three, command):
    assert command("train", three, "backend.threads=1", "--run-dir", "one", "-q").code == 0
    assert command("train", three, "backend.threads=1", "--run-dir", "two", "--workers", "2", "-q").code == 0
    assert Path("one/metrics.jsonl").read_bytes() == Path("two/metrics.jsonl").read_bytes()
    assert newest("one") == newest("two")
    assert command("verify", "two").code == 0


def test_stopped_members_are_saved_and_gone_on_with(three, command):
    slow = ("backend.threads=1",)
    assert command("train", three, *slow, "--run-dir", "whole", "-q").code == 0
    arguments = [sys.executable, "-m", "mnistnn", "train", three, *slow, "--run-dir", "run", "--workers", "2"]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env=os.environ)
    deadline = time.monotonic() + 60
    while not list(Path("run/members").glob("*/run.json")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    if process.returncode == 143:  # else it was done before it was asked
        assert "Go on with: mnistnn resume run" in said
        assert read_record(RunDirectory(Path("run"))).status == "interrupted"
        assert command("resume", "run", "--workers", "2", "-q").code == 0
    assert newest("run") == newest("whole")
    assert [json.loads(line)["epoch"] for line in Path("run/metrics.jsonl").read_text().splitlines()] == [1, 2, 3]


def test_member_whose_process_alone_is_stopped_is_gone_on_with(three, command):
    """It is stopped a second time as soon as it goes on, too."""
    slow = ("backend.threads=1",)
    assert command("train", three, *slow, "--run-dir", "whole", "-q").code == 0
    arguments = [sys.executable, "-m", "mnistnn", "train", three, *slow, "--run-dir", "run", "--workers", "2"]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env=os.environ)
    signals = 0
    while process.poll() is None:
        if list(Path("run/members").glob("*/run.json")) and signals < 20:
            for worker in children_of(process.pid):
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGUSR1)
            signals += 1
        time.sleep(0.02)
    _, said = process.communicate()
    assert (process.returncode, signals > 0) == (0, True), said
    assert newest("run") == newest("whole")


def test_spent_time_ends_all_and_resuming_goes_on(three, command):
    done = command("train", three, "--run-dir", "run", "--workers", "2", "--time-budget", "0s")
    assert done.code == 75
    assert "time budget spent in member 1" in done.err
    assert command("resume", "run", "--workers", "2", "-q").code == 0
    assert len(Path("run/metrics.jsonl").read_text().splitlines()) == 3


def test_workers_without_seeds_or_members_are_refused(toy, command):
    done = command("train", toy, "--workers", "2", "--run-dir", "run")
    assert done.code == 2
    assert "goes with --seeds, or with a committee" in done.err
    assert not Path("run").exists()
