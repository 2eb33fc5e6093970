"""The test-access log of test readings."""

import json

import pytest

from mnistnn.analysis.evaluation.test_access_log import TEST_ACCESS_LOG, count_test_accesses, log_test_access, said
from mnistnn.errors import RunError
from mnistnn.experiment.trained import load_trained


def test_each_reading_is_an_entry_and_a_torn_line_is_none(toy, start):
    run = start(toy, "stopping.max_epochs.epochs=1").run
    trained = load_trained(run, "last")
    assert count_test_accesses(run) == 0
    assert [log_test_access(run, trained), log_test_access(run, trained)] == [1, 2]
    log = run.evaluations / TEST_ACCESS_LOG
    entry = json.loads(log.read_text().splitlines()[0])
    assert {**entry, "time": ""} == {"time": "", "checkpoint": "last", "file": trained.file, "epoch": 1}
    with open(log, "a") as file:
        file.write("{")
    assert count_test_accesses(run) == 2


def test_test_access_log_that_cannot_be_read_is_said(toy, start):
    run = start(toy, "stopping.max_epochs.epochs=1").run
    (run.evaluations / TEST_ACCESS_LOG).mkdir()
    with pytest.raises(RunError, match=TEST_ACCESS_LOG):
        count_test_accesses(run)


def test_sentence_counts():
    assert said(1) == "the test split has been read once for this run"
    assert said(3) == "the test split has been read 3 times for this run"
