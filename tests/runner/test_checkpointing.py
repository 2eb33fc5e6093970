"""Checkpointing: when training is saved, in which order, and what is put back."""

import json
import os
import time
from itertools import pairwise

import numpy as np
import pytest

from mnistnn.config.load import load_experiment
from mnistnn.errors import DivergedError, InterruptedRunError, RunError
from mnistnn.experiment.plan import Plan
from mnistnn.run import checkpoint as checkpoints
from mnistnn.run.checkpoint import newest_first, read
from mnistnn.run.directory import create, furnish
from mnistnn.runner.checkpointing import RunCheckpointing
from mnistnn.runner.progress import ProgressDisplay
from mnistnn.training.loop import train


@pytest.fixture
def checkpointing_of(toy, tmp_path):
    """Make a training, and a checkpointing hook for it in the folder `run`."""
    all_checkpointing = []

    def make(*overrides, stop_signal=lambda: None, time_budget_s=None):
        plan = Plan(load_experiment(toy, overrides))
        run = create(tmp_path / "run")
        if not run.source.exists():
            furnish(run)
            run.lock.touch()
        policy, display = plan.experiment.checkpoint, ProgressDisplay(lambda text: None, shown=False, bars=False)
        checkpointing = RunCheckpointing(run, policy, "hash", display, stop_signal, time_budget_s)
        all_checkpointing.append(checkpointing)
        return checkpointing, plan.training()

    yield make
    for checkpointing in all_checkpointing:
        checkpointing.close()


def saved_updates(checkpointing):
    return [checkpoints.updates_of(path) for path in newest_first(checkpointing.run.checkpoints)]


@pytest.mark.parametrize(
    ("overrides", "saved"),
    [
        ([], [60, 50]),
        (["checkpoint.keep_last=100"], [60, 50, 40, 30, 20, 10]),
        (["checkpoint.keep_last=100", "checkpoint.every_epochs=4"], [40]),
        (["checkpoint.keep_last=1", "checkpoint.every_epochs=100", "checkpoint.keep_every_epochs=2"], [60, 40, 20]),
        (["checkpoint.keep_last=7", "checkpoint.every_s=1e-9"], [60, 59, 58, 57, 56, 55, 54]),
        # An evaluation inside an epoch is no end of one.
        (["evaluation.every_updates=3", "checkpoint.keep_last=100"], [60, 50, 40, 30, 20, 10]),
        (["evaluation.every_updates=3", "checkpoint.keep_last=1", "checkpoint.keep_every_epochs=3"], [60, 30]),
    ],
)
def test_training_is_saved_when_the_policy_says(checkpointing_of, overrides, saved):
    checkpointing, t = checkpointing_of(*overrides)
    train(t, checkpointing)
    assert saved_updates(checkpointing) == saved


def test_saving_by_the_clock_waits_for_its_time(checkpointing_of, monkeypatch):
    now = 0.0

    def monotonic():
        nonlocal now
        now += 1.0
        return now

    monkeypatch.setattr(time, "monotonic", monotonic)
    checkpointing, t = checkpointing_of(
        "checkpoint.every_s=5", "checkpoint.every_epochs=100", "checkpoint.keep_last=100"
    )
    train(t, checkpointing)
    assert 5 < len(saved_updates(checkpointing)) < 30
    assert all(later - earlier >= 3 for later, earlier in pairwise(saved_updates(checkpointing)))


def test_end_of_a_run_is_saved_once(checkpointing_of, monkeypatch):
    checkpointing, t = checkpointing_of("checkpoint.every_epochs=4")
    train(t, checkpointing)
    checkpointing.save(t)
    assert saved_updates(checkpointing) == [60, 40]
    before = (checkpointing.run.checkpoints / "best.json").stat().st_mtime_ns
    checkpointing.save(t)
    assert (checkpointing.run.checkpoints / "best.json").stat().st_mtime_ns == before


def test_rows_are_on_the_disk_before_the_checkpoint_and_pruning_comes_last(checkpointing_of, monkeypatch):
    checkpointing, t = checkpointing_of("checkpoint.keep_last=1")
    checkpointing.commit(t)
    steps = []
    for module, name in ((os, "fsync"), (os, "replace"), (os, "unlink")):
        real = getattr(module, name)

        def step(*arguments, name=name, real=real, **options):
            what = arguments[-1] if name != "fsync" else os.readlink(f"/proc/self/fd/{arguments[0]}")
            steps.append((name, os.path.basename(what)))
            return real(*arguments, **options)

        monkeypatch.setattr(module, name, step)
    t.progress.updates = 1
    checkpointing.commit(t)
    assert steps[0] == ("fsync", "metrics.jsonl")
    written = steps.index(("replace", "step-0000000001.safetensors"))
    pruned = steps.index(("unlink", "step-0000000000.safetensors"))
    assert steps[written - 1][0] == "fsync"
    assert steps[written + 1] == ("fsync", "checkpoints")
    assert written + 1 < pruned


