"""Whole runs on a GPU: `pytest -m gpu`, on a machine that has one."""

import signal
from pathlib import Path

import pytest

from mnistnn.run.metrics import read_rows

pytestmark = pytest.mark.gpu

NET = """\
extends: toy.yaml
name: toy-conv
model:
  layers:
    hidden: null
    output: null
    conv1: {type: conv, maps: 4, kernel: 3, padding: 1, pool: 2, activation: relu}
    conv2: {type: conv, maps: 6, kernel: 2}
    norm: {type: batch_norm}
    bend: {type: activation, activation: tanh}
    pool: {type: pool, reduce: mean, size: 2, stride: 1}
    drop: {type: dropout, keep: 0.9}
    scores: {type: dense, units: 4, init: {type: zeros}}
optimizer: {type: adam, learning_rate: 0.01}
averaging: {decay: 0.9}
backend: {device: cuda}
"""


@pytest.fixture
def net(toy) -> Path:
    pytest.importorskip("cupy")
    path: Path = toy.with_name("net.yaml")
    path.write_text(NET)
    return path


def test_run_on_a_gpu_measures_what_a_run_on_the_host_does(net, start):
    for device in ("cpu", "cuda"):
        start(net, f"backend.device={device}", "backend.dtype=float64", path=device)
    on_host, on_device = (read_rows(Path(device, "metrics.jsonl")) for device in ("cpu", "cuda"))
    for expected, found in zip(on_host, on_device, strict=True):
        assert found == pytest.approx(expected, rel=1e-6)


def test_run_on_a_gpu_goes_on_with_the_same_bits(net, start, stop_after, command, assert_same_result):
    start(net, path="reference")
    stop_after(25, signal.SIGTERM)
    assert command("train", net, "--run-dir", "stopped", "-q").code != 0
    assert command("resume", "stopped", "-q").code == 0
    assert_same_result("stopped", "reference")


def test_model_trained_on_a_gpu_is_evaluated_there(net, start, command):
    start(net, path="run")
    done = command("eval", "run")
    assert done.code == 0, done.err


@pytest.mark.parametrize("keys", [(), ("augment={shift_px: 1}",)], ids=["plain", "augmented"])
def test_streamed_run_on_a_gpu_measures_what_one_in_its_memory_does(net, start, monkeypatch, keys):
    monkeypatch.setattr("mnistnn.data.streamed.CHUNK_BYTES", 3 * 32 * 64)
    for run, limit_mb in (("memory", 1000), ("streamed", 0)):
        start(net, "batches.order=sequential", f"data.stream_above_mb={limit_mb}", *keys, path=run)
    in_memory, streamed = (read_rows(Path(run, "metrics.jsonl")) for run in ("memory", "streamed"))
    for expected, found in zip(in_memory, streamed, strict=True):
        assert found == pytest.approx(expected, rel=1e-4)
