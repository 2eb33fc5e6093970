"""The command, with stand-ins for everything that is measured."""

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def paces(monkeypatch):
    """Seconds of each contender's step, which the test may change; nothing is timed."""
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import startup, suite, whole_processes
    from benchmarks.measure import Measured, Outcome
    from benchmarks.row import Row

    steps = {
        "ours": 2e-3,
        "ours-numpy": 3e-3,
        "ours-plain": 2e-3,
        "limit": 1e-3,
        "torch-eager": 4e-3,
        "torch-last": 5e-3,
        "sklearn": 9e-3,
        "scipy": 20e-3,
    }

    def measured(kind):
        return Measured(kind, "1.0", 1, steps[kind], steps[kind], steps[kind])

    def measure(workload, kinds, threads, rounds, device):
        absent = [f"{workload.name}: {kind}: no such thing" for kind, _ in kinds if kind not in steps]
        parts = {"ours": {"output forward": 1.5e-3, "loss": 0.5e-3}}
        return Outcome([measured(kind) for kind, _ in kinds if kind in steps], parts, absent)

    monkeypatch.setattr(suite, "measure", measure)
    monkeypatch.setattr(suite, "ensure_available", lambda name, progress: False)
    monkeypatch.setattr(suite, "describe_environment", lambda device, name, threads, data: _environment(device, name))
    monkeypatch.setattr(startup, "rows", lambda *_: [Row("start-up", "help", [measured("ours")], ceiling=1e-3)])
    monkeypatch.setattr(
        whole_processes, "row", lambda what, *_: (Row("processes", what.name, [measured("ours")]), ["torch: no torch"])
    )
    return steps


def _environment(device, name):
    return {"device": device, "device_name": name, "cpu": "a cpu", "threads": 1, "python": "3", "git": None}


def test_table_holds_ratios_beside_goals(paces, command):
    done = command("bench", "--quick", "--peers", sys.executable)
    assert done.code == 0
    lines = {line.split("  ")[0]: line for line in done.out.splitlines()}
    shown = ["2.00 ms", "3.00 ms", "1.00 ms", "4.00 ms torch-eager", "2.00", "2.00", "1 / 1 / 1"]
    assert re.split("  +", lines["softmax, batch 20"])[1:] == shown
    assert "2.00 (goal 1.6)" in lines["LeNet 20-50-500 ReLU, batch 128"]
    assert "64,000 images/s" in lines["elastic distortion, 28×28"]
    assert "at most 1 ms (missed)" in lines["help"]


def test_quick_leaves_out_whole_processes(paces, command):
    assert "Whole processes" not in command("bench", "--quick", "-q").out
    assert "Whole processes" in command("bench", "-q").out


def test_what_cannot_be_measured_is_said_and_left_out(paces, command):
    del paces["torch-last"]
    done = command("bench", "--peers", sys.executable)
    assert done.code == 0
    assert "left out: LeNet 20-50-500 ReLU, batch 128: torch-last: no such thing" in done.err
    assert "left out: torch: no torch" in done.err


def test_without_peers_there_is_still_the_limit(paces, command):
    line = next(line for line in command("bench", "--quick", "-q").out.splitlines() if line.startswith("softmax"))
    assert "2.00" in line


def test_without_a_metric_of_ours_there_is_no_row(paces, command):
    del paces["ours"]
    from benchmarks import startup

    startup.rows = lambda *_: []
    done = command("bench", "--quick", "-q")
    assert done.code == 0
    assert "softmax, batch 20:" in done.err
    assert done.out == ""


def test_comparison_fails_when_a_ratio_to_the_limit_is_worse(paces, command, tmp_path):
    assert command("bench", "--quick", "-q", "--out", tmp_path / "before.json").code == 0
    assert json.loads((tmp_path / "before.json").read_text())["rows"][0]["against_limit"] == 2.0
    paces["ours"] = 2.2e-3
    assert command("bench", "--quick", "-q", "--compare", tmp_path / "before.json").code == 0
    paces["ours"] = 2.4e-3
    done = command("bench", "--quick", "-q", "--compare", tmp_path / "before.json")
    assert done.code == 9
    assert "softmax, batch 20: 2.40 times the limit, 2.00 before" in done.err


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"schema_version": 2, "rows": 3}', '{"schema_version": 1}'])
def test_file_to_compare_with_must_be_one(content, paces, command, tmp_path):
    (tmp_path / "before.json").write_text(content)
    done = command("bench", "--quick", "--compare", tmp_path / "before.json")
    assert done.code == 2
    assert "not readable as measurements of a benchmark" in done.err


def test_a_page_of_a_few_metrics_is_refused(command):
    done = command("bench", "--quick", "--page")
    assert done.code == 2
    assert "--page needs all measurements" in done.err
