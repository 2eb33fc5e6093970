"""`mnistnn.compare` beside what `compare --json` prints."""

import json
from pathlib import Path

import pytest

import mnistnn


@pytest.fixture
def two(toy):
    """Two experiments of two runs each."""
    for seed in range(2):
        mnistnn.train(toy, seed=seed, epochs=2, run_dir=f"runs/a-{seed}", quiet=True)
        mnistnn.train(toy, "model.layers.hidden.units=2", seed=seed, epochs=2, run_dir=f"runs/b-{seed}", quiet=True)


def as_plain(found):
    return json.loads(json.dumps(found))


def test_comparison_is_what_the_command_prints(two, command):
    found = mnistnn.compare("runs/a*", "runs/b*", metric="valid.loss")
    paths = ["runs/a-0", "runs/a-1", "runs/b-0", "runs/b-1"]
    assert as_plain(found.to_dict()) == json.loads(command("compare", *paths, "--metric", "valid.loss", "--json").out)
    assert (found.metric, [each.seeds for each in found.experiments]) == ("valid.loss", [[0, 1], [0, 1]])
    assert found.chosen in ("A", "B")
    assert f"validation chooses {found.chosen}" in repr(found)


def test_folder_and_all_pairs_are_taken_as_by_the_command(two, command):
    found = mnistnn.compare("runs", all_pairs=True)
    assert as_plain(found.to_dict()) == json.loads(command("compare", "runs", "--all-pairs", "--json").out)


def test_runs_and_paths_are_taken(two):
    run = mnistnn.load("runs/a-0")
    found = mnistnn.compare(run, Path("runs/b-0"))
    assert [each.runs for each in found.experiments] == [[str(run.path)], ["runs/b-0"]]


def test_run_that_cannot_be_read_is_warned_of_and_listed(two):
    Path("runs/a-0/run.json").write_text("{")
    with pytest.warns(UserWarning, match="not compared: runs/a-0/run.json"):
        found = mnistnn.compare("runs")
    assert [each["reference"] for each in found.to_dict()["unreadable"]] == ["runs/a-0"]


def test_nothing_to_compare_and_unknown_metric_are_errors(two):
    with pytest.raises(mnistnn.RunError, match="no run named 'none"):
        mnistnn.compare("none*")
    with pytest.raises(mnistnn.UsageError, match=r"did you mean 'valid\.error'"):
        mnistnn.compare("runs", metric="valid.eror")
