"""`mnistnn eval`: the metrics, the test-access log, the claim."""

import json
from pathlib import Path

import pytest

from mnistnn.run.checkpoint import newest_first


@pytest.fixture
def run(toy, start):
    return start(toy).run


def evaluated(command, *arguments):
    done = command("eval", "run", "--json", *arguments)
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


def test_json_has_every_promised_key(run, command):
    found = evaluated(command)
    assert {"schema_version", "split", "examples", "error", "loss", "checkpoint", "test_readings"} <= found.keys()
    assert (found["split"], found["examples"], found["checkpoint"], found["test_readings"]) == ("test", 80, "best", 1)
    assert found["error"] == found["errors"] / 80
    assert found["run"] == "run"


def test_test_access_log_counts_readings_of_the_test_split_only(run, command):
    assert evaluated(command, "--split", "valid")["test_readings"] == 0
    assert evaluated(command)["test_readings"] == 1
    assert evaluated(command, "--split", "train")["test_readings"] == 1
    assert evaluated(command, "--checkpoint", "last")["test_readings"] == 2
    access_log = [json.loads(line) for line in (run.evaluations / "test-readings.jsonl").read_text().splitlines()]
    assert [entry["checkpoint"] for entry in access_log] == ["best", "last"]


@pytest.mark.parametrize(("split", "examples"), [("train", 300), ("valid", 60), ("test", 80)])
def test_every_split_can_be_measured(run, command, split, examples):
    found = evaluated(command, "--split", split)
    assert (found["split"], found["examples"]) == (split, examples)


def test_checkpoint_may_be_named_by_its_path(run, command):
    older = newest_first(run.checkpoints)[1]
    found = evaluated(command, "--checkpoint", str(older))
    assert (found["checkpoint"], found["checkpoint_file"], found["epoch"]) == (older.name, older.name, 5)


@pytest.mark.parametrize("path", ["bets", "gone.safetensors"])
def test_checkpoint_that_is_not_there_is_refused(run, command, path):
    done = command("eval", "run", "--checkpoint", path)
    assert (done.code, done.err) == (4, f"error: '{path}' is neither best, last nor the path of a checkpoint file\n")


@pytest.mark.parametrize("path", ["run", "run/run.json", "toy.yaml"])
def test_checkpoint_that_is_none_is_refused(run, command, path):
    done = command("eval", "run", "--checkpoint", path)
    assert done.code == 4
    assert done.err.startswith(f"error: {path}: ")


def test_refused_evaluation_is_no_reading(run, command):
    command("eval", "run", "--checkpoint", "gone")
    assert not list(run.evaluations.iterdir())


def test_text_shows_interval_confusion_and_readings(run, command):
    command("eval", "run")
    lines = command("eval", "run").out.splitlines()
    assert lines[0].startswith("run, test split, checkpoint best (epoch ")
    assert "95 % interval" in lines[1]
    assert lines[2].startswith("accuracy ")
    assert any(line.startswith("true\\pred") for line in lines)
    assert lines[-1] == "the test split has been read 2 times for this run"


def test_text_for_another_split_says_nothing_of_test_readings(run, command):
    assert "has been read" not in command("eval", "run", "--split", "valid").out


def test_passed_over_checkpoint_is_said_on_stderr(run, command):
    newest = newest_first(run.checkpoints)[0]
    newest.write_bytes(b"torn")
    done = command("eval", "run", "--split", "valid", "--json")
    assert done.code == 0
    assert done.err.startswith(f"warning: passed over {newest}")
    assert json.loads(done.out)["checkpoint_file"] != newest.name


def test_run_before_its_first_evaluation_has_no_best(toy, command):
    command("train", toy, "--run-dir", "run", "--time-budget", "0")
    done = command("eval", "run")
    assert done.code == 4
    assert "no best epoch; --checkpoint last takes what is there" in done.err
    assert command("eval", "run", "--checkpoint", "last").code == 0


@pytest.mark.parametrize(("claim", "code", "verdict"), [("[0.0, 1.0]", 0, "within"), ("[0.9, 1.0]", 9, "OUTSIDE")])
def test_expect_holds_the_error_against_the_claim(toy, start, command, claim, code, verdict):
    start(toy, f"expect.test_error={claim}", "expect.source=a paper")
    done = command("eval", "run", "--expect")
    assert done.code == code
    assert f"% (a paper): {verdict}" in done.out
    assert ("outside of what the experiment claims, 0.9000 to 1.0000" in done.err) == bool(code)


def test_expect_with_json_prints_the_metrics_all_the_same(toy, start, command):
    start(toy, "expect.valid_error=[0.99, 1.0]")
    done = command("eval", "run", "--expect", "--split", "valid", "--json")
    assert done.code == 9
    assert json.loads(done.out)["split"] == "valid"


def test_expect_without_a_claim_is_a_usage_error_and_reads_nothing(run, command):
    done = command("eval", "run", "--expect")
    assert done.code == 2
    assert "claims nothing about the test error" in done.err
    assert not list(run.evaluations.iterdir())


def test_evaluation_of_no_run_is_refused(toy, command):
    assert command("eval", "latest").code == 4
    Path("empty").mkdir()
    done = command("eval", "empty")
    assert (done.code, done.err) == (4, "error: empty is not a run directory: it has no run.json\n")


def test_unknown_split_is_a_usage_error(run, command):
    assert command("eval", "run", "--split", "tset").code == 2


def test_moved_run_can_be_evaluated(run, command):
    Path("run").rename("moved")
    assert command("eval", "moved").code == 0


def test_claim_that_eval_does_not_measure_is_named(toy, command):
    toy.write_text(
        "name: machine\ndata: {dataset: bars-and-stripes, validation_examples: 8}\nmodel: {type: rbm, hidden: 3}\n"
        "loss: {type: contrastive_divergence, particles: 8}\nbatches: {size: 8}\n"
        "optimizer: {type: sgd, learning_rate: 0.1}\nstopping: [{type: max_epochs, epochs: 1}]\n"
        "checkpoint: {monitor: last}\nexpect: {train_pseudo_likelihood: [-20, -1]}\n"
    )
    assert command("train", str(toy)).code == 0
    done = command("eval", "latest", "--expect")
    assert done.code == 2
    assert "claims nothing about the test log-likelihood (key expect); mnistnn reproduce holds its pseudo" in done.err
