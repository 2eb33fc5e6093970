"""Autoencoders in whole runs: trained, stopped anywhere, verified, measured, drawn, refused; and as layers learn by
them before the whole does.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from mnistnn.experiment.trained import load_trained
from mnistnn.objectives.reconstruction import HiddenPixels
from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import read_rows

EXPERIMENT = """\
name: gives-back
data: {dataset: toy, validation_examples: 60}
model: {type: autoencoder, hidden: 7}
loss: {type: reconstruction}
batches: {size: 30}
optimizer: {type: sgd, learning_rate: 0.1}
stopping:
  - {type: max_epochs, epochs: 6}
checkpoint: {monitor: valid.loss}
"""
KINDS = {
    "plain": [],
    "denoising": ["loss.corruption=0.3", "averaging={decay: 0.9}"],
    "untied": ["model.tied=false", "penalties.l2.strength=1e-3"],
    "gaussian": ["model.visible=gaussian", "preprocess=[{type: standardize}]", "optimizer.learning_rate=0.002"],
    "begun at the data": ["model.visible_bias=data"],
    "by a line search": ["optimizer={type: l_bfgs}", "batches={size: full}"],
    "by a line search under masks": [
        "optimizer={type: conjugate_gradient}",
        "batches={size: 90, updates: 3}",
        "loss.corruption=0.2",
    ],
}
each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def coder(toy) -> Path:
    """The path of an experiment with an autoencoder on the toy set."""
    path: Path = toy.with_name("coder.yaml")
    path.write_text(EXPERIMENT)
    return path


@pytest.mark.parametrize("updates", [1, 5])
@each_kind
def test_run_stopped_after_any_update_has_the_same_bits(coder, command, stop_after, assert_same_result, kind, updates):
    assert command("train", coder, *KINDS[kind], "--run-dir", "reference", "-q").code == 0
    stop_after(updates)
    assert command("train", coder, *KINDS[kind], "--run-dir", "run", "-q").code == 143
    assert command("resume", "run", "-q").code == 0
    assert_same_result("run", "reference")


@each_kind
def test_run_learns_and_is_verified_shown_measured_and_drawn(coder, command, kind):
    assert command("train", coder, *KINDS[kind], "--epochs", "12", "--run-dir", "run", "-q").code == 0
    rows = read_rows(RunDirectory(Path("run")).metrics)
    assert rows[-1]["valid.reconstruction"] < rows[0]["valid.reconstruction"]
    assert rows[-1]["valid.loss"] < rows[0]["valid.loss"]
    assert (rows[-1]["valid.loss"] > rows[-1]["valid.reconstruction"]) == ("loss.corruption" in str(KINDS[kind]))
    for verb in ("show", "eval", "verify", "diff"):
        done = command(verb, "run", *(["run"] if verb == "diff" else []))
        assert done.code == 0, (verb, done.err)
    assert command("sample", "run", "--reconstruct", "--chains", "4").code == 0
    assert command("inspect", "filters", "run").code == 0
    assert command("inspect", "summary", coder).code == 0


def test_measurement_is_that_of_the_formula(coder, command):
    assert command("train", coder, "loss.corruption=0.3", "--run-dir", "run", "-q").code == 0
    found = json.loads(command("eval", "run", "--json").out)
    plan = load_trained(RunDirectory(Path("run"))).plan
    views = plan.task.flat.views(plan.task.flat.theta.astype("float64"))
    x = np.asarray(plan.place("test").x, dtype="float64").reshape(80, -1)
    part = HiddenPixels(0.3, plan.experiment.seed).seen(x.astype("float32"), 0)
    for seen, name in ((x, "reconstruction_nll"), (part, "loss")):
        y = 1 / (1 + np.exp(-seen @ views["hidden.W"] - views["hidden.b"]))
        z = 1 / (1 + np.exp(-y @ views["hidden.W"].T - views["visible.b"]))
        expected = -(x * np.log(z) + (1 - x) * np.log(1 - z)).sum(axis=1).mean()
        assert found[name] == pytest.approx(expected, rel=1e-5)
        if name == "reconstruction_nll":
            assert found["squared_error"] == pytest.approx(((x - z) ** 2).mean(), rel=1e-5)
    assert (found["examples"], found["corruption"], found["test_readings"]) == (80, 0.3, 1)
    assert Path("run/eval/reconstruction-test-best.json").exists()
    again = json.loads(command("eval", "run", "--json").out)
    assert again == {**found, "test_readings": 2}
    assert f"test reconstruction {found['loss']:.2f} nats on 80" in command("show", "run").out
    text = command("eval", "run", "--split", "valid").out
    assert "30 % of the pixels hidden" in text
    assert "of whole images" in text


def test_expected_reconstruction_is_held_against_the_run(coder, command):
    for name, band, code in (("good", "[1, 1000]", 0), ("bad", "[1, 2]", 9)):
        assert command("train", coder, f"expect.test_reconstruction={band}", "--run-dir", name, "-q").code == 0
        done = command("eval", name, "--expect")
        assert done.code == code
        assert ("within" if code == 0 else "OUTSIDE") in done.out
    assert "is outside of what the experiment claims, 1.00 to 2.00" in done.err


@pytest.mark.parametrize("change", ["damaged", "altered", "renamed"])
def test_measurement_that_is_not_as_it_was_written_is_found_by_verify(coder, command, change):
    assert command("train", coder, "--run-dir", "run", "-q").code == 0
    assert command("eval", "run").code == 0
    assert command("verify", "run").code == 0
    file = Path("run/eval/reconstruction-test-best.json")
    if change == "damaged":
        file.write_bytes(b"{")
    elif change == "altered":
        file.write_text(file.read_text().replace('"examples": 80', '"examples": 81'))
    else:
        file.rename(file.with_name("reconstruction-valid-best.json"))
    done = command("verify", "run")
    assert done.code == 9
    assert "eval/reconstruction-" in done.out + done.err


def test_pictures_show_images_what_is_seen_of_them_and_the_reconstruction(coder, command):
    from PIL import Image

    for name, overrides, rows in (("plain", [], 2), ("denoising", ["loss.corruption=0.3"], 3)):
        assert command("train", coder, *overrides, "--run-dir", name, "-q").code == 0
        assert command("sample", name, "--reconstruct", "--chains", "5", "--out", f"{name}.png").code == 0
        with Image.open(f"{name}.png") as image:
            assert image.size == (5 * 10 + 2, rows * 10 + 2)


REFUSED = {
    "pixels that are no probabilities": (["preprocess=[{type: standardize}]"], "binary units take pixels in [0, 1]"),
    "the loss of an energy-based model": (
        ["loss={type: contrastive_divergence}"],
        "autoencoder learns by reconstruction, not by",
    ),
    "a loss of digits": (["loss={type: softmax_nll}"], "autoencoder learns by reconstruction, not by softmax_nll"),
    "a classifier": (
        ["model={type: sequential, layers: {output: {type: dense, units: 4}}}"],
        "learns from labels or numbers, and reconstruction is for one that learns from images alone",
    ),
    "an energy-based model": (
        ["model={type: rbm, hidden: 5}"],
        "rbm learns by contrastive_divergence, not by reconstruction",
    ),
    "all hidden": (["loss.corruption=1"], "a number in [0, 1)"),
    "second order": (["optimizer={type: hessian_free}", "batches.size=full"], "needs second derivatives"),
    "a line search on other masks each time": (
        ["optimizer={type: l_bfgs}", "batches.size=full", "loss.corruption=0.1"],
        "other pixels are hidden for each batch",
    ),
    "errors that nobody makes": (["checkpoint.monitor=valid.error"], "there is no valid.error; valid.loss there is"),
    "pieces": (["batches.chunk=10"], "is for networks of layers"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_an_autoencoder_cannot_do_is_refused_by_name(coder, command, case):
    overrides, said = REFUSED[case]
    done = command("train", coder, *overrides, "--run-dir", "run")
    assert done.code == 2
    assert said in done.err
    assert not Path("run").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("sample", "run"),
        ("inspect", "errors", "run"),
        ("inspect", "activations", "run"),
        ("export", "run", "--to", "onnx"),
        ("eval", "run", "--ais"),
        ("eval", "run", "--mc-samples", "3"),
    ],
)
def test_what_needs_digits_or_probabilities_is_refused(coder, command, arguments):
    assert command("train", coder, "--run-dir", "run", "-q").code == 0
    done = command(*arguments)
    assert done.code == 2, done.err
    assert "autoencoder" in done.err


STACKED = """\
name: stack
data: {dataset: toy, validation_examples: 60}
model:
  type: sequential
  layers:
    first: {type: dense, units: 9, activation: sigmoid}
    second: {type: dense, units: 6, activation: sigmoid}
    output: {type: dense, units: 4, init: {type: zeros}}
