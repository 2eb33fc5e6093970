"""`mnistnn export`."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from mnistnn.analysis.export.formats import FORMATS
from mnistnn.cli import export
from mnistnn.run.checkpoint import Checkpoint, encode, newest_first, read

ONE = "stopping.max_epochs.epochs=1"


MACHINE = (
    "model={type: rbm, hidden: 3}",
    "loss={type: contrastive_divergence}",
    "penalties.l2=null",
    "checkpoint.monitor=last",
)


@pytest.fixture
def run(request, toy, start):
    """A run of a model that the format is for."""
    arguments = getattr(request.node, "callspec", None)
    start(toy, ONE, *(MACHINE if arguments and arguments.params.get("to") == "features" else ()))
    return "run"


def need(to):
    for module in FORMATS[to].needs:
        pytest.importorskip(module)


each_format = pytest.mark.parametrize("to", FORMATS)


def test_formats_of_the_command_are_those_of_the_table():
    assert tuple(FORMATS) == export.FORMATS


@each_format
def test_export_is_written_under_a_default_name(run, command, everything_below, to):
    need(to)
    before = everything_below(run)
    done = command("export", run, "--to", to)
    assert done.code == 0
    assert done.err.startswith(f"wrote run{FORMATS[to].ending}")
    assert Path(f"run{FORMATS[to].ending}").exists()
    assert everything_below(run) == before


def test_export_to_onnx_says_how_it_was_checked(run, command):
    need("onnx")
    done = command("export", run, "--to", "onnx", "-q")
    assert done.out.startswith("checked with ONNX Runtime 1.")
    assert " on 60 validation digits: scores differ by " in done.out
    assert done.out.endswith("; 0 classified differently\n")
    assert done.err == ""


@each_format
def test_json_says_what_was_written(run, command, to):
    need(to)
    said = json.loads(command("export", run, "--to", to, "--json").out)
    content = Path(said["path"]).read_bytes()
    assert (said["schema_version"], said["to"]) == (1, to)
    assert (said["bytes"], said["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (said["check"] is not None) == (to == "onnx")


@each_format
def test_what_is_there_is_not_replaced_unless_forced(run, command, to):
    need(to)
    first = json.loads(command("export", run, "--to", to, "--json", "-q").out)
    path = Path(first["path"])
    path.write_text("mine")
    out = f"run{FORMATS[to].ending}"
    done = command("export", run, "--to", to)
    assert (done.code, done.err) == (2, f"error: {out}: there already; --force replaces it\n")
    assert path.read_text() == "mine"
    assert command("export", run, "--to", to, "--force").code == 0
    assert hashlib.sha256(path.read_bytes()).hexdigest() == first["sha256"]


def test_folder_of_other_files_is_never_replaced(run, command):
    need("tensorboard")
    Path("logs").mkdir()
    Path("logs/thesis.txt").write_text("mine")
    Path("logs/events.out.tfevents.1.mnistnn").write_text("old")
    done = command("export", run, "--to", "tensorboard", "--out", "logs", "--force")
    assert (done.code, "logs: holds other files" in done.err) == (2, True)
    assert sorted(path.name for path in Path("logs").iterdir()) == ["events.out.tfevents.1.mnistnn", "thesis.txt"]


def test_events_of_another_run_are_replaced_not_mixed(run, command, toy, start):
    need("tensorboard")
    Path("logs").mkdir()
    Path("logs/events.out.tfevents.1.mnistnn").write_text("old")
    assert command("export", run, "--to", "tensorboard", "--out", "logs", "--force").code == 0
    (path,) = Path("logs").iterdir()
    assert path.name != "events.out.tfevents.1.mnistnn"


@pytest.mark.parametrize(("to", "module"), [("onnx", "onnx"), ("onnx", "onnxruntime"), ("tensorboard", "tensorboardX")])
def test_extra_that_is_missing_is_named_before_anything_else(run, command, monkeypatch, to, module):
    need(to)
    monkeypatch.setitem(sys.modules, module, None)
    done = command("export", "no such run", "--to", to)
    assert done.code == 5
    assert done.err == f"error: export --to {to} needs {module}: pip install 'mnistnn[export]'\n"


def test_full_disk_leaves_no_folder(run, command, monkeypatch):
    need("tensorboard")
    from mnistnn.analysis.export import export as writing
    from mnistnn.errors import ResourceError

    def full(path, content):
        raise ResourceError(f"{path}: no space left on the disk")

    monkeypatch.setattr(writing, "write_atomically", full)
    assert command("export", run, "--to", "tensorboard").code == 5
    assert not Path("run-tensorboard").exists()


def test_damaged_checkpoint_is_passed_over_with_a_warning(toy, start, command):
    start(toy, "stopping.max_epochs.epochs=2")
    newest, *_ = newest_first(Path("run/checkpoints"))
    newest.write_bytes(newest.read_bytes()[:-1])
    done = command("export", "run", "--to", "npz")
    assert done.code == 0
    assert f"warning: passed over {newest}" in done.err


@pytest.mark.parametrize("to", ["onnx", "safetensors", "npz", "tensorboard"])
def test_damaged_checkpoints_are_refused(run, command, to):
    need(to)
    for path in newest_first(Path("run/checkpoints")):
        path.write_bytes(path.read_bytes()[:-1])
    done = command("export", run, "--to", to)
    assert (done.code, "no usable checkpoint" in done.err) == (4, True)
    assert not Path(f"run{FORMATS[to].ending}").exists()


@pytest.mark.parametrize("to", ["onnx", "safetensors", "npz", "tensorboard"])
def test_parameters_that_are_not_finite_are_refused(run, command, to):
    need(to)
    path = newest_first(Path("run/checkpoints"))[0]
    saved = read(path)
    tensors = {name: array.copy() for name, array in saved.tensors.items()}
    tensors["best"][3] = np.nan
    path.write_bytes(encode(Checkpoint(tensors, saved.state)))
    done = command("export", run, "--to", to)
    assert (done.code, "hidden.W has numbers that are not finite" in done.err) == (4, True)


@each_format
def test_torn_run_is_refused(run, command, to):
    need(to)
    Path("run/run.json").write_text("{")
    done = command("export", run, "--to", to)
    assert (done.code, "run/run.json" in done.err) == (4, True)


def test_wrong_model_is_exit_code_9(run, command, monkeypatch):
    need("onnx")
    from mnistnn.analysis.export import onnx_layers

    monkeypatch.setitem(onnx_layers.ACTIVATIONS, "tanh", lambda part, x: x)
    done = command("export", run, "--to", "onnx")
    assert (done.code, done.err.startswith("error: nothing was written: ONNX Runtime")) == (9, True)
    assert not Path("run.onnx").exists()


def test_hostile_name_is_shown_as_text(toy, start, command):
    name = "\x1b[31m=1+1\n%s"
    start(toy, ONE, path=name)
    done = command("export", name, "--to", "npz")
    assert done.code == 0
    assert "\x1b" not in done.err
    assert Path(f"{name}.npz").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run"], 2, "missing option '--to'"),
        (["run", "--to", "onxx"], 2, "'onxx' is not one of"),
        (["gone", "--to", "npz"], 4, "no run named 'gone'"),
        (["run", "run", "--to", "npz"], 2, "--to npz takes one run; several go into one file with --to csv"),
        (["run", "--to", "csv", "--checkpoint", "last"], 2, "--checkpoint: --to csv holds the course of training"),
        (["run", "--to", "npz", "--without-preprocess"], 2, "--without-preprocess: --to npz"),
        (["run", "--to", "npz", "--checkpoint", "gone"], 4, "'gone' is neither best, last nor the path"),
        (["run", "--to", "npz", "--out", "no/folder.npz"], 5, "no/folder.npz: No such file or directory"),
        (["run", "--to", "npz", "--out", ".", "--force"], 2, ".: a folder, which --force does not replace"),
    ],
)
def test_what_cannot_be_exported_is_said(run, command, everything_below, arguments, code, message):
    before = everything_below(".")
    done = command("export", *arguments)
    assert (done.code, message in done.err) == (code, True)
    assert everything_below(".") == before
