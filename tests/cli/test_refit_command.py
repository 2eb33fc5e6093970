"""`mnistnn refit`, and experiments without a validation split."""

import json
from pathlib import Path

import pytest

from mnistnn.run.finding import find
from mnistnn.run.metrics import read_rows
from mnistnn.run.record import read_record

RUNS = Path("runs")


def newest_rows():
    return read_rows(find("latest", RUNS).metrics)


@pytest.fixture
def finished(toy, command):
    """A run that was chosen in epoch 2 of 4 or so, whatever the toy does."""
    assert command("train", toy, "-q", "--epochs", 4).code == 0
    return find("latest", RUNS).path.resolve()


def best_row(run):
    return read_record(find(str(run), RUNS)).best


def test_refit_trains_on_all_training_files_for_the_epochs_found(finished, command):
    assert command("refit", finished, "-q").code == 0
    rows = newest_rows()
    assert len(rows) == best_row(finished)["epoch"]
    assert rows[-1]["examples"] == 360 * len(rows)
    assert not any(name.startswith("valid.") for name in rows[-1])


def test_refit_begins_with_the_same_parameters_as_the_run(toy, command, finished):
    assert command("refit", finished, "-q").code == 0
    assert command("train", toy, "-q", "data.validation_examples=0", "checkpoint.monitor=last", "--epochs", 4).code == 0
    (record,) = RUNS.glob("toy-refit/*/run.json")
    refit = find(str(record.parent), RUNS)
    assert read_rows(refit.metrics)[0] == newest_rows()[0]


def test_refit_until_loss_stops_when_the_loss_is_reached(finished, command):
    assert command("refit", finished, "-q", "--until", "loss").code == 0
    target = best_row(finished)["train.loss"]
    losses = [row["train.loss"] for row in newest_rows()]
    assert all(loss > target for loss in losses[:-1])
    assert losses[-1] <= target or len(losses) == 2 * best_row(finished)["epoch"]


def test_refit_run_ends_with_its_last_parameters(finished, command):
    assert command("refit", finished, "-q").code == 0
    shown = json.loads(command("eval", "latest", "--json").out)
    assert shown["epoch"] == newest_rows()[-1]["epoch"]


def test_refit_of_a_refit_is_refused(finished, command):
    assert command("refit", finished, "-q").code == 0
    done = command("refit", "latest")
    assert (done.code, "without a validation split already" in done.err) == (2, True)


def test_refit_of_an_unfinished_run_is_refused(toy, command, stop_after):
    stop_after(5)
    assert command("train", toy, "-q").code == 143
    done = command("refit", "latest")
    assert (done.code, "is interrupted; a refit needs a finished one" in done.err) == (2, True)


def test_valid_split_of_a_refit_cannot_be_measured(finished, command):
    assert command("refit", finished, "-q").code == 0
    done = command("eval", "latest", "--split", "valid")
    assert (done.code, "without a valid split" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("checkpoint.monitor=valid.loss", "checkpoint.monitor"),
        ("stopping=[{type: target, value: 0.1}]", "stopping.0"),
        ("stopping=[{type: significance_patience}]", "stopping.0"),
        ("optimizer.learning_rate={type: plateau, start: 0.1}", "optimizer.learning_rate"),
    ],
)
def test_metrics_of_an_empty_validation_split_are_refused(toy, command, everything_below, override, key):
    before = everything_below(".")
    done = command("train", toy, "checkpoint.monitor=last", "data.validation_examples=0", override)
    assert (done.code, "needs validation examples" in done.err) == (2, True)
    assert everything_below(".") == before


def test_last_evaluation_is_the_best_where_none_chooses(toy, start):
    outcome = start(toy, "checkpoint.monitor=last", "optimizer.learning_rate=3")
    assert outcome.best is outcome.last