pretrain:
  - layer: first
    loss: {type: reconstruction, corruption: 0.2}
    visible_bias: data
    batches: {size: 30}
    optimizer: {type: sgd, learning_rate: 0.1}
    stopping: [{type: max_epochs, epochs: 2}]
  - layer: second
    loss: {type: reconstruction}
    batches: {size: full}
    optimizer: {type: l_bfgs}
    stopping: [{type: max_epochs, epochs: 5}]
batches: {size: 30}
optimizer: {type: sgd, learning_rate: 1e-30}
stopping: [{type: max_epochs, epochs: 1}]
"""


@pytest.fixture
def stack(toy) -> Path:
    """The path of an experiment whose two layers learn before, as autoencoders."""
    path: Path = toy.with_name("stack.yaml")
    path.write_text(STACKED)
    return path


def test_layers_begin_with_the_hidden_units_of_their_autoencoders(stack, command):
    assert command("train", stack, "--run-dir", "run", "-q").code == 0
    model = load_trained(RunDirectory(Path("run"))).plan.task.flat
    found = model.views(model.theta)
    for number, layer in enumerate(("first", "second"), 1):
        phase = load_trained(RunDirectory(Path(f"run/pretrain/{number}-{layer}"))).task.flat
        views = phase.views(phase.theta)
        assert phase.type == "autoencoder"
        np.testing.assert_array_equal(found[f"{layer}.W"], views["hidden.W"])
        np.testing.assert_array_equal(found[f"{layer}.b"], views["hidden.b"])
        assert np.abs(views["hidden.b"]).max() > 0.001
    assert command("verify", "run").code == 0
    assert (
        "before, stack-first: autoencoder of 64 visible and 9 hidden units" in command("train", stack, "--dry-run").out
    )


def test_rbms_and_autoencoders_may_stand_upon_each_other(stack, command):
    of_second = ["loss={type: contrastive_divergence}", "optimizer={type: sgd, learning_rate: 0.1}"]
    overrides = [f"pretrain.1.{override}" for override in of_second]
    assert command("train", stack, *overrides, "--run-dir", "run", "-q").code == 0
    runs = [load_trained(RunDirectory(Path(f"run/pretrain/{name}"))) for name in ("1-first", "2-second")]
    assert [run.plan.task.flat.type for run in runs] == ["autoencoder", "rbm"]


@pytest.mark.parametrize("updates", [1, 4])
@pytest.mark.parametrize("phase", ["1-first", "2-second"])
def test_stack_stopped_in_a_phase_has_the_same_bits(stack, command, monkeypatch, assert_same_result, phase, updates):
    import signal

    from mnistnn.runner.checkpointing import RunCheckpointing

    assert command("train", stack, "--run-dir", "reference", "-q").code == 0
    real, stopped = RunCheckpointing.after_update, list[bool]()

    def after_update(self, t):
        if t.progress.updates == updates and self.run.path.name == phase and not stopped:
            stopped.append(True)
            signal.raise_signal(signal.SIGTERM)
        real(self, t)

    monkeypatch.setattr(RunCheckpointing, "after_update", after_update)
    assert command("train", stack, "--run-dir", "run", "-q").code == 143
    assert command("resume", "run", "-q").code == 0
    assert_same_result("run", "reference")
    for name in ("1-first", "2-second"):
        assert_same_result(f"run/pretrain/{name}", f"reference/pretrain/{name}")


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["pretrain.0.centred=true"], "is for restricted Boltzmann machines; by reconstruction an autoencoder learns"),
        (["pretrain.0.loss.corruption=2"], "a number in [0, 1)"),
        (["pretrain.0.loss={type: softmax_nll}"], "valid: contrastive_divergence, reconstruction"),
        (["pretrain.1.optimizer={type: hessian_free}"], "needs second derivatives"),
        (["preprocess=[{type: standardize}]"], "binary units take pixels in [0, 1]"),
    ],
)
def test_what_cannot_be_prepared_is_refused_and_nothing_written(stack, command, overrides, said):
    done = command("train", stack, *overrides, "--run-dir", "run")
    assert done.code == 2
    assert said in done.err
    assert not Path("run").exists()


def test_features_of_an_autoencoder_feed_any_classifier(coder, toy, command):
    assert command("train", coder, "--run-dir", "run", "-q").code == 0
    assert command("export", "run", "--to", "features", "--out", "f.safetensors", "-q").code == 0
    override = "preprocess=[{type: features, file: f.safetensors}]"
    assert command("train", toy, override, "--run-dir", "upon", "-q").code == 0
    assert load_trained(RunDirectory(Path("upon"))).plan.preprocessing.out_shape == (7,)


@each_kind
def test_gradients_are_checked(coder, command, kind):
    done = command("inspect", "gradcheck", coder, *KINDS[kind])
    assert done.code == 0, done.out + done.err
    assert {line.split()[0] for line in done.out.splitlines()[1:]} >= {"hidden.W", "hidden.b", "visible.b"}


def test_wrong_gradient_is_found(coder, command, monkeypatch):
    monkeypatch.setattr("mnistnn.objectives.reconstruction.sigmoid_backward", lambda dh, y: None)
    done = command("inspect", "gradcheck", coder)
    assert done.code == 9
    assert "parameter `hidden.W` is wrong" in done.err
    assert "visible.b" not in done.err
