"""Members of a committee, several at a time: the same runs as one after the other, stopped and gone on with."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import read_record
from tests.faults.stops import children_of


def test_members_at_a_time_give_the_bits_of_one_after_the_other(three, command, newest):
    assert command("train", three, "backend.threads=1", "--run-dir", "one", "-q").code == 0
    assert command("train", three, "backend.threads=1", "--run-dir", "two", "--workers", "2", "-q").code == 0
    assert Path("one/metrics.jsonl").read_bytes() == Path("two/metrics.jsonl").read_bytes()
    assert newest("one") == newest("two")
    assert command("verify", "two").code == 0


def test_stopped_members_are_saved_and_gone_on_with(three, command, newest):
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


def test_member_whose_process_alone_is_stopped_is_gone_on_with(three, command, newest):
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


def test_options_of_committees_are_refused_for_other_models(toy, command, start):
    dask = ("--engine", "dask", "--address", "tcp://127.0.0.1:1")
    start(toy, "stopping.max_epochs.epochs=1")
    for words in (("train", toy, *dask), ("train", toy, "--seeds", "0..1", *dask), ("resume", "run", *dask)):
        done = command(*words)
        assert (done.code, "--engine dask trains the members of a committee" in done.err) == (2, True), words
    done = command("resume", "run", "--workers", "2")
    assert (done.code, "--workers does several members at a time and goes with a committee" in done.err) == (2, True)
    assert not Path("runs/toy").exists()
    assert read_record(RunDirectory(Path("run"))).resumed == 0


def test_half_an_engine_is_refused(three, command):
    for words in (("train", three), ("resume", "run")):
        done = command(*words, "--engine", "dask")
        assert (done.code, "needs the --address" in done.err) == (2, True)
        done = command(*words, "--address", "tcp://127.0.0.1:1")
        assert (done.code, "goes with --engine dask" in done.err) == (2, True)
    assert not Path("runs").exists()


def test_help_says_what_an_engine_is_for_and_how_many_it_takes(command):
    for name in ("train", "resume"):
        said = " ".join(command(name, "--help").out.split())
        assert "Train a committee's members in processes of this machine, or on the workers of a Dask scheduler" in said
        assert "[default: (1; with --engine dask, as many as its workers take)" in said
    assert "Do trials in processes" in command("sweep", "run", "--help").out
