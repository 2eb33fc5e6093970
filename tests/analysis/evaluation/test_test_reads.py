"""The ledger of test readings."""

import json

import pytest

from mnistnn.analysis.evaluation.test_reads import LEDGER, count_reading, count_readings, said
from mnistnn.errors import RunError
from mnistnn.experiment.trained import load_trained


def test_each_reading_is_an_entry_and_a_torn_line_is_none(toy, start):
    run = start(toy, "stopping.max_epochs.epochs=1").run
    trained = load_trained(run, "last")
    assert count_readings(run) == 0
    assert [count_reading(run, trained), count_reading(run, trained)] == [1, 2]
    ledger = run.evaluations / LEDGER
    entry = json.loads(ledger.read_text().splitlines()[0])
    assert {**entry, "time": ""} == {"time": "", "checkpoint": "last", "file": trained.file, "epoch": 1}
    with open(ledger, "a") as file:
        file.write("{")
    assert count_readings(run) == 2


def test_ledger_that_cannot_be_read_is_said(toy, start):
    run = start(toy, "stopping.max_epochs.epochs=1").run
    (run.evaluations / LEDGER).mkdir()
    with pytest.raises(RunError, match=LEDGER):
        count_readings(run)


def test_sentence_counts():
    assert said(1) == "the test split has been read once for this run"
    assert said(3) == "the test split has been read 3 times for this run"
