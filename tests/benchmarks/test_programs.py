"""Whole processes, on toy digits; the script of the peer is a stand-in."""

import itertools
import resource
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import startup
from benchmarks.programs import Ended, Program, run, take_turns
from benchmarks.row import Row
from benchmarks.whole_processes import WholeProcess, row


def _python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def test_time_and_memory_of_a_process_are_its_own(tmp_path):
    # The system counts what this process has, too, for the moment before the other becomes one of its own.
    mine = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ended = run(_python("x = bytearray(500 << 20); print('done')"), 1, tmp_path)
    assert ended.said == "done\n"
    assert 500 << 20 < ended.peak_bytes <= max(mine, 600 << 20)
    assert 0 < ended.seconds < 60


def test_failure_of_a_process_has_its_last_words(tmp_path):
    with pytest.raises(ChildProcessError, match="no luck"):
        run(_python("raise SystemExit('no luck')"), 1, tmp_path)


def test_programs_take_turns_each_in_an_empty_folder():
    code = "import os, sys; assert not os.listdir('.'); open('left', 'w').close(); print('test error 0.25')"
    programs = [Program("ours", "1", [_python(code)]), Program("peer", "1", [_python("raise SystemExit('gone')")])]
    measured, said, failures = take_turns(programs, 1, 2)
    assert [found.kind for found in measured] == ["ours"]
    assert said == {"ours": "test error 0.25\n"}
    assert failures == ["peer: gone"]


@pytest.fixture
def trained(toy, tmp_path) -> tuple[Row | None, list[str]]:
    """A toy experiment beside a stand-in for the script, whose Python has no PyTorch."""
    (tmp_path / "torch.py").write_text("__version__ = '0'\n")
    peer = tmp_path / "python"
    peer.write_text(f'#!/bin/sh\nPYTHONPATH="{tmp_path}" exec {sys.executable} "$@"\n')
    peer.chmod(0o755)
    script = tmp_path / "script.py"
    script.write_text("import sys; assert sys.argv[1:] == ['mlp', 'digits']; print('epoch 1'); print('test error 0.5')")
    what = WholeProcess("a toy", toy, ["mlp"], peer_goal=3.0)
    return row(what, peer, "NumPy 1", Path("digits"), threads=1, rounds=1, script=script)


def test_training_is_run_beside_the_script_of_the_peer(trained):
    found, failures = trained
    assert failures == []
    assert [one.kind for one in found.measured] == ["ours", "torch-script"]
    assert found.peer.version == "PyTorch 0"
    assert found.errors["torch-script"] == 0.5
    assert 0.0 <= found.errors["ours"] < 0.5


def test_script_is_left_out_where_there_is_no_pytorch(monkeypatch):
    from benchmarks import whole_processes

    program = Program("ours", "1", [_python("print('test error 0.1')")])
    monkeypatch.setattr(whole_processes, "_ours", lambda what: program.commands)
    what = WholeProcess("a toy", Path("toy.yaml"), [])
    found, failures = row(what, Path(sys.executable), "1", Path(), threads=1, rounds=1)
    assert found is not None
    assert [one.kind for one in found.measured] == ["ours"]
    assert failures == ["a toy: torch-script: ModuleNotFoundError: No module named 'torch'"]


def test_wait_for_the_first_update_is_part_of_the_process(toy):
    ended = startup.alone(startup.first_update(toy), 1)
    assert 0 < startup.until_it_said(ended) < ended.seconds


def test_start_up_rows_leave_the_first_time_out(monkeypatch):
    waits = itertools.count(1)

    def alone(command, threads):
        wait = float(next(waits))
        return Ended(100.0, wait, 3 << 20, str(100.0 + 2 * wait))

    monkeypatch.setattr(startup, "alone", alone)
    rows = startup.rows(1, 2, "NumPy 1")
    assert [row.ours.median for row in rows] == [2.5, 11.0, 17.0, 3.0]  # of 2 and 3; 2·(5 and 6), 2·(8 and 9); MiB
    assert [row.unit for row in rows] == ["s", "s", "s", "MiB"]


def test_experiments_beside_the_script_are_what_it_trains(real_mnist):
    from benchmarks.whole_processes import WHOLE_PROCESSES
    from mnistnn.config.load import load_experiment
    from mnistnn.experiment.plan import Plan

    for what in WHOLE_PROCESSES:
        plan = Plan(load_experiment(what.experiment))
        _, *numbers = what.options
        optimizer: Any = plan.experiment.optimizer
        rate = optimizer.learning_rate
        assert numbers == [
            "--epochs",
            str(plan.pace.max_epochs),
            "--batch",
            str(plan.pace.batch_size),
            "--rate",
            f"{rate:g}",
        ]
