"""Whole commands where Python has nothing of POSIX: see `windows.py` for what that can show, and what it cannot."""

import os
import pkgutil
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mnistnn
from mnistnn.run.directory import RunDirectory, all_runs
from mnistnn.run.finding import find
from mnistnn.run.record import read_record

ROOT = Path(__file__).parents[2]
HOOK = "from tests.platforms import windows\nwindows.pretend()\n"
COMMANDS = """
import sys
from mnistnn.cli import shell
if __name__ == "__main__":
    for command in sys.argv[1:]:
        code, _, words = command.partition(" ")
        done = shell.run(words.split())
        assert done == int(code), f"{words}: {done} instead of {code}"
"""
IMPORTS = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
"""
LONG = "stopping.max_epochs.epochs=200000"


@pytest.fixture
def start(tmp_path):
    """Start Python without POSIX, in a group of processes of its own."""
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(HOOK)
    paths = [str(hook), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    settings = {"PYTHONPATH": os.pathsep.join(paths), "PYTHONWARNDEFAULTENCODING": "1", "OPENBLAS_NUM_THREADS": "1"}

    def begin(text: str, *arguments: str) -> "subprocess.Popen[str]":
        program = tmp_path / "program.py"
        program.write_text(text)
        return subprocess.Popen(
            [sys.executable, str(program), *arguments],
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    return begin


def finish(process: "subprocess.Popen[str]", code: int = 0) -> str:
    out, err = process.communicate(timeout=300)
    assert process.returncode == code, (out, err)
    return out


def test_every_module_is_imported(start):
    modules = [module.name for module in pkgutil.walk_packages(mnistnn.__path__, "mnistnn.")]
    finish(start(IMPORTS, *(name for name in modules if not name.endswith("__main__"))))


def test_runs_are_trained_found_resumed_measured_and_removed_with_the_same_results(start, toy, command):
    assert command("train", toy, "--run-dir", "here", "-q").code == 0
    finish(
        start(
            COMMANDS,
            f"75 train {toy} --time-budget 0s -q",
            "0 resume latest -q",
            "0 eval latest -q",
            "0 verify latest -q",
            f"0 train {toy} seed=1 -q",
            "0 rm latest --yes -q",
            "0 doctor",
        )
    )
    latest = Path("runs/latest")
    assert not latest.is_symlink()
    assert latest.read_text().startswith("toy/")
    run = find("latest", Path("runs"))
    assert all_runs(Path("runs")) == [run]
    assert read_record(run).resumed == 1
    assert run.metrics.read_bytes() == Path("here/metrics.jsonl").read_bytes()


def test_benchmark_is_refused_in_one_line(start):
    process = start(COMMANDS, "5 bench --quick")
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert err == "error: bench measures on Linux only: this system does not keep processes on some of its cores\n"


HELD = (  # tests of locks, lines and files, in which there are no links, pipes and synced folders
    "tests/run/test_run_lock.py tests/storage/test_locking.py tests/storage/test_writing.py "
    "tests/storage/test_partial_scores.py tests/data/test_streamed.py"
)
NOT_HELD = "link or pipe or folder or fdopen or leftover or a_killed_one or goes_on_as_it_was"


def test_locks_lines_and_files_hold_what_they_hold_elsewhere(start, tmp_path):
    options = [
        "-q",
        "-p",
        "no:xdist",
        "-p",
        "no:cacheprovider",
        f"--rootdir={ROOT}",
        f"--basetemp={tmp_path / 'inside'}",
    ]
    options += ["-W", "ignore::EncodingWarning", "-k", f"not ({NOT_HELD})"]
    program = "import sys, pytest\nif __name__ == '__main__': sys.exit(pytest.main(sys.argv[1:]))"
    out = finish(start(program, *options, *(str(ROOT / name) for name in HELD.split())))
    passed = re.search(r"(\d+) passed", out)
    assert passed is not None
    assert int(passed[1]) > 50


SWEEP = ["sweep", "run", "toy.yaml", "optimizer.learning_rate=0.1,0.2,0.3", "--study", "study", "--workers", "2", "-q"]


def test_sweep_with_two_workers_has_the_same_results(start, toy, command):
    assert command("train", toy, "optimizer.learning_rate=0.3", "--run-dir", "here", "-q").code == 0
    finish(start(COMMANDS, f"0 {' '.join(SWEEP)}"))
    trials = [RunDirectory(path) for path in sorted(Path("study/trials").iterdir())]
    assert [read_record(run).status for run in trials] == ["finished"] * 3
    assert Path("here/metrics.jsonl").read_bytes() in [run.metrics.read_bytes() for run in trials]


def sweeping(start, code: int = 0) -> "subprocess.Popen[str]":
    """Return a sweep in which both workers train."""
    process: subprocess.Popen[str] = start(COMMANDS, f"{code} {' '.join([*SWEEP, LONG])}")
    until = time.monotonic() + 120
    while sum(path.stat().st_size > 0 for path in Path("study").rglob("metrics.jsonl")) < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)
    return process


def is_group_left(process: "subprocess.Popen[str]") -> bool:
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for_the_end(process: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + 20
    while process.poll() is None or is_group_left(process):
        if time.monotonic() > until:
            os.killpg(process.pid, signal.SIGKILL)
            raise AssertionError("processes are left")
        time.sleep(0.05)


def test_sweep_that_is_interrupted_saves_all_trials_and_ends(start, toy):
    process = sweeping(start, 128 + signal.SIGINT)
    os.killpg(process.pid, signal.SIGINT)  # a console's Ctrl-C reaches all processes
    wait_for_the_end(process)
    finish(process)
    records = [read_record(RunDirectory(path.parent)) for path in Path("study").rglob("run.json")]
    assert {record.status for record in records} == {"interrupted"}


def test_workers_end_when_their_parent_was_killed(start, toy):
    process = sweeping(start)
    process.kill()
    wait_for_the_end(process)
    process.communicate()
