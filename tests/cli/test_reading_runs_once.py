"""Commands that show runs open each file of a run once, and none that they do not show."""

from collections import Counter
from pathlib import Path

import pytest

from mnistnn.errors import RunError
from tests.faults.disk import watched

WATCHED = Path("runs/wide/0")
RECORD_AND_ROWS = {"run.json": 1, "metrics.jsonl": 1}
LISTED = RECORD_AND_ROWS | {"overrides.txt": 1}
HISTORY = {**RECORD_AND_ROWS, "config.yaml": 1, "timing.jsonl": 1}


@pytest.fixture
def runs(toy, start):
    """Two runs of each of two experiments: two seeds, so that they are compared without asking their models."""
    for name, units in (("narrow", 1), ("wide", 12)):
        for seed in (0, 1):
            overrides = (f"name={name}", f"seed={seed}", f"model.layers.hidden.units={units}")
            start(toy, *overrides, "stopping.max_epochs.epochs=2", path=f"runs/{name}/{seed}")


@pytest.mark.parametrize(
    ("arguments", "opened"),
    [
        (["ls"], LISTED),
        (["ls", "--json"], LISTED),
        (["show", WATCHED], {**RECORD_AND_ROWS, "config.yaml": 1}),
        (["tail", WATCHED], RECORD_AND_ROWS),
        (["tail", "-f", WATCHED], RECORD_AND_ROWS),
        (["compare", "runs"], {**HISTORY, "environment.json": 1}),
        (["plot", "runs", "--out", "curves.svg"], HISTORY),
        (["export", WATCHED, "runs/wide/1", "--to", "csv"], HISTORY),
        (["report", "runs", "--out", "report.html"], {**HISTORY, "environment.json": 1, "overrides.txt": 1}),
    ],
    ids=str,
)
def test_files_of_a_run_are_opened_once(runs, command, monkeypatch, arguments, opened):
    def no_model(run):
        raise RunError("models are loaded by code that has tests of its own")

    monkeypatch.setattr("mnistnn.analysis.report.details.load_trained", no_model)
    with watched(WATCHED) as disk:
        assert command(*arguments).code == 0
    assert (
        Counter(call.name for call in disk.calls if call.step == "open to read" and "lock" not in call.name) == opened
    )


def test_results_that_are_shown_are_opened_once(runs, command):
    assert command("eval", WATCHED, "--split", "valid").code == 0
    with watched(WATCHED) as disk:
        assert command("show", WATCHED).code == 0
    assert [call.name for call in disk.calls].count("valid-best.json") == 1


def test_files_of_a_trial_are_opened_once(toy, command):
    trial = Path("study/trials/0001-seed0")
    values = ("optimizer.learning_rate=0.1,0.2", "stopping.max_epochs.epochs=1")
    assert command("sweep", "run", toy, *values, "--study", "study", "-q").code == 0
    with watched(trial) as disk:
        assert command("sweep", "status", "study").code == 0
    assert [call.name for call in disk.calls if call.step == "open to read"] == [".mnistnn-lock", "run.json"]
