"""The command, with stand-ins for the contenders; and one contender for real."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def paces(monkeypatch):
    """Seconds of each contender's step, which the test may change; nothing is timed."""
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import measure as module

    steps = {"ours": 2e-3, "ours-numpy": 3e-3, "limit": 1e-3, "torch-eager": 4e-3, "torch-last": 5e-3}

    def measure(workload, kinds, threads, rounds):
        timings = [
            module.Timing(kind, "1.0", steps[kind], steps[kind], steps[kind]) for kind, _ in kinds if kind in steps
        ]
        return timings, [f"{workload.name}: {kind}: no such thing" for kind, _ in kinds if kind not in steps]

    monkeypatch.setattr(module, "measure", measure)
    return steps


def test_table_holds_ratios_beside_goals(paces, command):
    done = command("bench", "--quick", "--peers", sys.executable)
    assert done.code == 0
    lines = {line.split("  ")[0]: line for line in done.out.splitlines()}
    assert lines["softmax, batch 20"].split("  ")[-1].strip() == "2.00"
    assert "4.00 (torch-eager)" in lines["softmax, batch 20"]
    assert "2.00 (goal 1.6)" in lines["LeNet 20-50-500 ReLU, batch 128"]


def test_what_cannot_be_timed_is_said_and_left_out(paces, command):
    del paces["torch-last"]
    done = command("bench", "--quick", "--peers", sys.executable)
    assert done.code == 0
    assert "left out: LeNet 20-50-500 ReLU, batch 128: torch-last: no such thing" in done.err


def test_without_peers_there_is_still_the_limit(paces, command):
    assert "2.00" in command("bench", "--quick", "-q").out.splitlines()[1]


def test_comparison_fails_when_a_ratio_to_the_limit_is_worse(paces, command, tmp_path):
    assert command("bench", "--quick", "-q", "--out", tmp_path / "before.json").code == 0
    assert json.loads((tmp_path / "before.json").read_text())["rows"][0]["against_limit"] == 2.0
    paces["ours"] = 2.2e-3
    assert command("bench", "--quick", "-q", "--compare", tmp_path / "before.json").code == 0
    paces["ours"] = 2.4e-3
    done = command("bench", "--quick", "-q", "--compare", tmp_path / "before.json")
    assert done.code == 9
    assert "softmax, batch 20: 2.40 times the limit, 2.00 before" in done.err


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"rows": 3}'])
def test_file_to_compare_with_must_be_one(content, paces, command, tmp_path):
    (tmp_path / "before.json").write_text(content)
    done = command("bench", "--quick", "--compare", tmp_path / "before.json")
    assert done.code == 2
    assert "not readable as figures of a benchmark" in done.err


def test_contenders_take_turns_for_real(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks.measure import measure, this_python
    from benchmarks.workloads import named

    kinds = [(kind, this_python()) for kind in ("ours", "limit", "nonsense")]
    timings, failures = measure(named("softmax, batch 20"), kinds, threads=1, rounds=1)
    assert [timing.kind for timing in timings] == ["ours", "limit"]
    assert all(0 < timing.lowest_s <= timing.highest_s for timing in timings)
    assert failures == ["softmax, batch 20: nonsense: ModuleNotFoundError: No module named 'benchmarks.steps_nonsense'"]
