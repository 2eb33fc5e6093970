"""`mnistnn eval` of several runs."""

import json
import statistics
from pathlib import Path

import pytest


@pytest.fixture
def runs(toy, command):
    """Three runs that differ in their seeds."""
    assert command("train", toy, "--seeds", "0..2", "--epochs", "2", "-q").code == 0
    return sorted(Path("runs/toy").iterdir())


def test_each_is_measured_and_then_all_together(runs, command):
    done = command("eval", *runs, "--split", "valid")
    assert done.code == 0, done.err
    *each, last = done.out.splitlines()
    assert [line.split(":")[0] for line in each] == [str(run) for run in runs]
    errors = [float(line.split("error ")[1].split(" %")[0]) for line in each]
    assert f"valid error of 3 runs: {statistics.mean(errors):.2f} ± {statistics.stdev(errors):.2f} %" in last
    assert "95 % interval of the mean" in last


def test_json_has_mean_deviation_and_all_results(runs, command):
    found = json.loads(command("eval", *runs, "--json").out)
    errors = [each["error"] for each in found["results"]]
    (experiment,) = found["experiments"]
    assert (experiment["label"], experiment["metric"]) == ("toy", "error")
    assert experiment["runs"] == [str(run) for run in runs]
    assert experiment["mean"] == pytest.approx(statistics.mean(errors))
    assert experiment["std"] == pytest.approx(statistics.stdev(errors))
    low, high = experiment["interval_95"]
    assert low <= experiment["mean"] <= high
    assert [each["path"] for each in found["results"]] == [str(run) for run in runs]


def test_different_experiments_have_means_of_their_own(runs, toy, command):
    assert command("train", toy, "--name", "other", "--epochs", "1", "-q").code == 0
    *_, of_toy, of_other = command("eval", *runs, "other").out.splitlines()
    assert of_toy.startswith("toy: test error of 3 runs: ")
    assert of_other.startswith("other: test error of 1 run: ")
    assert "±" not in of_other


def test_seed_that_is_repeated_is_said(runs, toy, command):
    assert command("train", toy, "--epochs", "2", "--seed", "2", "-q").code == 0
    *_, last = command("eval", *runs, "latest").out.splitlines()
    assert last == "warning: several of these runs have the seed 2"


def test_name_means_the_newest_run_and_is_said(runs, command):
    done = command("eval", "toy")
    newest = Path("runs/latest").resolve()
    assert done.err == f"toy: runs/toy/{newest.name}\n"
    assert "accuracy " in done.out
    assert "latest: " in command("eval", "latest").err
    assert command("eval", "latest", "-q").err == ""


def test_different_metrics_are_said_apart(runs, command):
    rbm = Path("rbm.yaml")
    rbm.write_text(
        "name: rbm\ndata: {dataset: toy, validation_examples: 60}\nmodel: {type: rbm, hidden: 4}\n"
        "loss: {type: contrastive_divergence}\nbatches: {size: 32}\noptimizer: {type: sgd, learning_rate: 0.1}\n"
        "stopping: [{type: max_epochs, epochs: 1}]\ncheckpoint: {monitor: valid.loss}\n"
    )
    assert command("train", rbm, "-q", "--run-dir", "rbm").code == 0
    *_, of_toy, of_rbm = command("eval", runs[0], "rbm", "--split", "valid").out.splitlines()
    assert of_toy.startswith("toy: valid error of 1 run: ")
    assert of_rbm.startswith("rbm: valid log-likelihood of 1 run: ")


def test_claim_that_does_not_hold_for_one_ends_with_9(runs, toy, command):
    toy.write_text(toy.read_text() + "expect: {test_error: [0.0, 0.0001]}\n")
    for seed in ("0", "1"):
        assert command("train", toy, "--run-dir", f"claimed{seed}", "--seed", seed, "-q").code == 0
    done = command("eval", "claimed0", "claimed1", "--expect")
    assert done.code == 9
    assert "of 2 runs" in done.out
