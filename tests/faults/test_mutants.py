"""The loops of failures prove themselves: each of these broken variants of mnistnn must be noticed."""

import json
import os
import sys
from contextlib import nullcontext
from dataclasses import replace

import pytest
from safetensors.numpy import load

from mnistnn.backend.rng import stream
from mnistnn.errors import RunError
from mnistnn.layers.dropout import Dropout
from mnistnn.run import checkpoint, lock
from mnistnn.run.directory import RunDirectory
from mnistnn.runner.checkpointing import RunCheckpointing
from mnistnn.storage import writing
from mnistnn.storage.forcing import sync_folder
from tests.faults.formats import Format, fuzz
from tests.faults.order import check_order
from tests.faults.trials import command, fault_loop, watched_calls


def check_loops(train, work, every=13):
    fault_loop(train, work, [("power cut", 0), ("killed", 0)], every)


def check_calls(train, work):
    work.mkdir(exist_ok=True)
    check_order(watched_calls(work, *train.first(work)))


def check_damage(train, work):
    (newest, *_) = checkpoint.newest_first(train.config.with_suffix("") / "checkpoints")
    fuzz(Format(newest, lambda: checkpoint.read(newest), proves=True), 100, 0)


def check_lock(train, work):
    run = RunDirectory(train.config.with_suffix(""))
    with really_locked(run):
        assert command("resume", run.path, "-q").code == 7


really_locked, really_restored, really_written = lock.exclusive, RunCheckpointing.restore, checkpoint.write


def test_nothing_is_noticed_where_nothing_is_broken(train, tmp_path):
    check_loops(train, tmp_path / "loops", every=40)
    for number, check in enumerate((check_calls, check_damage, check_lock)):
        check(train, tmp_path / f"work{number}")


def everywhere(patch, function, broken):
    """Put a broken function in the place of one, wherever it was imported."""
    called = function.__name__
    for name, module in list(sys.modules.items()):
        if name.startswith("mnistnn") and getattr(module, called, None) is function:
            patch.setattr(module, called, broken)


def written(path, content, *steps):
    """Write a file by the given steps, in their order."""
    temporary = path if "in place" in steps else path.with_name(f".{path.name}.0123456789ab.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        for step in steps:
            if step == "fsync":
                os.fsync(file.fileno())
            elif step == "replace":
                os.replace(temporary, path)
    if "replace" in steps and "fsync" not in steps:
        sync_folder(path.parent)


def no_fsync(patch):
    everywhere(patch, writing.write_atomically, lambda path, content: written(path, content, "replace"))


def fsync_after_replace(patch):
    everywhere(patch, writing.write_atomically, lambda path, content: written(path, content, "replace", "fsync"))


def write_in_place(patch):
    everywhere(patch, writing.write_atomically, lambda path, content: written(path, content, "in place", "fsync"))


def prune_before_commit(patch):
    def write(folder, saved, updates):
        checkpoint.prune(folder, 0, set())
        return really_written(folder, saved, updates)

    patch.setattr(checkpoint, "write", write)


def restoring(patch, afterwards):
    """Let something happen after a training was restored from a checkpoint."""

    def restore(self, t):
        refused = really_restored(self, t)
        afterwards(t)
        return refused

    patch.setattr(RunCheckpointing, "restore", restore)


def patience_forgotten(patch):
    def forget(t):
        t.history[:-1] = []

    restoring(patch, forget)


def order_drawn_anew(patch):
    real, resumed = stream, []
    restoring(patch, lambda t: resumed.append(True))
    patch.setattr("mnistnn.data.batches.stream", lambda seed, *counters: real(seed + len(resumed), *counters))


def step_count_dropped(patch):
    def drop(t):
        step, before = t.optimizer.step, t.progress.updates

        def counting_anew(objective, progress):
            return step(objective, replace(progress, updates=progress.updates - before))

        patch.setattr(t.optimizer, "step", counting_anew)

    restoring(patch, drop)


def masks_drawn_in_a_row(patch):
    def begin_update(self, update, piece=0):
        self.update, self.piece = getattr(self, "update", -1) + 1, piece

    patch.setattr(Dropout, "begin_update", begin_update)


def metrics_not_cut_back(patch):
    patch.setattr(os, "truncate", lambda path, length: None)


def best_not_saved(patch):
    def forget(t):
        t.best_values[...] = t.objective.values

    restoring(patch, forget)


def digest_not_checked(patch):
    def unseal(path, what, format_number, follow):
        content = path.read_bytes()
        try:
            length = int.from_bytes(content[:8], "little")
            about = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["mnistnn"])
            del about["sha256"]
            return load(content), about
        except Exception as error:
            raise RunError(f"{path}: {error}") from error

    patch.setattr(checkpoint, "unseal", unseal)


def lock_not_taken(patch):
    patch.setattr(lock, "exclusive", lambda run: nullcontext())


def rows_not_forced(patch):
    everywhere(patch, writing.force, lambda paths: None)


def names_not_forced(patch):
    def force(paths):
        for path in paths:
            with open(path, "ab") as file:
                os.fsync(file.fileno())

    everywhere(patch, writing.force, force)


OTHER_BITS = "not the bits of a run that was left alone"
MUTANTS = [
    (no_fsync, check_calls, "open, write, replace"),
    (no_fsync, check_loops, "power cut at call .* not readable"),
    (fsync_after_replace, check_calls, "open, write, replace"),
    (write_in_place, check_calls, "in its place"),
    (rows_not_forced, check_calls, "rows were not forced before it"),
    (names_not_forced, check_loops, "power cut at call .* metrics.jsonl"),
    (prune_before_commit, check_calls, "is removed before there is a newer one"),
    (prune_before_commit, check_loops, "no usable checkpoint"),
    (patience_forgotten, check_loops, OTHER_BITS),
    (order_drawn_anew, check_loops, OTHER_BITS),
    (step_count_dropped, check_loops, OTHER_BITS),
    (masks_drawn_in_a_row, check_loops, OTHER_BITS),
    (metrics_not_cut_back, check_loops, OTHER_BITS),
    (best_not_saved, check_loops, OTHER_BITS),
    (digest_not_checked, check_damage, "an altered file was accepted"),
    (lock_not_taken, check_lock, "0 == 7"),
]


@pytest.mark.parametrize(("mutant", "check", "noticed"), MUTANTS)
def test_broken_variant_is_noticed(request, tmp_path, monkeypatch, mutant, check, noticed):
    training = request.getfixturevalue("whitened" if mutant is step_count_dropped else "train")
    mutant(monkeypatch)
    with pytest.raises(AssertionError, match=noticed):
        check(training, tmp_path / "work")
