"""`mnistnn inspect activations`."""

import json

import pytest


@pytest.fixture
def run(toy, start):
    return start(toy, "stopping.max_epochs.epochs=1").run


def test_json_has_layers_and_parameters(run, command):
    done = command("inspect", "activations", "run", "--json", "--examples", "30")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert (found["schema_version"], found["split"], found["examples"]) == (1, "valid", 30)
    assert [(each["name"], each["type"]) for each in found["layers"]] == [("hidden", "dense"), ("output", "dense")]
    assert [each["name"] for each in found["parameters"]] == ["hidden.W", "hidden.b", "output.W", "output.b"]
    assert found["layers"][1]["saturated"] is None
    assert found["layers"][0]["outputs"].keys() == {"mean", "deviation", "smallest", "largest", "norm", "zeros"}


def test_text_has_a_line_for_each(run, command):
    done = command("inspect", "activations", "run")
    first, *lines = done.out.splitlines()
    assert first.startswith("run, valid split, checkpoint best (epoch 1): 60 examples, mean loss ")
    assert [line.split()[0] for line in lines if line] == [
        "layer", "input", "hidden", "output", "parameter", "hidden.W", "hidden.b", "output.W", "output.b",
    ]  # fmt: skip
    assert done.err.startswith("gradients are of the mean loss, without penalties")
    assert command("inspect", "activations", "run", "-q").err == ""


def test_only_a_reading_of_the_test_split_is_written_down(run, command, everything_below):
    before = everything_below(run.path)
    command("inspect", "activations", "run", "--split", "train")
    assert everything_below(run.path) == before
    done = command("inspect", "activations", "run", "--split", "test")
    assert done.out.endswith("the test split has been read once for this run\n")
    assert json.loads(command("eval", "run", "--json").out)["test_readings"] == 2


@pytest.mark.parametrize("examples", ["0", "10001", "all"])
def test_impossible_number_of_examples_is_a_usage_error(run, command, examples):
    assert command("inspect", "activations", "run", "--examples", examples).code == 2
