"""Components of one's own, one of each kind, go all the way that those of mnistnn go; their code is named once."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import mnistnn
from mnistnn.config.load import experiment_validator, load_experiment
from mnistnn.errors import LackingCodeError
from mnistnn.experiment.plan import Plan
from mnistnn.plugins import execution, trust
from mnistnn.plugins.code import Plugins, read_code
from mnistnn.plugins.given import given_code
from mnistnn.run.directory import all_runs
from mnistnn.run.provenance import read_environment
from mnistnn.run.record import read_record
from mnistnn.sweep.trial import run_trial
from tests.plugins.conftest import CODE, MAXOUT, OVERRIDES

SHORT = "stopping.max_epochs.epochs=2"


@pytest.fixture
def picture(toy) -> str:
    np.save("a.npy", np.pad(np.ones((4, 2)), 2))
    return "a.npy"


@pytest.mark.parametrize("name", CODE)
def test_component_is_trained_and_asked_like_those_of_mnistnn(own, command, picture, name):
    done = command("train", *own(name), "--run-dir", "run", "-q")
    assert done.code == 0, done.err
    for arguments in (
        ["eval", "run"],
        ["predict", "run", picture],
        ["verify", "run"],
        ["compare", "run"],
        ["report", "run"],
        ["export", "run", "--to", "npz"],
        ["inspect", "summary", "run"],
        ["refit", "run"],
    ):
        done = command(*arguments, "-q")
        assert done.code == 0, (arguments, done.err)


@pytest.mark.parametrize("name", [name for name in CODE if name != "nearest"])
def test_run_that_was_stopped_goes_on_with_the_same_bits(own, command, stop_after, assert_same_result, name):
    arguments = [*own(name), "-q"]
    assert command("train", *arguments, "--run-dir", "reference").code == 0
    stop_after(7)
    assert command("train", *arguments, "--run-dir", "run").code == 143
    Path(f"{name}.py").unlink()
    assert command("resume", "run", "-q").code == 0
    assert_same_result("run", "reference")


def test_sweep_is_done_by_workers_that_were_not_given_the_code(own, command):
    every = [own(name) for name in CODE if name != "nearest"]
    changes = [each for arguments in every for each in arguments[1:]]
    done = command("sweep", "run", "toy.yaml", *changes, "optimizer.beta=0.8,0.9", "--study", "study", "--workers", "2")
    assert done.code == 0, done.err
    assert command("sweep", "best", "study").code == 0
    assert sorted(path.name for path in Path("study/trials/0001-seed0/source/code").iterdir()) == [
        "centre.py",
        "every_other.py",
        "hinge.py",
        "maxout.py",
        "rule.py",
    ]


def test_points_that_are_chosen_one_after_the_other_have_the_code(own, command):
    pytest.importorskip("optuna")
    values = [*own("maxout"), "model.layers.hidden.units=3,6", "model.layers.hidden.pieces=1,2", SHORT, "-q"]
    done = command("sweep", "run", *values, "--sampler", "tpe", "--trials", "2", "--study", "study")
    assert done.code == 0, done.err


def test_worker_takes_what_its_parent_trusts_and_nothing_else(own, command, elsewhere):
    values = [*own("maxout"), "model.layers.hidden.units=3,6", SHORT]
    assert command("sweep", "run", *values, "--study", "study", "--prepare").code == 0
    elsewhere()
    (file,) = given_code("maxout.py").files
    elsewhere()
    refused = run_trial("study", "0000-seed0")
    assert refused.state == "failed"
    assert "not trusted" in str(refused.problem)
    assert run_trial("study", "0001-seed0", "", frozenset([file.sha256])).state == "finished"


def test_seeds_are_trained_by_workers(own, command, elsewhere):
    done = command("train", *own("maxout"), SHORT, "--seeds", "0..1", "--workers", "2", "-q")
    assert done.code == 0, done.err
    assert [read_record(run).status for run in all_runs(Path("runs"))] == ["finished"] * 2


def test_members_of_a_committee_have_the_code(own, command, committee):
    own("maxout")
    text = committee.read_text().replace("overrides: [", 'overrides: ["model.layers.hidden={type: maxout, units: 6}", ')
    committee.write_text(text)
    done = command("train", committee, "--code", "maxout.py", "--run-dir", "run", "--workers", "2", "-q")
    assert done.code == 0, done.err
    assert Path("run/members/001/source/code/maxout.py").read_text() == MAXOUT
    for arguments in (["eval", "run"], ["verify", "run"], ["inspect", "members", "run"]):
        done = command(*arguments, "-q")
        assert done.code == 0, (arguments, done.err)


def test_finished_runs_become_a_committee_with_their_code(own, command, elsewhere):
    for name in ("maxout", "centre"):
        assert command("train", *own(name), SHORT, "--run-dir", name, "-q").code == 0
    done = command("committee", "maxout", "centre", "--name", "both", "-q")
    assert done.code == 0, done.err
    elsewhere()
    assert command("eval", "both").code == 4


def test_phases_of_pretraining_have_the_code(own, command):
    own("rule")
    phase = "{layer: hidden, optimizer: {type: lion, learning_rate: 0.01}, stopping: [{type: max_epochs, epochs: 1}]}"
    changes = [f"pretrain=[{phase}]", "model.layers.hidden={type: dense, units: 6, activation: sigmoid}", SHORT]
    done = command("train", "toy.yaml", *changes, "--code", "rule.py", "--run-dir", "run", "-q")
    assert done.code == 0, done.err
    assert Path("run/pretrain/1-hidden/source/code/rule.py").exists()
    assert command("verify", "run").code == 0


def test_keys_are_explained_and_in_the_schema(own, command):
    own("maxout")
    done = command("config", "explain", "layers.maxout", "--code", "maxout.py")
    assert "How many linear functions a unit is the largest of." in done.out
    assert "pieces: an integer >= 1; default 2" in done.out
    definitions = json.loads(command("config", "schema", "--code", "maxout.py").out)["$defs"]
    assert definitions["Maxout"]["properties"]["pieces"]["description"].startswith("How many")


def test_files_that_need_code_are_shown_checked_and_compared(own, command):
    own("maxout")
    model = "{layers: {hidden: {type: maxout, units: 6}}}"
    Path("mine.yaml").write_text(f"extends: toy.yaml\nmodel: {model}\naugment: {{shift_px: 1}}\n")
    for arguments in (
        ["config", "check", "mine.yaml"],
        ["config", "show", "mine.yaml"],
        ["config", "diff", "toy.yaml", "mine.yaml"],
        ["config", "new", "mine.yaml"],
        ["inspect", "summary", "mine.yaml"],
        ["inspect", "gradcheck", "mine.yaml"],
        ["data", "show", "toy", "--augment", "mine.yaml", "--out", "x.png"],
    ):
        assert command(*arguments).code == 2
        done = command(*arguments, "--code", "maxout.py")
        assert done.code == 0, (arguments, done.err)


def test_run_keeps_the_text_its_digest_and_what_it_declares(own, command):
    command("train", *own("maxout"), SHORT, "--run-dir", "run", "-q")
    (run,) = [each for each in all_runs(Path()) if each.path.name == "run"]
    environment = read_environment(run)
    assert (run.code / "maxout.py").read_text() == MAXOUT
    assert environment["source"]["code/maxout.py"] == read_code(Path("maxout.py")).sha256
    assert environment["components"] == [
        {
            "kind": "layer",
            "type": "maxout",
            "keys": ["type", "units", "pieces", "init"],
            "source": "maxout.py",
            "version": None,
        }
    ]


def test_python_program_gives_a_path_or_several(own, elsewhere):
    own("maxout"), own("rule")
    changes = [*OVERRIDES["maxout"], *OVERRIDES["rule"]]
    run = mnistnn.train("toy.yaml", *changes, SHORT, code=["maxout.py", Path("rule.py")], quiet=True)
    assert run.predict(np.zeros((2, 8, 8), np.uint8)).shape == (2,)
    with pytest.raises(mnistnn.UsageError, match="code: expected the path"):
        mnistnn.train("toy.yaml", code=[3])  # type: ignore[list-item]
    again = mnistnn.train("toy.yaml", *OVERRIDES["maxout"], SHORT, code="maxout.py", quiet=True)
    assert again.status == "finished"


def test_code_that_changed_makes_another_experiment(own, command):
    arguments = [*own("maxout"), "-q"]
    assert command("train", *arguments, SHORT).code == 0
    (run,) = all_runs(Path("runs"))
    record = read_record(run)
    record.status = "interrupted"
    record.write(run)
    Path("maxout.py").write_text(MAXOUT + "# other\n")
    assert command("train", *arguments, SHORT, "--resume", "auto").code == 0
    assert len(all_runs(Path("runs"))) == 2
    done = command("train", *arguments, SHORT, "--resume", "auto", "--run-dir", run.path)
    assert done.code == 2
    assert "its code is not what the run was begun with (maxout.py)" in done.err
    found = command("compare", "runs", "--unfinished", "--json")
    (differing,) = json.loads(found.out)["differing"]
    assert differing["key"] == "code.maxout"


def test_two_experiments_with_files_of_one_name_do_not_disturb_each_other(own, toy):
    own("maxout")
    Path("other").mkdir()
    Path("other/maxout.py").write_text(MAXOUT.replace("pieces: Count = 2", "pieces: Count = 5"))
    layer = "model.layers.hidden={type: maxout, units: 6}"
    first, second = (load_experiment(toy, [layer], given_code(path)) for path in ("maxout.py", "other/maxout.py"))
    found = [each.experiment.model.layers["hidden"].pieces for each in (first, second)]  # type: ignore[union-attr]
    assert found == [2, 5]
    assert [Plan(each).parameters for each in (first, second)] == [64 * 12 + 12 + 28, 64 * 30 + 30 + 28]
    with pytest.raises(mnistnn.ConfigError, match="unknown type"):
        load_experiment(toy, [layer])
    assert "maxout" not in json.dumps(experiment_validator().schema)


def test_experiment_goes_to_another_process_with_its_code(own, toy, elsewhere):
    own("maxout")
    loaded = load_experiment(toy, OVERRIDES["maxout"], given_code("maxout.py"))
    sent = pickle.dumps(loaded)
    elsewhere()
    found = pickle.loads(sent)
    assert found.resolved == loaded.resolved
    assert Plan(found).parameters == Plan(loaded).parameters
    unread = load_experiment(toy, [], Plugins(loaded.plugins.files))
    assert unread.lacking
    with pytest.raises(LackingCodeError, match=r"read maxout\.py, then `mnistnn trust maxout\.py`"):
        Plan(pickle.loads(pickle.dumps(unread)))


def test_code_is_read_once(own, toy, monkeypatch):
    own("maxout")
    real = execution._executed

    def exchanged(*arguments):
        Path("maxout.py").write_text("raise SystemError('another file')\n")
        return real(*arguments)

    execution._declared_by.cache_clear()
    monkeypatch.setattr(execution, "_executed", exchanged)
    plugins = given_code("maxout.py")
    loaded = load_experiment(toy, OVERRIDES["maxout"], plugins)
    assert Plan(loaded).parameters
    assert plugins.files[0].content.decode() == MAXOUT
    assert [each.sha256 for each in trust.read_trusted()] == [plugins.files[0].sha256]


def test_layer_and_its_gradient_are_checked_in_float64(own, command):
    own("maxout")
    done = command("inspect", "gradcheck", "toy.yaml", *OVERRIDES["maxout"], "--code", "maxout.py")
    assert (done.code, "WRONG" in done.out) == (0, False)


def test_onnx_is_refused_by_the_type(own, command):
    pytest.importorskip("onnx")
    for name in ("maxout", "hinge", "centre", "nearest"):
        short = [] if name == "nearest" else [SHORT]
        assert command("train", *own(name), *short, "--run-dir", name, "-q").code == 0
        done = command("export", name, "--to", "onnx")
        assert done.code == 2, done.err
        assert "cannot be written as ONNX" in done.err


def test_rule_of_ones_own_can_be_exported_as_onnx(own, command):
    pytest.importorskip("onnxruntime")
    command("train", *own("rule"), SHORT, "--run-dir", "run", "-q")
    assert command("export", "run", "--to", "onnx").code == 0


def test_error_in_ones_own_code_is_told_with_its_line_and_not_called_a_bug_of_mnistnn(own, command):
    own("maxout")
    Path("maxout.py").write_text(MAXOUT.replace("z += self.b\n", "z += self.c\n"))
    done = command("train", "toy.yaml", *OVERRIDES["maxout"], "--code", "maxout.py", "-q")
    assert done.code == 1
    assert done.err.startswith("error: maxout.py:35: AttributeError: 'Maxout' object has no attribute 'c'")
    assert "bug" not in done.err
    done = command("train", "toy.yaml", *OVERRIDES["maxout"], "--code", "maxout.py", "-q", "--traceback")
    assert "    z += self.c\n" in done.err


EXTENDS = """\
from typing import Literal

from mnistnn.layers.dense import Dense
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.optim.adaptive import Adam
from mnistnn.plugins import layer, loss, optimizer


@layer
class Mine(Dense):
    type: Literal["my_dense"] = "my_dense"

    def backward(self, dy, need_dx=True):
        return super().backward(dy, need_dx)


@optimizer
class MyAdam(Adam):
    type: Literal["my_adam"] = "my_adam"

    def update(self, theta, grad, state, work, scalars):
        super().update(theta, -grad, state, work, scalars)


@loss
class MyLoss(SoftmaxNLL):
    type: Literal["my_loss"] = "my_loss"

    def losses_and_dz(self, z, labels):
        return super().losses_and_dz(z, labels)
"""


def test_component_that_extends_one_of_mnistnn_does_not_claim_what_that_can_do(toy):
    Path("mine.py").write_text(EXTENDS)
    mine, rule, loss = execution.classes_of(given_code("mine.py").files[0])
    assert (mine.second_order, rule.fused_update, loss.is_convex) == (frozenset(), None, False)  # type: ignore[attr-defined]
