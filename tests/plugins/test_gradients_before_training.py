"""A run with a wrong backward pass in code of one's own ends before its first update."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mnistnn.runner import session
from tests.plugins.conftest import CODE


@pytest.fixture
def wrong(own) -> Callable[..., list[str]]:
    """Write a file of code with something replaced; return the arguments of `train` that name it."""

    def arguments(name: str, old: str, new: str) -> list[str]:
        given: list[str] = own(name)
        assert old in CODE[name]
        Path(f"{name}.py").write_text(CODE[name].replace(old, new))
        return given

    return arguments


DW = "matmul(self.x.T, dz, out=self.dW)"
DX = "(dz @ self.W.T)"


def test_wrong_parameter_is_named_with_its_layer_and_place(wrong, command):
    done = command("train", *wrong("maxout", DW, DW + "\n        self.dW *= 1.9"), "--run-dir", "run")
    assert (done.code, done.out) == (9, "")
    said = "layer `hidden` (maxout.py:10): the gradient of parameter `W` is wrong: error 0.31, allowed 1e-06"
    assert done.err.splitlines()[-1] == f"error: {said}"
    assert not Path("run").exists()


def test_wrong_derivative_by_the_input_is_that_of_the_layer_that_has_it(wrong, command):
    """Also where no layer below has parameters, and training would not notice."""
    done = command("train", *wrong("maxout", DX, "(-dz @ self.W.T)"), "--run-dir", "run")
    assert done.code == 9
    assert "layer `hidden` (maxout.py:10): the gradient of the input is wrong: error 1, allowed 1e-06" in done.err


def test_own_layers_above_and_below_are_each_checked_by_themselves(wrong, command):
    given = wrong("maxout", DW, "self.dW[...] = 0\n        if self.n_in != 12:\n            " + DW)
    above = "model.layers.second={type: maxout, units: 5, before: output}"
    done = command("train", *given, "model.layers.hidden={type: dense, units: 12}", above, "--run-dir", "run")
    assert done.code == 9
    assert "layer `second` (maxout.py:10): the gradient of parameter `W` is wrong" in done.err


def test_wrong_loss_is_named(wrong, command):
    done = command("train", *wrong("hinge", "dz = (lack > 0)", "dz = 2 * (lack > 0)"), "--run-dir", "run")
    assert done.code == 9
    assert "loss `hinge` (hinge.py:7): the gradient of the scores is wrong: error 0.33, allowed 1e-06" in done.err


def test_layer_without_a_derivative_by_the_input_is_told(wrong, command):
    given = wrong("maxout", DX + ".reshape(self.x_shape) if need_dx else None", "None")
    done = command("train", *given, "--run-dir", "run")
    assert done.code == 9
    assert "the backward pass returns no derivative by the input" in done.err


def test_who_wants_no_check_gets_none(wrong, command):
    given = wrong("maxout", DW, DW + "\n        self.dW *= 1.9")
    assert command("train", *given, "--no-check", "--epochs", 1, "--run-dir", "run", "-q").code == 0
    assert command("resume", "run", "--epochs", 2, "-q").code == 0  # what runs already is not checked


@pytest.mark.parametrize(
    ("name", "override"),
    [
        ("maxout", "model.layers.noise={type: dropout, before: output}"),
        ("hinge", "model.layers.noise={type: batch_norm, before: output}"),
        ("maxout", "augment={shift_px: 1}"),
        ("maxout", "data.stream_above_mb=0"),
        ("maxout", "batches={size: full}"),
        ("maxout", "batches={size: 30, order: stratified}"),
    ],
)
def test_check_changes_no_bit_of_the_training(own, command, assert_same_result, name, override):
    given = [*own(name), override, "-q"]
    assert command("train", *given, "--run-dir", "run").code == 0
    assert command("train", *given, "--no-check", "--run-dir", "reference").code == 0
    assert_same_result("run", "reference")


def test_check_is_of_double_precision_and_of_random_parameters(own, command):
    """The output layer of the toy begins with zeros, behind which every gradient would be zero."""
    assert command("train", *own("maxout"), "backend.dtype=float32", "--epochs", 1, "--run-dir", "run").code == 0


def test_members_and_phases_are_told_to_leave_out_the_check_too(own, command, monkeypatch, committee):
    checked = []
    monkeypatch.setattr(session, "refuse_wrong_gradients", lambda plan, learning: checked.append(plan.experiment.name))
    own("maxout")
    assert command("train", committee, "--no-check", "--run-dir", "run", "-q").code == 0
    assert checked == []
    assert command("train", committee, "--run-dir", "other", "-q").code == 0
    assert len(checked) == 3  # the whole, and both members


def test_run_without_own_code_looks_at_no_batch(toy, command, monkeypatch):
    monkeypatch.setattr("mnistnn.runner.own_code._rows", None)
    assert command("train", toy, "--epochs", 1, "--run-dir", "run", "-q").code == 0


def test_several_runs_at_a_time_are_always_checked(own, command):
    done = command("train", *own("maxout"), "--no-check", "--seeds", "0..1", "--workers", 2)
    assert (done.code, "--no-check goes with one run at a time" in done.err) == (2, True)


SEQUENCES = """\
name: copies
data: {sequences: {type: copy, delay: 3, symbols: 4, length: 2, train: 100, valid: 20, test: 20}}
model:
  type: sequential
  layers:
    lower: {type: lstm, units: 5, output: every}
    output: {type: dense, units: 5, each_step: true}
loss: {type: hinge}
batches: {size: 20}
optimizer: {type: sgd, learning_rate: 0.05}
stopping:
  - {type: max_epochs, epochs: 1}
"""


def test_loss_of_each_step_of_sequences_is_checked(wrong, command):
    given = wrong("hinge", "dz = (lack > 0)", "dz = 2 * (lack > 0)")
    Path("copies.yaml").write_text(SEQUENCES)
    done = command("train", "copies.yaml", *given[2:], "--run-dir", "run")
    assert (done.code, "loss `hinge` (hinge.py:7): the gradient of the scores is wrong" in done.err) == (9, True)
    Path("hinge.py").write_text(CODE["hinge"])
    assert command("train", "copies.yaml", *given[2:], "--run-dir", "run", "-q").code == 0
