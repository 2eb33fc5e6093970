"""Whole runs with `--device cuda` on the stand-in: train, checkpoint, stop, resume, evaluate."""

import json
import math
import signal
from pathlib import Path

import numpy as np
import pytest

from mnistnn.config.load import load_experiment
from mnistnn.experiment.plan import Plan
from mnistnn.objectives.supervised import Objective
from mnistnn.optim.sgd import SGD
from mnistnn.run.checkpoint import newest_first, read
from mnistnn.runner import session
from tests.device.reads import SynchronisedError

EVERYTHING_DENSE = (
    "optimizer={type: momentum, learning_rate: {type: cosine, start: 0.1, epochs: 6}}",
    "averaging={decay: 0.9}",
    "preprocess=[{type: deskew}, {type: standardize}]",
    "penalties={l1: {strength: 1e-5, proximal: true}, l2: {strength: 1e-4}}",
    "batches={size: 32, order: stratified}",
    "evaluation={every_updates: 7, train_error: true}",
)
AUGMENTED = ("augment={shift_px: 1, rotate_deg: 10, elastic: {sigma_px: 2, alpha_px: 4}}",)
# BLAS may add up a product in another order than its transpose, which the device computes. A bias before batch
# normalization has a gradient of nothing but such last bits, and Adam takes steps of full length along it.
NOT_ADAM = ("optimizer={type: sgd, learning_rate: 0.05}",)
KEYS = {"plain": (), "everything": EVERYTHING_DENSE, "augmented": AUGMENTED}


def assert_same_bits(run: str, reference: str) -> None:
    found, expected = (read(newest_first(Path(each, "checkpoints"))[0]) for each in (run, reference))
    assert {name: tensor.tobytes() for name, tensor in found.tensors.items()} == {
        name: tensor.tobytes() for name, tensor in expected.tensors.items()
    }
    assert Path(run, "metrics.jsonl").read_bytes() == Path(reference, "metrics.jsonl").read_bytes()


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
def test_run_of_a_dense_net_has_the_bits_of_one_on_the_host(device, toy, start, keys):
    for name in ("cpu", "cuda"):
        start(toy, f"backend.device={name}", *keys, path=name)
    assert_same_bits("cuda", "cpu")


@pytest.mark.parametrize(("dtype", "precision"), [("float32", 1e-4), ("float64", 1e-12)])
def test_run_of_a_convolutional_net_has_the_numbers_of_one_on_the_host(device, conv, start, dtype, precision):
    for name in ("cpu", "cuda"):
        start(conv, f"backend.device={name}", f"backend.dtype={dtype}", *NOT_ADAM, path=name)
    found, expected = (read(newest_first(Path(name, "checkpoints"))[0]).tensors for name in ("cuda", "cpu"))
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        np.testing.assert_allclose(found[name], tensor, rtol=precision, atol=precision, err_msg=name)


@pytest.mark.parametrize(("drop_last", "sizes"), [("true", 1), ("false", 2)])
def test_run_records_an_update_for_each_size_of_a_batch(device, conv, start, drop_last, sizes):
    start(conv, "batches.size=36", f"batches.drop_last={drop_last}", path="run")
    assert device.graphs == sizes


@pytest.mark.parametrize("updates", [1, 17])
def test_run_stopped_inside_an_epoch_goes_on_with_the_same_bits(device, conv, start, stop_after, command, updates):
    start(conv, path="reference")
    stop_after(updates, signal.SIGTERM)
    assert command("train", conv, "--run-dir", "stopped", "-q").code == 143
    assert command("resume", "stopped", "-q").code == 0
    assert_same_bits("stopped", "reference")


def test_run_begun_on_the_host_may_go_on_on_a_device(device, toy, start, stop_after, command):
    start(toy, path="reference")
    stop_after(13, signal.SIGTERM)
    assert command("train", toy, "--run-dir", "moved", "-q").code == 143
    assert command("resume", "moved", "--device", "cuda", "-q").code == 0
    assert_same_bits("moved", "reference")


def test_trained_model_is_evaluated_on_the_device(device, conv, start, command):
    metrics = []
    for name in ("cpu", "cuda"):
        start(conv, f"backend.device={name}", *NOT_ADAM, path=name)
        done = command("eval", name, "--json")
        assert done.code == 0, done.err
        metrics.append({key: value for key, value in json.loads(done.out).items() if key != "run"})
    losses = [each.pop("loss") for each in metrics]
    assert metrics[0] == metrics[1]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_bars_are_drawn_without_asking_the_device(device, toy, capsys):
    session.start(
        Plan(load_experiment(toy, ["backend.device=cuda"])), Path("run"), Path("runs"), session.Verbosity(bars=True)
    )
    assert "examples/s" in capsys.readouterr().err


def test_further_epoch_sends_nothing_to_the_device_but_its_order(device, toy, start):
    sent = []
    for epochs in (1, 4):
        before = device.uploads
        start(toy, "backend.device=cuda", f"stopping=[{{type: max_epochs, epochs: {epochs}}}]", path=f"of-{epochs}")
        sent.append(device.uploads - before)
    assert sent[1] - sent[0] == 3 * 2  # each time the order, and the sum of losses that begins at 0


@pytest.mark.parametrize(("seconds", "updates"), [(1e-9, 2), (3600, 10)])
def test_loss_that_is_not_finite_ends_a_run_at_its_next_checkpoint_or_evaluation(
    device, toy, command, monkeypatch, seconds, updates
):
    losses, original = [], Objective.loss_and_grad

    def infinite_once(self, **options):
        loss = original(self, **options)
        losses.append(loss)
        return loss * math.inf if len(losses) == 2 else loss  # before updates are recorded

    monkeypatch.setattr(Objective, "loss_and_grad", infinite_once)
    done = command("train", toy, "--device", "cuda", f"checkpoint.every_s={seconds}", "--run-dir", "run", "-q")
    assert done.code == 6
    assert "the training loss is no longer a finite number" in done.err
    assert f"update {updates})" in done.err
    assert not Path("run/metrics.jsonl").read_bytes()


def test_code_that_reads_inside_an_epoch_is_found(device, toy, start, monkeypatch):
    step = SGD.step
    monkeypatch.setattr(SGD, "step", lambda *arguments: np.asarray(float(step(*arguments))))
    with pytest.raises(SynchronisedError, match="float waits for the device inside an epoch"):
        start(toy, "backend.device=cuda")
