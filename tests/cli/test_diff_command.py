"""`mnistnn diff`."""

import json

import pytest


@pytest.fixture
def runs(toy, start):
    start(toy, path="a")
    start(toy, path="same")
    start(toy, "seed=1", path="b")


def test_equal_runs_are_the_same_bit_for_bit(runs, command):
    done = command("diff", "a", "same")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "config       no difference",
        "environment  no difference",
        "metrics      equal (6 rows)",
        "final weights equal (after 60 and 60 updates)",
        done.out.splitlines()[4],
        "the same, bit for bit",
    ]


def test_runs_that_differ_are_compared_and_end_with_0(runs, command):
    done = command("diff", "a", "b")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "config       seed: 0 → 1"
    assert lines[2].startswith("metrics      differ from row 1 on (epoch 1): train.loss ")
    assert any("hidden.W differs by at most" in line for line in lines)
    assert lines[-1] == "not the same"


def test_json_has_every_difference(runs, command):
    found = json.loads(command("diff", "a", "b", "--json").out)
    assert (found["schema_version"], found["left"], found["right"], found["same"]) == (1, "a", "b", False)
    assert found["config"] == [{"key": "seed", "order": False, "left": 0, "right": 1}]
    assert found["metrics"]["divergence"]["column"] == "train.loss"
    assert [(each["which"], each["same"]) for each in found["weights"]] == [("final", False), ("best", False)]


def test_missing_run_is_refused(runs, command):
    assert command("diff", "a", "nothing").code == 4
    assert command("diff", "a").code == 2


def test_damaged_checkpoint_is_passed_over_with_a_warning(runs, command, tmp_path):
    (tmp_path / "same/checkpoints/step-0000000060.safetensors").write_bytes(b"")
    done = command("diff", "a", "same")
    assert done.err.startswith("warning: passed over same/checkpoints/step-0000000060.safetensors")
    assert "final weights differ (after 60 and 50 updates)" in done.out


def test_number_of_threads_is_said_to_change_no_bit(toy, command):
    for threads in (1, 2):
        command("train", toy, f"backend.threads={threads}", "--run-dir", f"run{threads}", "-q")
    out = command("diff", "run1", "run2").out
    assert "backend.threads: 1 → 2 (changes no bit)\n" in out
    assert "threads: 1 → 2 (changes no bit)\n" in out
    assert out.endswith("the same, bit for bit\n")
