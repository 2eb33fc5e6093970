"""Whole runs on distorted images: what is measured is not distorted, and resuming changes nothing."""

import threading

import numpy as np
import pytest

from mnistnn.config.load import load_experiment
from mnistnn.experiment.plan import Plan
from mnistnn.objectives.supervised import Objective
from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import read_rows

AUGMENT = (
    "augment={shift_px: 1, rotate_deg: 10, shear_deg: 5, rotate_or_shear: true, scale: 0.1, "
    "gentle: {labels: [1]}, elastic: {sigma_px: 2, alpha_px: 4}}"
)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


@pytest.mark.parametrize("updates", [1, 9, 10, 11, 37, 60])
def test_run_stopped_after_any_update_has_the_same_bits(toy, command, stop_after, updates, assert_same_result):
    keys = (AUGMENT, "evaluation.every_updates=7")
    assert command("train", toy, *keys, "--run-dir", "reference", "-q").code == 0
    stop_after(updates)
    assert command("train", toy, *keys, "--run-dir", "run", "-q").code == 143
    assert command("resume", "run", "-q").code == 0
    assert_same_result("run", "reference")


@pytest.fixture
def batches_seen(toy, start, monkeypatch):
    """Return a function that trains and returns the bytes of the batch of each update."""

    def train(*overrides, path):
        seen = {}

        def set_batch(self, x, labels, update):
            seen[update] = x.tobytes()
            original(self, x, labels, update)

        original = Objective.set_batch
        with monkeypatch.context() as patch:
            patch.setattr(Objective, "set_batch", set_batch)
            start(toy, *overrides, path=path)
        return seen

    return train


def test_evaluations_inside_an_epoch_change_no_batch(batches_seen):
    plain = batches_seen(AUGMENT, path="plain")
    assert len(plain) == len(set(plain.values())) == 60
    assert batches_seen(AUGMENT, "evaluation.every_updates=3", path="often") == plain


def test_measured_images_are_not_distorted(toy):
    training = Plan(load_experiment(toy, [AUGMENT, "evaluation.train_error=true"])).training()
    plain = Plan(load_experiment(toy, ["evaluation.train_error=true"])).training()
    for split in ("train", "valid"):
        found, expected = getattr(training.evaluate, split), getattr(plain.evaluate, split)
        np.testing.assert_array_equal(found.x, expected.x)
        assert not found.x.flags.writeable


def test_run_that_learns_nothing_measures_what_a_plain_one_measures(toy, start):
    keys = ("optimizer.learning_rate=1e-30", "model.layers.output.init={type: glorot}", "evaluation.train_error=true")
    start(toy, *keys, path="plain")
    start(toy, *keys, AUGMENT, path="augmented")
    for plain, augmented in zip(
        *(read_rows(RunDirectory(toy.with_name(n)).metrics) for n in ("plain", "augmented")), strict=True
    ):
        for figure in ("valid.loss", "valid.error", "train.error"):
            assert augmented[figure] == plain[figure]
