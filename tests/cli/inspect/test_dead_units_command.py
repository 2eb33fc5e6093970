"""`mnistnn inspect dead-units`."""

import json

import numpy as np
import pytest

from mnistnn.run import checkpoint as checkpoints


@pytest.fixture
def run(toy, start):
    """A run in which the hidden units 2 and 3 are dead, and no others."""
    found = start(toy, "model.layers.hidden.activation=relu", "stopping.max_epochs.epochs=1").run
    path, saved, _ = checkpoints.read_newest(found.checkpoints)
    theta = saved.tensors["theta"].copy()
    W, b = theta[: 64 * 12].reshape(64, 12), theta[64 * 12 : 65 * 12]
    b += 9.0
    W[:, 2:4], b[2:4] = 0.0, -1.0
    tensors = {**saved.tensors, "best": theta, "theta": np.zeros_like(theta)}
    path.write_bytes(checkpoints.encode(checkpoints.Checkpoint(tensors, saved.state)))
    return found


def test_json_names_them(run, command):
    done = command("inspect", "dead-units", "run", "--json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert (found["schema_version"], found["split"], found["examples"]) == (1, "train", 300)
    still = {"dead": [2, 3], "saturated": [], "constant": []}
    assert found["layers"] == [{"name": "hidden", "type": "dense", "activation": "relu", "units": 12, **still}]


def test_text_names_them(run, command):
    done = command("inspect", "dead-units", "run", "--split", "valid", "--examples", "7")
    assert done.out.splitlines() == [
        "run, valid split, checkpoint best (epoch 1): 7 examples",
        "hidden, dense, relu: 12 units",
        "  dead 2 (16.7 %): 2-3",
    ]


def test_other_parameters_can_be_looked_at(run, command):
    assert "dead 12 (100.0 %): 0-11" in command("inspect", "dead-units", "run", "--checkpoint", "last").out


def test_only_a_reading_of_the_test_split_is_written_down(run, command, everything_below):
    before = everything_below(run.path)
    assert command("inspect", "dead-units", "run").code == 0
    assert everything_below(run.path) == before
    done = command("inspect", "dead-units", "run", "--split", "test")
    assert done.out.endswith("the test split has been read once for this run\n")


@pytest.mark.parametrize("examples", ["0", "-3", "some", "1.5"])
def test_impossible_number_of_examples_is_a_usage_error(run, command, examples):
    done = command("inspect", "dead-units", "run", "--examples", examples)
    assert (done.code, "is neither 'all' nor a number above 0" in done.err) == (2, True)


def test_model_without_activations_is_refused(toy, start, command):
    start(toy, "model.layers={hidden: null}", "stopping.max_epochs.epochs=1")
    done = command("inspect", "dead-units", "run")
    assert (done.code, "no layer of this model has an activation" in done.err) == (2, True)
