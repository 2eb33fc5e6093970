"""Write, fsync, close, replace, fsync of the folder, and only then anything that relies on it; for every file."""

import shutil

import pytest

from tests.faults.order import check_order
from tests.faults.trials import command, watched_calls


def names(scenario, work, kind="first"):
    work.mkdir(exist_ok=True)
    return check_order(watched_calls(work, *getattr(scenario, kind)(work)))


def test_training_writes_every_file_in_the_safe_order(whitened, tmp_path):
    written = names(whitened, tmp_path / "work")
    assert [name for name in written if not name.startswith(("step-", "best"))] == [
        "config.yaml",
        *sorted(name for name in written if name[0].isdecimal() and name.endswith(".yaml")),
        *(["overrides.txt"] if whitened.overrides else []),
        "environment.json",
        "0-whiten.safetensors",
        "run.json",
        "run.json",
    ]
    assert [name for name in written if name.startswith("step-")] == [
        f"step-{updates:010}.safetensors" for updates in (0, 3, 6)
    ]
    assert "best.json" in written


def test_resuming_writes_every_file_in_the_safe_order(train, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    assert command(*train.first(work)).code == 0
    # The record first: a run whose settings are those of neither record would look altered.
    assert names(train, work) == ["run.json", "config.yaml", "best.json", "run.json"]


def test_refit_writes_every_file_in_the_safe_order(refit, tmp_path):
    assert names(refit, tmp_path / "work")[-1] == "run.json"


def test_eval_writes_every_file_in_the_safe_order(evaluation, tmp_path):
    (tmp_path / "work").mkdir()
    evaluation.arrange(tmp_path / "work")
    calls = watched_calls(tmp_path / "work", *evaluation.first(tmp_path / "work"))
    assert check_order(calls) == ["test-best.json"]
    assert calls.index("fsync test-readings.jsonl") < calls.index("replace test-best.json")


@pytest.mark.parametrize("kind", ["data", "generated"])
def test_storing_a_set_writes_every_file_in_the_safe_order(kind, request, tmp_path):
    scenario = request.getfixturevalue(kind)
    (tmp_path / "work").mkdir()
    scenario.arrange(tmp_path / "work")
    written = names(scenario, tmp_path / "work")
    assert len(written) == 5
    assert written[-1] == "manifest.json"


@pytest.mark.torture  # it draws a picture, for seconds
def test_whiten_writes_its_file_in_the_safe_order(everything, tmp_path):
    (tmp_path / "work").mkdir()
    shutil.copy(everything, tmp_path / "work")
    calls = watched_calls(tmp_path / "work", "whiten", "--data", "toy", "--out", tmp_path / "work" / "white", "-q")
    assert check_order(calls)[0] == "transform.safetensors"


@pytest.mark.parametrize(
    "calls",
    [
        ["open .a.0123456789ab.tmp", "write .a.0123456789ab.tmp", "close .a.0123456789ab.tmp", "replace a"],
        ["open a", "write a", "fsync a", "close a"],
        ["unlink step-0000000001.safetensors"],
    ],
)
def test_wrong_order_is_noticed(calls):
    with pytest.raises(AssertionError):
        check_order([*calls, "open folder x", "fsync folder x"])