def test_parameters_that_are_no_numbers_are_never_saved(checkpointing_of):
    checkpointing, t = checkpointing_of()
    checkpointing.commit(t)
    t.objective.theta[3] = np.nan
    t.progress.updates = 1
    with pytest.raises(DivergedError, match=r"update 1.; the last good checkpoint stays"):
        checkpointing.commit(t)
    assert saved_updates(checkpointing) == [0]


def test_restore_puts_back_everything(checkpointing_of):
    stop = iter([None] * 14 + [15])
    checkpointing, t = checkpointing_of("checkpoint.keep_every_epochs=1", stop_signal=lambda: next(stop))
    with pytest.raises(InterruptedRunError):
        train(t, checkpointing)
    second, fresh = checkpointing_of("checkpoint.keep_every_epochs=1")
    assert not second.is_blank()
    assert second.restore(fresh) == []
    assert fresh.progress == t.progress
    assert fresh.progress.batch > 0
    assert fresh.history == t.history
    assert (fresh.loss.total, fresh.loss.examples) == (t.loss.total, t.loss.examples)
    np.testing.assert_array_equal(fresh.objective.theta, t.objective.theta)
    np.testing.assert_array_equal(fresh.best_values, t.best_values)
    assert second.kept == checkpointing.kept == {10}
    assert (second.metrics.bytes, second.metrics.sha256) == (checkpointing.metrics.bytes, checkpointing.metrics.sha256)


def test_restore_puts_back_the_average_and_the_state_of_the_optimizer(checkpointing_of):
    techniques = (
        "optimizer={type: momentum, learning_rate: {type: bold_driver, start: 0.2}}",
        "averaging={decay: 0.9}",
        "evaluation.every_updates=3",
    )
    stop = iter([None] * 27 + [15])
    checkpointing, t = checkpointing_of(*techniques, stop_signal=lambda: next(stop))
    with pytest.raises(InterruptedRunError):
        train(t, checkpointing)
    second, fresh = checkpointing_of(*techniques)
    second.restore(fresh)
    np.testing.assert_array_equal(fresh.average.theta, t.average.theta)
    np.testing.assert_array_equal(fresh.optimizer.state()["v"], t.optimizer.state()["v"])
    assert np.abs(t.optimizer.state()["v"]).max() > 0
    assert fresh.history == t.history
    assert any(isinstance(row["epoch"], float) for row in fresh.history)
    assert fresh.optimizer.rate(fresh.progress) == t.optimizer.rate(t.progress) != 0.2


def test_checkpoint_without_the_average_that_is_asked_for_is_refused(checkpointing_of):
    checkpointing, t = checkpointing_of()
    checkpointing.commit(t)
    second, other = checkpointing_of("averaging={decay: 0.9}")
    with pytest.raises(RunError, match="its tensors are not those of this experiment"):
        second.restore(other)


def test_timing_has_a_line_for_each_evaluation(checkpointing_of):
    checkpointing, t = checkpointing_of("evaluation.every_updates=4", "stopping.max_epochs.epochs=1")
    train(t, checkpointing)
    lines = [json.loads(line) for line in checkpointing.run.timing.read_text().splitlines()]
    assert [(line["epoch"], line["examples"]) for line in lines] == [(0.4, 128), (0.8, 128), (1, 44)]


def test_restore_fills_the_arrays_in_place(checkpointing_of):
    checkpointing, t = checkpointing_of()
    train(t, checkpointing)
    second, fresh = checkpointing_of()
    theta, weights = fresh.objective.theta, next(iter(fresh.objective.model.layers.values())).W
    second.restore(fresh)
    assert fresh.objective.theta is theta
    np.testing.assert_array_equal(weights.reshape(-1), theta[: weights.size])
    assert np.shares_memory(weights, theta)


@pytest.mark.parametrize(
    "override",
    [
        "model.layers.hidden.units=13",
        "backend.dtype=float64",
        "model.layers={hidden: null, output: null, a: {type: dense, units: 12}, b: {type: dense, units: 4}}",
    ],
)
def test_checkpoint_of_another_model_is_refused(checkpointing_of, override):
    checkpointing, t = checkpointing_of()
    checkpointing.commit(t)
    second, other = checkpointing_of(override)
    with pytest.raises(RunError, match="its tensors are not those of this experiment"):
        second.restore(other)


def test_new_run_is_blank_until_something_is_saved(checkpointing_of):
    checkpointing, t = checkpointing_of()
    assert checkpointing.is_blank()
    checkpointing.commit(t)
    assert not checkpointing.is_blank()


def test_rows_without_a_checkpoint_are_not_blank(checkpointing_of):
    checkpointing, t = checkpointing_of("checkpoint.every_epochs=100")
    train(t, checkpointing)
    assert saved_updates(checkpointing) == []
    assert not checkpointing.is_blank()


def test_checkpoint_tells_other_programs_where_parameters_are(checkpointing_of):
    checkpointing, t = checkpointing_of()
    checkpointing.commit(t)
    saved = read(newest_first(checkpointing.run.checkpoints)[0])
    assert saved.state.layout == [("hidden.W", [64, 12]), ("hidden.b", [12]), ("output.W", [12, 4]), ("output.b", [4])]
    assert saved.tensors["theta"].shape == (832,)
