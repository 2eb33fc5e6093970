"""A terminal that is closed while a command trains: it saves and stops, or goes on where it was told to, and says so in
its run.
"""

import os
import pty
import select
import signal
import sys
import time
from pathlib import Path

import pytest

from mnistnn.run.directory import RunDirectory, all_runs
from mnistnn.run.record import read_record

LONG = "stopping.max_epochs.epochs=200000"


def closed_while_training(arguments: list[str], hangup_is_ignored: bool, runs: Path) -> int:
    """Run a command in a terminal of its own, close that once something is trained; return the exit code."""
    process, controller = pty.fork()
    if process == 0:
        signal.signal(signal.SIGHUP, signal.SIG_IGN if hangup_is_ignored else signal.SIG_DFL)
        os.environ["TERM"] = "xterm"
        os.execv(sys.executable, [sys.executable, "-m", "mnistnn", *arguments])
    deadline, shown = time.monotonic() + 120, b""
    while not any(path.stat().st_size for path in runs.rglob("metrics.jsonl")):
        if select.select([controller], [], [], 0.05)[0]:
            shown += os.read(controller, 65536)
        assert time.monotonic() < deadline, shown
    os.close(controller)
    while time.monotonic() < deadline:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.kill(process, signal.SIGKILL)
    raise AssertionError("it hangs")


WAYS = {
    "train": ["train", "toy.yaml", LONG],
    "seeds": ["train", "toy.yaml", LONG, "--seeds", "0..1", "--workers", "2"],
    "sweep": ["sweep", "run", "toy.yaml", LONG, "optimizer.learning_rate=0.1,0.2", "--workers", "2"],
}


@pytest.mark.parametrize("way", WAYS)
def test_training_saves_and_stops_when_its_terminal_is_closed(toy, way):
    assert closed_while_training(WAYS[way], False, Path("runs")) == 128 + signal.SIGHUP
    records = [read_record(RunDirectory(path.parent)) for path in Path("runs").rglob("run.json")]
    assert (
        {(record.status, record.exit_code) for record in records} == {("interrupted", 129)}
        if way == "train"
        else {record.status for record in records} == {"interrupted"}
    )


def test_training_that_was_told_to_outlive_its_terminal_goes_on(toy):
    arguments = ["train", "toy.yaml", "stopping.max_epochs.epochs=150"]
    assert closed_while_training(arguments, True, Path("runs")) == 0
    (run,) = all_runs(Path("runs"))
    assert read_record(run).status == "finished"
