"""Boltzmann machines in whole runs: trained, stopped anywhere, verified, measured, drawn from, refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from mnistnn.analysis.evaluation.results import stored_results
from mnistnn.experiment.trained import Trained, load_trained
from mnistnn.models.boltzmann import Boltzmann
from mnistnn.models.rbm import RBM
from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import read_rows
from mnistnn.tasks.partition import RBMParameters, enumerated, logsumexp, states

EXPERIMENT = """\
name: machine
data: {dataset: toy, validation_examples: 60}
model: {type: rbm, hidden: 7}
loss: {type: contrastive_divergence}
batches: {size: 30}
optimizer: {type: momentum, learning_rate: 0.02, momentum: 0.8}
stopping:
  - {type: max_epochs, epochs: 6}
checkpoint: {monitor: valid.loss}
"""
KINDS = {
    "contrastive divergence": [],
    "growing chains": ["loss={type: contrastive_divergence, steps: {start: 1, end: 3, epochs: 3}}"],
    "persistent": ["loss={type: contrastive_divergence, steps: 2, particles: 9}", "averaging={decay: 0.9}"],
    "centred": ["model.centred=true", "loss={type: contrastive_divergence, particles: 9, sample_pixels: true}"],
    "sparse": [
        "loss={type: contrastive_divergence, sparsity: {target: 0.2, strength: 1.0}}",
        "penalties.l2.strength=1e-3",
    ],
    "gaussian": ["model.visible=gaussian", "preprocess=[{type: standardize}]", "optimizer.learning_rate=0.002"],
    "begun at the data": ["model.visible_bias=data", "model.centred=true"],
    "black and white": ["preprocess=[{type: binarize, threshold: 0.4}]"],
    "fully visible": ["model={type: boltzmann}", "preprocess=[{type: shrink, shape: 4}]"],
    "with hidden units": ["model={type: boltzmann, hidden: 3, visible_bias: data}", "loss.particles=9", "loss.steps=2"],
}
each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def rbm(toy) -> Path:
    """The path of an experiment with a model on the toy set."""
    path: Path = toy.with_name("machine.yaml")
    path.write_text(EXPERIMENT)
    return path


def restricted(trained: Trained) -> RBMParameters:
    model = trained.plan.task.energy_model
    assert isinstance(model, RBM)
    return RBMParameters.of(model)


@pytest.mark.parametrize("updates", [1, 10, 27])
@each_kind
def test_run_stopped_after_any_update_has_the_same_bits(rbm, command, stop_after, assert_same_result, kind, updates):
    assert command("train", rbm, *KINDS[kind], "--run-dir", "reference", "-q").code == 0
    stop_after(updates)
    assert command("train", rbm, *KINDS[kind], "--run-dir", "run", "-q").code == 143
    assert command("resume", "run", "-q").code == 0
    assert_same_result("run", "reference")


@each_kind
def test_run_learns_and_is_verified_shown_and_measured(rbm, command, kind):
    assert command("train", rbm, *KINDS[kind], "--epochs", "12", "--run-dir", "run", "-q").code == 0
    rows = read_rows(RunDirectory(Path("run")).metrics)
    has_features = "boltzmann" not in str(KINDS[kind])
    assert ({"valid.loss", "free_energy.gap"} | ({"valid.reconstruction"} if has_features else set())) <= rows[0].keys()
    assert rows[-1]["valid.loss"] < rows[0]["valid.loss"]
    for verb in ("show", "eval", "verify", "diff"):
        done = command(verb, "run", *(["run"] if verb == "diff" else []))
        assert done.code == 0, (verb, done.err)
    assert command("sample", "run", "--steps", "4", "--every", "2").code == 0
    assert command("inspect", "filters", "run").code == 0
    assert command("inspect", "summary", rbm).code == 0


@pytest.mark.parametrize("hidden", [0, 3])
def test_likelihood_of_a_boltzmann_machine_is_that_of_enumeration_and_annealing_agrees(rbm, command, hidden):
    overrides = [f"model={{type: boltzmann, hidden: {hidden}}}", "preprocess=[{type: shrink, shape: 4}]"]
    assert command("train", rbm, *overrides, "--run-dir", "run", "-q").code == 0
    exact = json.loads(command("eval", "run", "--json", "--split", "valid").out)
    trained = load_trained(RunDirectory(Path("run")))
    model = trained.plan.task.energy_model
    assert isinstance(model, Boltzmann)
    W, b = (array.astype("float64") for array in model.connections())
    (x,) = (np.concatenate(list(states(16 + hidden))),)
    log_z = logsumexp(x @ b + 0.5 * ((x @ W) * x).sum(axis=1))
    v = np.asarray(trained.plan.place("valid").x)
    assert exact["partition"]["method"] == "exact"
    assert exact["log_likelihood"] == pytest.approx(-model.free_energy(v).mean() - log_z, rel=1e-5)
    assert exact["reconstruction_nll"] is None
    options = ["--ais", "--reverse", "--temperatures", "300", "--chains", "200"]
    found = json.loads(command("eval", "run", "--json", "--split", "valid", *options).out)
    assert found["partition"]["method"] == "ais"
    assert found["log_likelihood"] == pytest.approx(exact["log_likelihood"], abs=0.1)
    assert found["reverse"]["value"] == pytest.approx(exact["partition"]["value"], abs=0.2)
    assert command("eval", "run").code == 0
    assert command("verify", "run").code == 0


def test_boltzmann_machine_has_no_features(rbm, command):
    assert command("train", rbm, "model={type: boltzmann}", "--run-dir", "run", "-q").code == 0
    for arguments in (("sample", "run", "--reconstruct"), ("export", "run", "--to", "features")):
        done = command(*arguments)
        assert (done.code, "boltzmann" in done.err) == (2, True)


def test_likelihood_is_that_of_enumeration(rbm, command):
    assert command("train", rbm, "--run-dir", "run", "-q").code == 0
    found = json.loads(command("eval", "run", "--json").out)
    trained = load_trained(RunDirectory(Path("run")))
    m = restricted(trained)
    exact = enumerated(m)
    assert exact is not None
    v = np.asarray(trained.plan.place("test").x).reshape(80, -1).astype("float64")
    expected = -m.free_energy(v).mean() - exact.value
    assert found["log_likelihood"] == pytest.approx(expected, rel=1e-5)
    assert found["partition"]["method"] == "exact"
    assert found["log_likelihood_low"] == found["log_likelihood"] == found["log_likelihood_high"]
    assert (found["examples"], found["test_readings"]) == (80, 1)
    assert f"test log-likelihood {found['log_likelihood']:.2f} nats on 80" in command("show", "run").out
    assert [each.split for each in stored_results(RunDirectory(Path("run")))] == ["test"]


def test_annealing_agrees_with_enumeration(rbm, command):
    assert command("train", rbm, "--epochs", "20", "--run-dir", "run", "-q").code == 0
    exact = json.loads(command("eval", "run", "--json", "--split", "valid").out)
    options = ["--ais", "--reverse", "--temperatures", "2000", "--chains", "200"]
    done = command("eval", "run", "--json", "--split", "valid", *options)
    found = json.loads(done.out)
    assert found["partition"]["method"] == "ais"
    assert found["log_likelihood"] == pytest.approx(exact["log_likelihood"], abs=0.1)
    assert found["reverse"]["value"] == pytest.approx(exact["partition"]["value"], abs=0.3)
    text = command("eval", "run", "--split", "valid", *options).out
    assert "three standard errors" in text
    assert "from the other side" in text
    assert command("verify", "run").code == 0


def test_expected_likelihood_is_held_against_the_run(rbm, command):
    assert command("train", rbm, "expect.test_log_likelihood=[-1000, -1]", "--run-dir", "good", "-q").code == 0
    assert command("eval", "good", "--expect").code == 0
    assert command("train", rbm, "expect.test_log_likelihood=[-2, -1]", "--run-dir", "bad", "-q").code == 0
    done = command("eval", "bad", "--expect")
    assert done.code == 9
    assert "is outside of what the experiment claims, -2.00 to -1.00" in done.err


@pytest.mark.parametrize("damage", [b"{", b'{"schema_version": 2}', b"null"])
def test_damaged_measurement_is_found_by_verify(rbm, command, damage):
    assert command("train", rbm, "--run-dir", "run", "-q").code == 0
    assert command("eval", "run").code == 0
    Path("run/eval/likelihood-test-best.json").write_bytes(damage)
    done = command("verify", "run")
    assert done.code == 9
    assert "eval/likelihood-test-best.json" in done.out + done.err


def test_altered_measurement_is_found_by_verify(rbm, command):
    assert command("train", rbm, "--run-dir", "run", "-q").code == 0
    assert command("eval", "run").code == 0
    file = Path("run/eval/likelihood-test-best.json")
    file.write_text(file.read_text().replace('"examples": 80', '"examples": 81'))
    assert command("verify", "run").code == 9


REFUSED = {
    "pixels that are no probabilities": (
        ["preprocess=[{type: standardize}]"],
        "binary units take pixels in [0, 1] as probabilities, and preprocessed ones go from",
    ),
    "no particles": (["loss.particles=0"], "loss.particles"),
    "a line search": (
        ["optimizer={type: l_bfgs}", "batches.size=full"],
        "contrastive_divergence has no value that falls along its own",
    ),
    "second order": (["optimizer={type: stochastic_diagonal, learning_rate: 0.1}"], "asks the objective for more than"),
    "a loss of digits": (
        ["loss={type: softmax_nll}"],
        "of type rbm learns by contrastive_divergence, not by softmax_nll",
    ),
    "a classifier": (
        ["model={type: sequential, layers: {output: {type: dense, units: 4}}}"],
        "a model of type sequential learns from labels or numbers, and contrastive_divergence is for one that learns",
    ),
    "errors that nobody makes": (["checkpoint.monitor=valid.error"], "there is no valid.error; valid.loss there is"),
    "patience with them": (
        ["stopping=[{type: max_epochs, epochs: 3}, {type: course_patience}]"],
        "a model of type rbm is unsupervised, so there is no valid.error",
    ),
    "training errors": (["evaluation.train_error=true"], "so there are no errors"),
    "pieces": (["batches.chunk=10"], "is for networks of layers"),
    "hidden units that there are none of": (
        ["model={type: boltzmann}", "loss.sparsity={strength: 1}"],
        "there are no hidden units to be kept quiet",
    ),
    "more hidden units than can be summed over": (["model={type: boltzmann, hidden: 13}"], "an integer in [0, 12]"),
    "several updates of a batch": (["batches.updates=2"], "is for objectives that stay the same, and chains go on"),
    "a rate that follows errors": (
        ["optimizer.learning_rate={type: plateau, start: 0.1, monitor: valid.error}"],
        "a model of type rbm is unsupervised, so there is no valid.error",
    ),
}


def test_means_of_white_pixels_that_are_rounded_above_one_are_taken(rbm, command):
    """A seventh of 3½ px, seven times: of white ones that is 1.0000001 in single precision."""
    transforms = "preprocess=[{type: binarize, threshold: 0.05}, {type: pad, shape: 14}, {type: shrink, shape: 4}]"
    done = command("train", rbm, transforms, "--run-dir", "run", "-q")
    assert done.code == 0, done.err


@pytest.mark.parametrize("case", REFUSED)
def test_what_an_energy_based_model_cannot_do_is_refused_by_name(rbm, command, case):
    overrides, said = REFUSED[case]
    done = command("train", rbm, *overrides, "--run-dir", "run")
    assert done.code == 2
    assert said in done.err
    assert not Path("run").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", "run", "digit.png"),
        ("inspect", "errors", "run"),
        ("inspect", "confusion", "run"),
        ("inspect", "activations", "run"),
        ("inspect", "dead-units", "run"),
        ("export", "run", "--to", "onnx"),
        ("eval", "run", "--mc-samples", "3"),
    ],
)
def test_what_needs_a_classifier_is_refused_for_an_energy_based_model(rbm, command, arguments):
    from PIL import Image

    Image.fromarray(np.full((40, 40), 255, np.uint8)).save("digit.png")
    assert command("train", rbm, "--run-dir", "run", "-q").code == 0
    done = command(*arguments)
    assert done.code == 2, done.err
    assert "rbm" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("sample", "run"), "its model, of type sequential, gives no image a probability"),
        (
            ("eval", "run", "--temperatures", "100"),
            "for energy-based models, and this model is of type sequential",
        ),
    ],
)
def test_what_needs_an_energy_based_model_is_refused_for_a_classifier(toy, command, arguments, said):
    assert command("train", toy, "--run-dir", "run", "-q").code == 0
    done = command(*arguments)
    assert done.code == 2
    assert said in done.err


def test_samples_are_drawn_into_a_file_or_the_terminal(rbm, command):
    from PIL import Image

    assert command("train", rbm, "--run-dir", "run", "-q").code == 0
    options = ["--chains", "5", "--steps", "6", "--every", "2"]
    assert command("sample", "run", *options, "--out", "s.png").code == 0
    with Image.open("s.png") as image:
        assert image.size == (5 * 10 + 2, 4 * 10 + 2)  # the beginning, and three rows
    assert command("sample", "run", *options, "--out", "s.png").code == 2  # it is there
    again = Path("s.png").read_bytes()
    assert command("sample", "run", *options, "--out", "s.png", "--force").code == 0
    assert Path("s.png").read_bytes() == again
    assert command("sample", "run", *options, "--from", "noise", "--seed", "1").code == 0
    assert command("sample", "run", "--reconstruct", "--chains", "3").code == 0
    done = command("sample", "run", "--from", "noise", "--clamp", "top")
    assert (done.code, "there is nothing to complete in noise" in done.err) == (2, True)


@pytest.mark.parametrize("held", ["top", "bottom", "left", "right"])
@pytest.mark.parametrize("model", [[], ["model={type: boltzmann, hidden: 2}"]])
def test_held_pixels_stay_and_the_others_are_made(rbm, command, held, model):
    from mnistnn.analysis.inspection.samples import Chains, half, rows_of_samples

    assert command("train", rbm, *model, "--run-dir", "run", "-q").code == 0
    trained = load_trained(RunDirectory(Path("run")))
    first, *rows = rows_of_samples(trained, Chains(count=6, steps=4, every=2, held=held))
    mask = half(held, (8, 8))
    assert mask.sum() == 32
    assert len(rows) == 2
    for row in rows:
        assert np.array_equal(row[:, mask], first[:, mask])
        assert not np.array_equal(row[:, ~mask], first[:, ~mask])


def test_samples_are_of_the_distribution_of_the_model(rbm, command):
    """The mean of each pixel over many long chains, against a sum over all hidden states."""
    from mnistnn.analysis.inspection.samples import Chains, rows_of_samples

    assert command("train", rbm, "--run-dir", "run", "-q").code == 0
    trained = load_trained(RunDirectory(Path("run")))
    m = restricted(trained)
    (h,) = states(7)
    log_p = m.log_weight_of_hidden(h)
    p = np.exp(log_p - logsumexp(log_p))
    expected = p @ (1 / (1 + np.exp(-(h @ m.W.T + m.b_v))))
    *_, last = rows_of_samples(trained, Chains(count=300, steps=300, every=300, start="train"))
    np.testing.assert_allclose(last.reshape(300, -1).mean(axis=0) / 255, expected, atol=0.1)


NOT_CHECKED = {
    "centred": "with model.centred=false, what is centred is checked",
    "begun at the data": "with model.centred=false",
    "sparse": "with loss.sparsity=null, the rest is checked",
}


@each_kind
def test_gradient_of_an_update_is_checked_where_it_is_that_of_energies(rbm, command, kind):
    done = command("inspect", "gradcheck", rbm, *KINDS[kind])
    if kind in NOT_CHECKED:
        assert (done.code, NOT_CHECKED[kind] in done.err) == (2, True), done
    else:
        assert done.code == 0, done.out + done.err
        assert {line.split()[0] for line in done.out.splitlines()[1:]} >= {"visible.b"}


@pytest.mark.parametrize("kind", ["contrastive divergence", "with hidden units"])
def test_wrong_gradient_of_energies_is_found(rbm, command, monkeypatch, kind):
    from mnistnn.objectives.boltzmann import BoltzmannObjective
    from mnistnn.objectives.contrastive_divergence import RBMObjective

    for objective in (RBMObjective, BoltzmannObjective):
        right = objective._write_gradient

        def wrong(self, x, *rest, right=right):
            right(self, x, *rest)
            self.model.grad[self.model.slots[0].part] *= 1.001

        monkeypatch.setattr(objective, "_write_gradient", wrong)
    done = command("inspect", "gradcheck", rbm, *KINDS[kind])
    assert done.code == 9
    assert done.err.startswith("error: the gradient of parameter `hidden.W` is wrong: error 0.0005, allowed 1e-0")
    assert "visible" not in done.err
