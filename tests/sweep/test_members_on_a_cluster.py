"""Members of a committee on a real Dask scheduler with real workers: the same runs as one after the other."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import read_rows
from mnistnn.run.record import read_record

pytest.importorskip("distributed")


@pytest.fixture
def long(toy, three) -> Path:
    """The path of a committee whose members take a second or two."""
    toy.write_text(toy.read_text().replace("epochs: 6", "epochs: 100"))
    found: Path = three
    return found


def begin(cluster, *words: object) -> "subprocess.Popen[str]":
    """Begin a command on a cluster, in a process of its own."""
    arguments = [sys.executable, "-m", "mnistnn", *map(str, words), "--engine", "dask", "--address", cluster.address]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def member(number: int) -> RunDirectory:
    return RunDirectory(Path(f"run/members/{number:03}"))


def wait_until_inside(number: int, process: "subprocess.Popen[str]") -> None:
    for _ in range(1200):
        if member(number).metrics.exists() and len(read_rows(member(number).metrics)) >= 3:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.kill()
    raise AssertionError(f"it does not begin: {process.communicate()}")


def test_member_whose_worker_is_killed_goes_on_elsewhere_with_the_same_bits(long, cluster, command, newest):
    cluster.join(1)
    process = begin(cluster, "train", long, "--run-dir", "run", "--time-budget", "10m")
    wait_until_inside(1, process)
    cluster.workers[0].kill()
    cluster.join(2)
    _, err = process.communicate(timeout=180)
    assert process.returncode == 0, err
    assert read_record(member(1)).resumed == 1
    assert command("train", long, "--run-dir", "serial", "-q").code == 0
    assert newest("run") == newest("serial")
    assert Path("run/metrics.jsonl").read_bytes() == Path("serial/metrics.jsonl").read_bytes()
    assert command("verify", "run").code == 0


@pytest.mark.slow
def test_interrupted_committee_has_saved_its_members_and_is_gone_on_with(long, cluster, command, newest):
    cluster.join(2)
    process = begin(cluster, "train", long, "--run-dir", "run")
    wait_until_inside(1, process)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert time.monotonic() - began < 10.0
    assert "Go on with: mnistnn resume run" in err
    assert read_record(member(1)).status == "interrupted"
    assert "running" not in [read_record(RunDirectory(path.parent)).status for path in Path("run").rglob("run.json")]
    assert not member(3).record.exists()
    done = command("resume", "run", "--workers", "2", "--engine", "dask", "--address", cluster.address, "-q")
    assert done.code == 0, done.err
    assert command("train", long, "--run-dir", "serial", "-q").code == 0
    assert newest("run") == newest("serial")
