"""`mnistnn committee`: runs that are there already decide together, and nothing is trained."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mnistnn.analysis.evaluation.predictions import predictions_of
from mnistnn.experiment.trained import load_trained
from mnistnn.run.directory import RunDirectory


@pytest.fixture
def two_runs(toy, start):
    """Two finished runs of the toy experiment, of different seeds, and the file."""
    for seed in (1, 2):
        start(toy, f"seed={seed}", path=f"run{seed}")
    return toy


def probabilities(run: str) -> np.ndarray:
    found = predictions_of(load_trained(RunDirectory(Path(run))), "valid").probabilities
    assert found is not None
    return found


def test_committee_of_runs_is_the_mean_of_their_probabilities(two_runs, command):
    before = {path: path.read_bytes() for path in Path("run1").rglob("*") if path.is_file()}
    done = command("committee", "run1", "run2", "--name", "pair", "--run-dir", "pair", "-q")
    assert done.code == 0
    trained = load_trained(RunDirectory(Path("pair")), "last")
    expected = np.mean([probabilities("run1"), probabilities("run2")], axis=0)
    found = predictions_of(trained, "valid").probabilities
    assert found is not None
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
    assert {path: path.read_bytes() for path in Path("run1").rglob("*") if path.is_file()} == before
    assert command("verify", "pair").code == 0


def test_committee_of_runs_stands_by_itself_when_these_are_gone(two_runs, command):
    assert command("committee", "run1", "run2", "--name", "pair", "--run-dir", "pair", "-q").code == 0
    expected = command("eval", "pair", "--split", "valid", "--json").out
    for run in ("run1", "run2"):
        shutil.rmtree(run)
    Path("pair").rename("moved")
    found = json.loads(command("eval", "moved", "--split", "valid", "--json").out)
    assert {**found, "run": ""} == {**json.loads(expected), "run": ""}


def test_runs_on_other_data_are_refused_and_nothing_is_written(two_runs, command, start):
    start(two_runs, "data.limits.train=50", path="other")
    done = command("committee", "run1", "other", "--name", "pair", "--run-dir", "pair")
    assert done.code == 2
    assert "member 2 has data.limits" in done.err
    assert not Path("pair").exists()


def test_a_run_that_is_not_finished_is_refused(two_runs, command, stop_after, start):
    stop_after(3)
    assert command("train", two_runs, "--run-dir", "half", "-q").code == 143
    done = command("committee", "run1", "half", "--name", "pair", "--run-dir", "pair")
    assert (done.code, done.out) == (2, "")
    assert "half: the run is interrupted; a committee needs finished ones" in done.err
    assert not Path("pair").exists()


def test_a_committee_is_no_member(two_runs, command):
    assert command("committee", "run1", "run2", "--name", "pair", "--run-dir", "pair", "-q").code == 0
    done = command("committee", "run1", "pair", "--name", "more", "--run-dir", "more")
    assert done.code == 2
    assert "pair: is a committee, which is no member of another one" in done.err
