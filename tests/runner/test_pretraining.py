"""Layers that learn as models before the whole does: what they begin with, stopped anywhere, verified, refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from mnistnn.experiment import trained
from mnistnn.run import transforms
from mnistnn.run.directory import RunDirectory, all_runs
from mnistnn.run.metrics import read_rows
from mnistnn.run.record import read_record

EXPERIMENT = """\
name: belief
data: {dataset: toy, validation_examples: 60}
model:
  type: sequential
  layers:
    first: {type: dense, units: 9, activation: sigmoid}
    second: {type: dense, units: 6, activation: sigmoid}
    output: {type: dense, units: 4, init: {type: zeros}}
pretrain:
  - layer: first
    centred: true
    loss: {type: contrastive_divergence, particles: 8}
    batches: {size: 30}
    optimizer: {type: momentum, learning_rate: 0.02, momentum: 0.8}
    stopping: [{type: max_epochs, epochs: 2}]
  - layer: second
    batches: {size: 30}
    optimizer: {type: sgd, learning_rate: 0.05}
    stopping: [{type: max_epochs, epochs: 3}]
batches: {size: 30}
optimizer: {type: sgd, learning_rate: 0.2}
stopping: [{type: max_epochs, epochs: 2}]
"""
BUDGET = ("--time-budget", "0s")
UNMOVED = ("optimizer.learning_rate=1e-30", "stopping.max_epochs.epochs=1")


@pytest.fixture
def belief(toy) -> Path:
    """The path of an experiment with two layers that learn before."""
    path: Path = toy.with_name("belief.yaml")
    path.write_text(EXPERIMENT)
    return path


def parameters(run, **options):
    model = trained.load_trained(RunDirectory(Path(run)), **options).plan.task.flat
    return model.views(model.values)


def features(path):
    return transforms.read(Path(path), "features")


@pytest.mark.parametrize("overrides", [[], ["averaging.decay=0.99"]])
def test_layers_begin_with_what_their_rbms_have_learned(belief, command, overrides):
    """An average of parameters begins there as well."""
    assert command("train", belief, *UNMOVED, *overrides, "--run-dir", "run", "-q").code == 0
    found = parameters("run")
    for number, layer in enumerate(("first", "second"), 1):
        rbm = parameters(f"run/pretrain/{number}-{layer}")
        np.testing.assert_array_equal(found[f"{layer}.W"], rbm["hidden.W"])
        np.testing.assert_array_equal(found[f"{layer}.b"], rbm["hidden.b"])
        assert np.abs(rbm["hidden.b"]).max() > 0.01
    assert np.abs(found["output.W"]).max() < 1e-20


def test_phase_is_the_run_that_its_experiment_makes_alone(belief, command):
    """The second model, too, from the features of the first one as `export` gives them."""
    assert command("train", belief, *UNMOVED, "--run-dir", "run", "-q").code == 0
    for phase in ("1-first", "2-second"):
        config = Path(f"run/pretrain/{phase}/config.yaml")
        assert command("train", config, "--run-dir", phase, "-q").code == (0 if phase == "1-first" else 2)
        if phase == "2-second":
            exported = command("export", "1-first", "--to", "features", "--out", "first.safetensors", "-q")
            assert exported.code == 0
            assert Path("first.safetensors").read_bytes() == Path("run/pretrain/1-first.safetensors").read_bytes()
            override = "preprocess=[{type: features, file: first.safetensors}]"
            assert command("train", config, override, "--run-dir", phase, "-q").code == 0
        for name, array in parameters(phase).items():
            np.testing.assert_array_equal(array, parameters(f"run/pretrain/{phase}")[name])


@pytest.mark.parametrize("phase", [0, 1, 2])
@pytest.mark.parametrize("updates", [1, 15, 20])
def test_run_stopped_anywhere_has_the_same_bits(belief, command, monkeypatch, assert_same_result, phase, updates):
    """Stopped in a phase (0 and 1), or after them; twenty updates are the end of the first phase and of the whole."""
    import signal

    from mnistnn.runner.checkpointing import RunCheckpointing

    assert command("train", belief, "--run-dir", "reference", "-q").code == 0
    names, real = ["1-first", "2-second", "run"], RunCheckpointing.after_update

    def after_update(self, t):
        if t.progress.updates == updates and self.run.path.name == names[phase] and not stopped:
            stopped.append(True)
            signal.raise_signal(signal.SIGTERM)
        real(self, t)

    stopped: list[bool] = []
    monkeypatch.setattr(RunCheckpointing, "after_update", after_update)
    assert command("train", belief, "--run-dir", "run", "-q").code == 143
    record = read_record(RunDirectory(Path("run")))
    assert (record.status, record.exit_code) == ("interrupted", 143)
    assert phase == 2 or names[phase] in str(record.reason)
    assert command("verify", "run").code == 0
    assert command("resume", "run", "-q").code == 0
    assert_same_result("run", "reference")
    for name in names[:2]:
        assert_same_result(f"run/pretrain/{name}", f"reference/pretrain/{name}")
    assert command("verify", "run", "reference").code == 0


def test_phase_that_ended_before_its_file_was_written_is_not_learned_again(belief, command, monkeypatch):
    written = transforms.write

    def fails(path, kind, tensors):
        raise OSError(28, "no space left")

    monkeypatch.setattr(transforms, "write", fails)
    assert command("train", belief, "--run-dir", "run", "-q").code != 0
    first = RunDirectory(Path("run/pretrain/1-first"))
    assert read_record(first).status == "finished"
    before = first.record.read_bytes()
    monkeypatch.setattr(transforms, "write", written)
    assert command("resume", "run", "-q").code == 0
    assert first.record.read_bytes() == before


def test_time_budget_holds_for_all_phases_together(belief, command):
    for phase in ("1-first", "2-second"):
        done = command(*(("resume", "run") if phase == "2-second" else ("train", belief, "--run-dir", "run")), *BUDGET)
        assert (done.code, done.err.endswith("Go on with: mnistnn resume run\n")) == (75, True)
    assert command("resume", "run", "-q").code == 0


def test_seconds_of_phases_count(belief, command):
    assert command("train", belief, "--run-dir", "run", "-q").code == 0
    phases = [read_record(RunDirectory(Path(f"run/pretrain/{name}"))).seconds for name in ("1-first", "2-second")]
    assert read_record(RunDirectory(Path("run"))).seconds > sum(phases)


def test_show_tells_how_each_phase_stands(belief, command, stop_after):
    stop_after(25)
    assert command("train", belief, "--run-dir", "run", "-q").code == 143
    said = command("show", "run").out
    assert "before       1-first: finished, 2 epochs, " in said
    assert "before       2-second: interrupted, 2 epochs, " in said
    phases = json.loads(command("show", "run", "--json").out)["phases"]
    assert phases[0]["name"] == "1-first"
    assert phases[0]["last"]["epoch"] == 2


def test_control_learns_nothing_before(belief, command):
    assert command("train", belief, "--no-pretrain", "--run-dir", "run", "-q").code == 0
    assert not Path("run/pretrain").exists()
    rows = read_rows(RunDirectory(Path("run")).metrics)
    assert command("train", belief, "--run-dir", "prepared", "-q").code == 0
    assert read_rows(RunDirectory(Path("prepared")).metrics)[0]["train.loss"] != rows[0]["train.loss"]


def test_phases_are_no_runs_of_the_list(belief, command):
    assert command("train", belief, "-q").code == 0
    (run,) = all_runs(Path("runs"))
    assert Path("runs/latest").resolve() == run.path.resolve()
    assert not list(run.path.rglob("latest"))


def test_dry_run_names_what_is_learned_before(belief, command):
    said = command("train", belief, "--dry-run").out
    assert "before, belief-first: rbm of 64 visible and 9 hidden units, 10 updates per epoch" in said
    assert "before, belief-second: rbm of 9 visible and 6 hidden units, 10 updates per epoch" in said


@pytest.mark.parametrize("harm", ["altered", "removed", "run removed", "inside"])
def test_damage_to_a_phase_is_found(belief, command, harm):
    import shutil

    assert command("train", belief, "--run-dir", "run", "-q").code == 0
    assert command("verify", "run").code == 0
    file, run = Path("run/pretrain/1-first.safetensors"), Path("run/pretrain/1-first")
    if harm == "altered":
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
    elif harm == "removed":
        file.unlink()
    elif harm == "run removed":
        shutil.rmtree(run)
    else:
        (run / "metrics.jsonl").write_text("")
    found = command("verify", "run")
    assert found.code == 9
    assert "pretrain/1-first" in found.err


def test_finished_run_without_checkpoints_is_found(belief, command):
    """Only a run that ended before may have none."""
    assert command("train", belief, "--run-dir", "run", "-q").code == 0
    for path in [*Path("run/checkpoints").iterdir(), Path("run/metrics.jsonl")]:
        path.unlink()
    found = command("verify", "run")
    assert (found.code, "no checkpoint that can be used" in found.err) == (9, True)


@pytest.mark.parametrize(
    ("overrides", "key", "said"),
    [
        (["pretrain.0.layer=frist"], "pretrain.0.layer", "no layer is named 'frist'; did you mean 'first'?"),
        (["pretrain.0.layer=second"], "pretrain.0.layer", "so this one is about 'first'"),
        (["pretrain.1.layer=first"], "pretrain.1.layer", "so this one is about 'second'"),
        (
            ["model.layers.first.activation=relu"],
            "pretrain.0.layer",
            "whose activation is sigmoid, and 'first' is relu",
        ),
        (
            ["model.layers.first={type: activation, activation: tanh}"],
            "pretrain.0.layer",
            "'first' is of type activation",
        ),
        (["pretrain.1.optimizer={type: l_bfgs}"], "pretrain.1.optimizer", "l_bfgs asks the objective for more"),
        (["pretrain.0.loss.particles=0"], "pretrain.0.loss.particles", "expected an integer in [1, 1000000]"),
        (
            ["pretrain.1.stopping=[{type: target, monitor: valid.error, value: 0.1}]"],
            "pretrain.1.stopping",
            "there is no valid.error",
        ),
        (["preprocess=[{type: standardize}]"], "pretrain.0.visible", "binary units take pixels in [0, 1]"),
        (
            [
                "model={type: rbm, hidden: 5}",
                "loss={type: contrastive_divergence}",
                "checkpoint.monitor=last",
            ],
            "pretrain",
            "a model of type rbm has none",
        ),
    ],
)
def test_what_cannot_be_prepared_is_refused_and_nothing_written(belief, command, overrides, key, said):
    done = command("train", belief, *overrides, "--run-dir", "run")
    assert done.code == 2
    assert said in done.err
    assert not Path("run").exists()


def test_gaussian_rbm_takes_standardized_pixels(belief, command):
    overrides = ["preprocess=[{type: standardize}]", "pretrain.0.visible=gaussian"]
    assert command("train", belief, *overrides, "pretrain.0.centred=false", "--run-dir", "run", "-q").code == 0


def test_features_feed_any_classifier(belief, toy, command):
    assert command("train", belief, "--run-dir", "run", "-q").code == 0
    file = "run/pretrain/1-first.safetensors"
    override = f"preprocess=[{{type: features, file: {file}}}]"
    assert command("train", toy, override, "--run-dir", "upon", "-q").code == 0
    plan = trained.load_trained(RunDirectory(Path("upon"))).plan
    found = plan.place("valid").x
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-_pixels(toy) @ features(file)["W"] - features(file)["b"])), 1e-5)
    assert plan.experiment.model.shapes["hidden"] == (12,)


def _pixels(toy):
    from mnistnn.config.load import load_experiment
    from mnistnn.experiment.plan import Plan

    return Plan(load_experiment(toy)).place("valid").x.reshape(60, -1)


def test_features_of_other_images_are_refused(belief, toy, command):
    assert command("train", belief, "--run-dir", "run", "-q").code == 0
    override = "preprocess=[{type: pad, shape: [10, 10]}, {type: features, file: run/pretrain/1-first.safetensors}]"
    done = command("train", toy, override, "--run-dir", "upon")
    assert done.code == 2
    assert "it was fitted on other inputs than 10×10: W 64×9, b 9" in done.err
    assert not Path("upon").exists()
