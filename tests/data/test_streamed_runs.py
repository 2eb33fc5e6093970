"""Whole runs on splits that stay on the disk: the bits of runs in memory, resuming inside an epoch, bounded memory."""

import json
import sys
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from mnistnn.backend import jit
from mnistnn.config.load import load_experiment
from mnistnn.data import streamed
from mnistnn.data.datasets import cache
from mnistnn.data.datasets.info import DatasetInfo
from mnistnn.data.formats.idx import encode_header
from mnistnn.data.formats.image_set import FILE_NAMES, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS
from mnistnn.errors import ConfigError
from mnistnn.experiment.plan import Plan
from mnistnn.objectives.supervised import Objective
from mnistnn.run.checkpoint import newest_first, read

STREAM = "data.stream_above_mb=0"
AUGMENT = "augment={shift_px: 1, rotate_deg: 10, elastic: {sigma_px: 2, alpha_px: 4}}"


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Four chunks an epoch, of three batches of 32 images of 8×8, in blocks of 8."""
    monkeypatch.setattr(streamed, "CHUNK_BYTES", 3 * 32 * 64)
    monkeypatch.setattr(streamed, "BLOCK_BYTES", 8 * 64)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


IN_FILE_ORDER = {
    "plain": (),
    "augmented": (AUGMENT,),
    "with transforms that are not fitted": (
        "preprocess=[{type: deskew}, {type: pad, shape: 10}, {type: shrink, shape: 7}]",
    ),
    "measured on the training split": ("evaluation={train_error: true, batch_size: 70, every_updates: 3}",),
    "of two classes": ("data.labels={positive: [1, 2]}", "model.layers.output.units=2"),
    "as far as its limits": ("data.limits={train: 120, valid: 33}", "batches.drop_last=true"),
    "of convolutions": ("model.layers.hidden={type: conv, maps: 3, kernel: 3, activation: relu}",),
    "with a paired test": ("stopping=[{type: significance_patience, updates: 20, level: 0.05}]",),
    "in double precision": ("backend.dtype=float64", "data.scale=256"),
}


@pytest.mark.parametrize("case", IN_FILE_ORDER)
def test_run_in_the_order_of_the_file_has_the_bits_of_one_in_memory(case, toy, start):
    keys = ("batches.order=sequential", "stopping.max_epochs.epochs=3", *IN_FILE_ORDER[case])
    start(toy, *keys, path="memory")
    start(toy, *keys, STREAM, path="streamed")
    assert Path("streamed/metrics.jsonl").read_bytes() == Path("memory/metrics.jsonl").read_bytes()
    found, expected = (read(newest_first(Path(run, "checkpoints"))[0]).tensors for run in ("streamed", "memory"))
    assert {name: tensor.tobytes() for name, tensor in found.items()} == {
        name: tensor.tobytes() for name, tensor in expected.items()
    }


@pytest.mark.parametrize("updates", [1, 3, 9, 10, 27])
def test_run_stopped_after_any_update_has_the_same_bits(toy, command, stop_after, updates, assert_same_result):
    keys = (STREAM, AUGMENT) if updates % 2 else (STREAM, "evaluation.every_updates=7")
    assert command("train", toy, *keys, "--run-dir", "reference", "-q").code == 0
    stop_after(updates)
    assert command("train", toy, *keys, "--run-dir", "run", "-q").code == 143
    assert command("resume", "run", "-q").code == 0
    assert_same_result("run", "reference")


def test_every_example_is_learned_from_once_an_epoch(toy, start, monkeypatch):
    seen: list[bytes] = []
    original = Objective.set_batch

    def set_batch(self, x, labels, update):
        seen.extend(image.tobytes() for image in x)
        original(self, x, labels, update)

    monkeypatch.setattr(Objective, "set_batch", set_batch)
    start(toy, STREAM, path="streamed")
    start(toy, path="memory")
    streamed_run, memory = np.array(seen[:1800]).reshape(6, 300), np.array(seen[1800:]).reshape(6, 300)
    assert len({tuple(epoch) for epoch in streamed_run}) == 6
    for epoch in streamed_run:
        assert sorted(epoch) == sorted(memory[0])


def test_eval_gives_the_metrics_of_a_split_in_memory(toy, command):
    for run, keys in (("memory", ()), ("streamed", (STREAM,))):
        keys = ("batches.order=sequential", "evaluation.batch_size=70", *keys)
        assert command("train", toy, *keys, "--run-dir", run, "-q").code == 0
    for split in ("train", "valid", "test"):
        found, expected = (
            json.loads(command("eval", run, "--split", split, "--json").out) for run in ("streamed", "memory")
        )
        for figure in ("loss", "confusion"):
            assert found[figure] == expected[figure]
    assert command("verify", "streamed").code == 0


@pytest.mark.parametrize(
    ("override", "key", "said"),
    [
        ("batches.size=full", "batches.size", "for a batch of all"),
        ("batches.order=stratified", "batches.order", "to draw from each class"),
        ("preprocess=[{type: deskew}, {type: standardize}]", "preprocess.1", "to fit standardize"),
        ("preprocess=[{type: whiten}]", "preprocess.0", "to fit whiten"),
        ("data.labels={pair: [1, 2]}", "data.labels.pair", "to choose its examples"),
    ],
)
def test_what_needs_all_examples_at_once_is_refused_at_its_place(toy, override, key, said):
    overrides = [STREAM, override, *(["model.layers.output.units=2"] if "pair" in override else [])]
    with pytest.raises(ConfigError, match=said) as caught:
        Plan(load_experiment(toy, overrides))
    assert caught.value.key == key


def test_whitening_that_was_fitted_before_can_be_named(toy, command, start, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # a picture takes a second or two
    assert command("whiten", "--data", "toy", "--dimensions", "9", "--out", "white", "-q").code == 0
    start(toy, STREAM, "preprocess=[{type: whiten, dimensions: 9, file: white/transform.safetensors}]")
    assert command("eval", "run").code == 0


def test_splits_are_streamed_by_their_size(toy):
    assert Plan(load_experiment(toy)).streamed == frozenset()
    assert Plan(load_experiment(toy, [STREAM])).streamed == {"train", "valid", "test"}
    assert Plan(load_experiment(toy, [STREAM, "data.limits.train=1"])).streamed == {"train", "valid", "test"}


def test_dry_run_says_what_is_read_from_the_disk(toy, command):
    out = command("train", toy, STREAM, "--dry-run").out
    assert "read from the disk in chunks, since larger than data.stream_above_mb: train, valid, test" in out
    assert "stream_above_mb: 0" in out


@pytest.fixture
def large(toy, tmp_path, monkeypatch):
    """An experiment on 20 000 images of 20×20 pixels, 8 MB, which would be 32 MB in memory."""
    monkeypatch.setenv("MNISTNN_DATA", str(tmp_path / "large-cache"))
    rng = np.random.default_rng(0)

    def files(name, labels_name, count):
        part = rng.integers(0, 256, (1000, 400), dtype=np.uint8).tobytes()
        images = [encode_header((count, 20, 20)), *[part] * (count // 1000)]
        return {name: images, labels_name: [encode_header((count,)), bytes(count)]}

    contents = files(TRAIN_IMAGES, TRAIN_LABELS, 21_000) | files(TEST_IMAGES, TEST_LABELS, 1000)
    with cache.locked("toy"):
        cache.install_in_pieces(
            "toy", DatasetInfo((20, 20), 4, 21_000, 1000), contents, 0, dict.fromkeys(FILE_NAMES, "")
        )
    return toy


def test_memory_is_that_of_two_chunks_whatever_the_size_of_the_split(large, start, monkeypatch):
    monkeypatch.setattr(streamed, "CHUNK_BYTES", 1 << 18)
    monkeypatch.setattr(jit, "is_available", lambda: False)
    keys = ("data={validation_examples: 1000, stream_above_mb: 1}", "batches.size=100", "stopping.max_epochs.epochs=1")
    start(large, *keys, "data.limits.train=3000", path="first")  # what Python takes once
    tracemalloc.start()
    try:
        start(large, *keys)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (
        peak_bytes < 7e6
    )  # a chunk as read, two shuffled, two as inputs: 2.9 MB; the validation split: 1.6 MB, and as bytes
