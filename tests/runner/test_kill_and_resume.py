"""The promise of the run directory: killed at any instant and resumed, a run ends with the same bits as one left alone.

Killed for real, by SIGKILL, in the middle of an epoch. What random kills rarely hit, every single call with which a
file is committed to the disk, is the subject of tests/faults.
"""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mnistnn.run.checkpoint import newest_first, read_newest
from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import read_rows
from mnistnn.run.record import read_record
from tests.faults.processes import ended, start

ROOT = Path(__file__).parents[2]
DEADLINE_S = 60.0
# 300 updates per epoch; saved by the clock, many times in an epoch, but not at its end.
SLOW = (
    "batches.size=1",
    "stopping.max_epochs.epochs=12",
    "checkpoint.every_s=0.01",
    "checkpoint.every_epochs=1000",
    "checkpoint.keep_last=3",
)


def wait_for(condition, process):
    """Wait until `condition` returns something true, and return it, while `process` lives."""
    end = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        assert process.poll() is None, f"ended with {process.returncode}: {process.stderr.read()}"
        assert time.monotonic() < end, "what was waited for did not come"
        time.sleep(0.001)
    return found


@pytest.fixture
def training(toy):
    """Start `mnistnn …` as a process of its own; end it with the test."""
    started = []

    def start(*arguments):
        command = [sys.executable, "-m", "mnistnn", *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


class Forked:
    """A command line in a process that is forked, not begun from nothing: where it is killed, that tells as much.

    It stands for a `subprocess.Popen`.
    """

    def __init__(self, arguments: tuple[object, ...], output: Path) -> None:
        self._output = output
        self._process = start(list(arguments), Path.cwd(), os.environ, output)

    def poll(self) -> int | None:
        return self._process.exitcode

    returncode = property(poll)

    @property
    def stderr(self) -> io.StringIO:
        return io.StringIO(self._output.read_text())

    def kill(self) -> None:
        self._process.kill()

    def wait(self) -> int:
        return ended(self._process, DEADLINE_S)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait for the end; return nothing, and all that it has said."""
        ended(self._process, timeout)
        return "", self._output.read_text()


@pytest.fixture
def forked(tmp_path):
    """Start `mnistnn …` as a process of its own, quickly; end it with the test."""
    started: list[Forked] = []

    def begin(*arguments):
        started.append(Forked(arguments, tmp_path / f"output-{len(started)}"))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def reference(toy, command):
    """Train the slow experiment without interruption."""
    assert command("train", toy, *SLOW, "--run-dir", "reference", "-q").code == 0
    return "reference"


# Everything that has a memory, or is drawn at random: each must be in a checkpoint, or follow from what is there.
TECHNIQUES = """\
extends: toy.yaml
name: techniques
augment: {shift_px: 0.3, rotate_deg: 2, elastic: {sigma_px: 2, alpha_px: 1}}
model:
  layers:
    hidden: {type: dense, units: 12, activation: relu}
    drop: {type: dropout, keep: 0.8}
    output: null
    classes: {type: dense, units: 4}
batches: {size: 7, order: stratified}
optimizer:
  type: nesterov
  learning_rate: {type: plateau, start: 0.05, monitor: valid.loss, patience: 2, factor: 0.7}
  momentum: {type: sutskever, limit: 0.9, period_updates: 50}
averaging: {decay: 0.95}
evaluation: {every_updates: 11, train_error: true}
stopping:
  - {type: significance_patience, updates: 900, level: 0.2}
  - {type: max_epochs, epochs: 40}
checkpoint: {every_s: 0.01, every_epochs: 1000, keep_last: 3}
"""


@pytest.fixture
def techniques(toy):
    """The path of an experiment that uses many techniques at once."""
    path = toy.with_name("techniques.yaml")
    path.write_text(TECHNIQUES)
    return path


def checkpoint_after(run, updates):
    """Return a condition: there is a checkpoint of more than `updates` updates, in the middle of an epoch."""

    def condition():
        return any(int(p.stem[5:]) > updates and int(p.stem[5:]) % 300 for p in run.checkpoints.glob("step-*"))

    return condition


def newest_after(run, updates):
    """Tell whether there is a checkpoint of more than `updates` updates."""
    return any(int(path.stem[5:]) > updates for path in run.checkpoints.glob("step-*"))


def killed_and_resumed(forked, arguments, counts):
    """Train in a folder of its own, killed and resumed after more than each count of updates; return the ended run."""
    run = RunDirectory(Path("killed"))
    process = forked("train", *arguments, "--run-dir", run.path)
    for updates in counts:
        wait_for(lambda after=updates: newest_after(run, after), process)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        process = forked("resume", run.path)
    _, message = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, message
    return run


def test_run_killed_inside_epochs_and_resumed_has_the_same_bits(toy, training, reference, assert_same_result):
    run = RunDirectory(Path("killed"))
    process = training("train", toy, *SLOW, "--run-dir", run.path)
    batches = []
    for updates in (150, 1000, 2000):
        wait_for(checkpoint_after(run, updates), process)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        assert read_record(run).status == "running"
        batches.append(read_newest(run.checkpoints)[1].state.progress.batch)
        process = training("resume", run.path)
    _, message = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, message
    assert any(batches), "no kill was inside an epoch"
    assert_same_result(run.path, reference)
    epochs = [json.loads(line)["epoch"] for line in run.metrics.read_text().splitlines()]
    assert epochs == list(range(1, 13))
    record = read_record(run)
    assert (record.status, record.resumed) == ("finished", 3)


def test_run_with_many_techniques_killed_and_resumed_has_the_same_bits(techniques, forked, command, assert_same_result):
    assert command("train", techniques, "--run-dir", "reference", "-q").code == 0
    rows = read_rows(RunDirectory(Path("reference")).metrics)
    assert len({row["learning_rate"] for row in rows}) > 1, "the plateau was never reached"
    assert rows[-1]["examples"] % 7, "no batch was ragged"
    assert any(row["epoch"] % 1 for row in rows), "nothing was measured inside an epoch"
    run = killed_and_resumed(forked, (techniques,), (60, 300, 600))
    assert_same_result(run.path, "reference")
    assert "significance_patience" in (read_record(run).reason or "")


@pytest.mark.parametrize("updates", [1, 10, 11, 12, 22, 38, 39, 40, 77, 200])
def test_run_with_many_techniques_stopped_after_any_update_has_the_same_bits(
    techniques, command, stop_after, updates, assert_same_result
):
    """Also right before and after an evaluation inside an epoch, and at an epoch's end."""
    short = ("stopping.significance_patience.updates=250",)
    assert command("train", techniques, *short, "--run-dir", "reference", "-q").code == 0
    stop_after(updates)
    assert command("train", techniques, *short, "--run-dir", "run", "-q").code == 143
    assert command("resume", "run", "-q").code == 0
    assert_same_result("run", "reference")


# Methods that make several passes for an update, and remember directions, gradients and numbers.
METHODS = {
    "l_bfgs": ["optimizer={type: l_bfgs, memory: 5}", "batches={size: full, chunk: 16}"],
    "conjugate_gradient": ["optimizer={type: conjugate_gradient}", "batches={size: 100, updates: 50, chunk: 16}"],
    "hessian_free": ["optimizer={type: hessian_free, curvature_examples: 40}", "batches={size: 100, chunk: 20}"],
}
EPOCHS = {"l_bfgs": 300, "conjugate_gradient": 2, "hessian_free": 80}


@pytest.mark.parametrize("method", METHODS)
def test_run_of_a_method_killed_and_resumed_has_the_same_bits(toy, forked, command, assert_same_result, method):
    overrides = [*METHODS[method], f"stopping.max_epochs.epochs={EPOCHS[method]}", *SLOW[2:]]
    assert command("train", toy, *overrides, "--run-dir", "reference", "-q").code == 0
    last = int(newest_first(Path("reference/checkpoints"))[0].stem[5:])
    run = killed_and_resumed(forked, (toy, *overrides), (last // 20, last // 5, last // 2))
    assert_same_result(run.path, "reference")


# What layers for images remember (statistics) and draw (masks of maps), with threads of ours and an average of weights.
IMAGES = """\
extends: toy.yaml
name: images
augment: {shift_px: 0.5, rotate_deg: 5}
model:
  layers:
    hidden: null
    output: null
    maps1: {type: conv, maps: 4, kernel: 3, padding: 1}
    normal1: {type: batch_norm}
    bent1: {type: activation, activation: relu}
    pool1: {type: pool}
    drop1: {type: dropout, keep: 0.8, whole_maps: true}
    maps2: {type: conv, maps: 6, kernel: 2, pool: 2, activation: tanh}
    rows: {type: flatten}
    normal2: {type: batch_norm, momentum: 0.8}
    classes: {type: dense, units: 4}
batches: {size: 17}
optimizer: {type: adam, learning_rate: 0.01}
averaging: {decay: 0.9}
evaluation: {every_updates: 7}
stopping:
  - {type: max_epochs, epochs: 3}
backend: {threads: 2}
"""


@pytest.mark.parametrize("updates", [1, 7, 18, 40])
def test_run_with_layers_for_images_stopped_after_any_update_has_the_same_bits(
    toy, command, stop_after, updates, assert_same_result
):
    path = toy.with_name("images.yaml")
    path.write_text(IMAGES)
    assert command("train", path, "--run-dir", "reference", "-q").code == 0
    stop_after(updates)
    assert command("train", path, "--run-dir", "run", "-q").code == 143
    assert command("resume", "run", "-q").code == 0
    assert_same_result("run", "reference")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_run_asked_to_stop_saves_says_how_to_go_on_and_resumes_with_the_same_bits(
    toy, training, command, reference, assert_same_result, number, code
):
    run = RunDirectory(Path("stopped run"))
    process = training("train", toy, *SLOW, "--run-dir", run.path)
    wait_for(checkpoint_after(run, 400), process)
    process.send_signal(number)
    _, messages = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == code
    last = messages.splitlines()[-1]
    assert last.startswith("interrupted in epoch ")
    assert last.endswith("saved. Go on with: mnistnn resume 'stopped run'")
    record = read_record(run)
    assert (record.status, record.exit_code) == ("interrupted", code)
    assert f"after update {read_newest(run.checkpoints)[1].state.progress.updates};" in last
    assert command("resume", run.path, "-q").code == 0
    assert_same_result(run.path, reference)


def test_resume_says_which_damaged_checkpoint_it_passed_over(toy, command, reference, forked, assert_same_result):
    run = RunDirectory(Path("damaged"))
    process = forked("train", toy, *SLOW, "--run-dir", run.path)
    wait_for(checkpoint_after(run, 700), process)
    process.kill()
    process.wait()
    newest = newest_first(run.checkpoints)[0]
    content = bytearray(newest.read_bytes())
    content[-1] ^= 1
    newest.write_bytes(content)
    done = command("resume", run.path)
    assert done.code == 0
    assert f"warning: passed over {newest}: altered or damaged" in done.err
    assert f"warning: passed over {newest}" in run.log.read_text()
    assert_same_result(run.path, reference)
