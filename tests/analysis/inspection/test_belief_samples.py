"""Samples of deep belief nets: a chain at the top, then down to the pixels."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from mnistnn.analysis.inspection.belief_samples import downward, rbms_of, rows_of_belief_net
from mnistnn.analysis.inspection.samples import Chains
from mnistnn.backend.rng import stream
from mnistnn.config.load import load_experiment
from mnistnn.data.splits import read_split
from mnistnn.errors import UsageError
from mnistnn.run.directory import RunDirectory

MACHINE = "batches: {size: 30}, optimizer: {type: sgd, learning_rate: 0.1}, stopping: [{type: max_epochs, epochs: 2}]"
EXPERIMENT = f"""\
name: belief
data: {{dataset: toy, validation_examples: 60}}
model:
  type: sequential
  layers:
    first: {{type: dense, units: 9, activation: sigmoid}}
    second: {{type: dense, units: 7, activation: sigmoid}}
    third: {{type: dense, units: 6, activation: sigmoid}}
    output: {{type: dense, units: 4, init: {{type: zeros}}}}
pretrain:
  - {{layer: first, {MACHINE}}}
  - {{layer: second, {MACHINE}}}
  - {{layer: third, {MACHINE}}}
optimizer: {{type: sgd, learning_rate: 0.2}}
stopping: [{{type: max_epochs, epochs: 1}}]
"""


@pytest.fixture
def belief(toy, start):
    """Train a net whose layers learned as machines before, in the folder `run`; return its experiment."""
    path = toy.with_name("belief.yaml")
    path.write_text(EXPERIMENT)

    def train(*overrides):
        start(path, *overrides)
        return load_experiment(path, overrides).experiment

    return train


def machines(experiment):
    return rbms_of(RunDirectory(Path("run")), experiment)


def parameters(machine):
    model = machine.task.energy_model
    return {name: np.array(array, dtype=float) for name, array in model.views(model.values).items()}


def naive_downward(each, h, rng):
    """Go from the hidden units h (n, units) of the last machine down to probabilities, unit by unit."""
    for at in reversed(range(len(each))):
        W, b = each[at]["hidden.W"], each[at]["visible.b"]
        p = np.empty((len(h), len(b)))
        for n in range(len(h)):
            for i in range(len(b)):
                p[n, i] = expit(b[i] + sum(W[i, j] * h[n, j] for j in range(W.shape[1])))
        if at == 0:
            return p
        h = (rng.random(p.shape).astype("float32") < p).astype(float)
    raise AssertionError


def test_downward_pass_is_that_of_a_naive_loop(belief):
    found = machines(belief())
    h = np.random.default_rng(0).integers(0, 2, (5, 7)).astype("float32")
    expected = naive_downward([parameters(each) for each in found[:2]], h, stream(4, "gibbs", 3))
    pixels = downward([each.task.energy_model for each in found[:2]], h, stream(4, "gibbs", 3))
    np.testing.assert_allclose(pixels, expected, rtol=1e-5)


def test_rows_are_those_of_a_naive_chain_at_the_top(belief):
    found = machines(belief())
    rows = list(rows_of_belief_net(found, Chains(count=3, steps=3, every=2, start="noise", seed=4)))
    each = [parameters(machine) for machine in found]
    top, rng, below = each[-1], stream(4, "gibbs", 2), stream(4, "gibbs", 3)
    v = rng.random((3, 7)).astype("float32").astype(float)
    expected = [naive_downward(each[:2], v, below)]
    for step in (1, 2, 3):
        p_h = expit(top["hidden.b"] + v @ top["hidden.W"])
        h = (rng.random(p_h.shape).astype("float32") < p_h).astype(float)
        p_v = expit(top["visible.b"] + h @ top["hidden.W"].T)
        v = (rng.random(p_v.shape).astype("float32") < p_v).astype(float)
        if step in (2, 3):
            expected.append(naive_downward(each[:2], v, below))
    assert len(rows) == 3
    for row, p in zip(rows, expected, strict=True):
        np.testing.assert_array_equal(row, np.rint(255 * p.astype("float32")).reshape(3, 8, 8).astype(np.uint8))


def test_chains_that_begin_with_images_show_these_first(belief):
    experiment = belief()
    first, *_ = rows_of_belief_net(machines(experiment), Chains(count=3, steps=1))
    np.testing.assert_array_equal(first, read_split(experiment.data, "valid").images[:3])


def test_machines_are_those_of_the_phases_and_not_what_became_of_them(belief):
    experiment = belief("optimizer.learning_rate=5")
    first, *_ = machines(experiment)
    assert first.record.name == "belief-first"
    assert [each.task.energy_model.n_in for each in machines(experiment)] == [64, 9, 7]


def test_single_machine_is_sampled_as_one(belief, command):
    experiment = belief("pretrain=[{layer: first, " + MACHINE + "}]")
    rows = list(rows_of_belief_net(machines(experiment), Chains(count=3, steps=2, every=1, held="top")))
    np.testing.assert_array_equal(rows[1][:, :4], rows[0][:, :4])


def test_command_draws_samples_and_says_what_it_cannot_do(belief, command):
    belief()
    done = command("sample", "run", "--chains", 2, "--steps", 4, "--every", 2, "--out", "s.png")
    assert (done.code, done.err) == (0, "wrote s.png\n")
    done = command("sample", "run", "--clamp", "top", "--steps", 1)
    assert (done.code, "--clamp holds pixels" in done.err) == (2, True)
    done = command("sample", "run", "--checkpoint", "run/checkpoints/x.safetensors")
    assert (done.code, "each with its best or last parameters" in done.err) == (2, True)


def test_net_of_autoencoders_cannot_be_sampled_and_says_why(belief, command):
    learns = MACHINE + ", loss: {type: reconstruction}"
    experiment = belief(f"pretrain=[{{layer: first, {learns}}}, {{layer: second, {learns}}}]")
    with pytest.raises(UsageError, match=r"pretrain.0 \(first\) learned by reconstruction: an auto"):
        machines(experiment)
    done = command("sample", "run")
    assert (done.code, "mnistnn sample --reconstruct run/pretrain/1-first" in done.err) == (2, True)
    assert command("sample", "--reconstruct", "run/pretrain/1-first", "--chains", 2).code == 0


def test_machine_that_has_not_learned_to_its_end_is_named(belief, command):
    belief()
    Path("run/pretrain/3-third.safetensors").unlink()
    done = command("sample", "run")
    assert done.code != 0
    assert "third has not learned to its end" in done.err
