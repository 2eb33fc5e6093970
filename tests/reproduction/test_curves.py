"""The curves that a record keeps: which points, how rounded, and how they lie in its file."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from mnistnn.errors import RunError
from mnistnn.reproduction.collection import select
from mnistnn.reproduction.curves import MOST_POINTS, curve_in, curves_of
from mnistnn.reproduction.from_runs import record_of_runs
from mnistnn.reproduction.member import Member
from mnistnn.reproduction.record import Origin, SeedResult, make_record, read_records, write_record
from mnistnn.reproduction.reproduce import Conditions, reproduce
from mnistnn.run.directory import all_runs
from mnistnn.run.view import RunView
from mnistnn.runner.session import Verbosity
from mnistnn.runner.signals import StopRequest

FOLDER = Path("experiments")
RESULTS = FOLDER / "results"


def rows_of(count, **metrics):
    return [
        {"epoch": number + 1, "updates": 7 * number, **{name: of(number) for name, of in metrics.items()}}
        for number in range(count)
    ]


def record_with(curves, seeds=1):
    results = [SeedResult(seed, 1, 1.0, {"test": 0.2}, curves) for seed in range(seeds)]
    return make_record("one/a.yaml", Member(FOLDER, "one/a.yaml").load(), results, Origin(None, False))


def test_reproduction_keeps_the_metrics_of_every_epoch(collection):
    with StopRequest() as stop:
        conditions = Conditions([0], "cpu", Path("runs"), Verbosity(shown=False), stop)
        reproduce(select(FOLDER, ["two"]), conditions, RESULTS, lambda text: None)
    (record,), (run,) = read_records(RESULTS), all_runs(Path("runs"))
    rows = RunView(run).rows
    curves = record.seeds[0].curves
    assert curves is not None
    assert curves["epoch"] == [row["epoch"] for row in rows] == [1, 2]
    for name in ("train.loss", "valid.loss", "valid.error"):
        assert curves[name] == pytest.approx([row[name] for row in rows], rel=1e-3)
    again = record_of_runs(Member(FOLDER, "two/c.yaml"), [run], False, None, lambda text: None)
    assert again.seeds == record.seeds


def test_numbers_have_four_significant_digits_and_epochs_more():
    (row,) = rows_of(1, **{"train.loss": lambda _: 0.12345678, "theta.norm": lambda _: 2.0})
    curves = curves_of([{**row, "epoch": 12345}], row)
    assert curves == {"epoch": [12345], "train.loss": [0.1235], "theta.norm": [2]}


def test_rate_that_never_changes_is_left_out():
    still = rows_of(3, learning_rate=lambda _: 0.1)
    falling = rows_of(3, learning_rate=lambda number: 0.5**number)
    assert "learning_rate" not in curves_of(still, still[0])
    assert curves_of(falling, falling[0])["learning_rate"] == [1, 0.5, 0.25]


def test_metric_that_is_measured_seldom_has_gaps_and_a_curve_without_them():
    rows = rows_of(3, **{"train.loss": lambda number: 3.5 - number})
    rows[1]["valid.error"] = 0.25
    curves = curves_of(rows, rows[1])
    assert curves["valid.error"] == [None, 0.25, None]
    curve = curve_in(curves, "valid.error")
    assert curve is not None
    assert (curve.x.tolist(), curve.y.tolist()) == ([2.0], [0.25])
    assert curve_in(curves, "test.error") is None


@pytest.mark.parametrize("count", [MOST_POINTS, MOST_POINTS + 1, 1000])
def test_of_many_epochs_the_first_the_last_and_the_best_are_kept(count):
    rows = rows_of(count, **{"train.loss": lambda number: number / 8})
    best = rows[min(17, count - 2)]
    curve = curve_in(curves_of(rows, best), "train.loss")
    assert curve is not None
    epochs = curve.x.tolist()
    assert len(epochs) <= MOST_POINTS
    assert {1, best["epoch"], count} <= set(epochs)
    assert max(after - before for before, after in pairwise(epochs)) <= count / (MOST_POINTS - 2) + 1


def test_record_of_two_seeds_is_small_and_has_a_line_for_each_metric(collection):
    RESULTS.mkdir()
    names = ["train.loss", "train.error", "valid.loss", "valid.error", "learning_rate", "theta.norm"]
    rows = rows_of(500, **{name: lambda number: 0.98765 / (number + 1) for name in names})
    record = record_with(curves_of(rows, rows[-1]), seeds=2)
    write_record(record, RESULTS)
    text = (RESULTS / "one-a.json").read_text()
    assert len(text) < 15_000
    assert len([line for line in text.splitlines() if '"valid.error": [0.9877, ' in line]) == 2
    assert read_records(RESULTS) == [record]


def test_text_of_a_record_is_the_same_after_it_was_read(collection):
    RESULTS.mkdir()
    write_record(record_with({"epoch": [0.5, 1, 2], "train.loss": [None, 2, 0.1]}), RESULTS)
    before = (RESULTS / "one-a.json").read_text()
    (record,) = read_records(RESULTS)
    write_record(record, RESULTS)
    assert (RESULTS / "one-a.json").read_text() == before


def test_record_without_curves_is_read_and_written_without_them(collection):
    RESULTS.mkdir()
    write_record(record_with(None), RESULTS)
    assert "curves" not in (RESULTS / "one-a.json").read_text()
    assert read_records(RESULTS)[0].seeds[0].curves is None


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ({"train.loss": [1.0]}, "need a column 'epoch'"),
        ({"epoch": [1, 2], "train.loss": [1.0]}, "'train.loss' is not as long as that of epochs"),
        ({"epoch": [1, "2"]}, ""),
    ],
)
def test_curves_that_are_none_are_refused_with_their_place(collection, curves, message):
    RESULTS.mkdir()
    write_record(record_with({"epoch": [1]}), RESULTS)
    path = RESULTS / "one-a.json"
    content = json.loads(path.read_text())
    content["seeds"][0]["curves"] = curves
    path.write_text(json.dumps(content))
    with pytest.raises(RunError, match=rf"one-a\.json: seeds\.0\.curves.*{message}"):
        read_records(RESULTS)
