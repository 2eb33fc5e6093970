"""Components of one's own on the stand-in: they need no code for the device, and their steps are not recorded."""

from pathlib import Path

import pytest

from mnistnn.config.load import load_experiment
from mnistnn.experiment.plan import Plan
from mnistnn.plugins.given import given_code
from mnistnn.run.checkpoint import newest_first, read
from mnistnn.training.steps import Eager, Recorded, steps_for
from tests.plugins.conftest import CODE, OVERRIDES

SHORT = "stopping.max_epochs.epochs=2"


@pytest.fixture
def own(toy, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("MNISTNN_TRUST", str(tmp_path / "trusted.json"))
    for name, text in CODE.items():
        toy.with_name(f"{name}.py").write_text(text)


@pytest.mark.parametrize("name", ["maxout", "rule"])
def test_component_learns_on_a_device_what_it_learns_on_the_host(device, own, toy, command, name):
    found = []
    for where in ("cpu", "cuda"):
        given = [*OVERRIDES[name], SHORT, "--code", f"{name}.py", "--device", where]
        done = command("train", toy, *given, "--run-dir", where, "-q")
        assert done.code == 0, done.err
        found.append(read(newest_first(Path(where, "checkpoints"))[0]).tensors["theta"])
    assert abs(found[0] - found[1]).max() < 1e-5


@pytest.mark.parametrize("name", ["maxout", "rule", "hinge"])
def test_step_with_a_component_of_ones_own_is_not_recorded(device, own, toy, name):
    def steps(*overrides):
        training = Plan(load_experiment(toy, [*overrides, "backend.device=cuda"], given_code(f"{name}.py"))).training()
        return steps_for(training.objective, training.optimizer)

    assert isinstance(steps(), Recorded)
    assert isinstance(steps(*OVERRIDES[name]), Eager)
