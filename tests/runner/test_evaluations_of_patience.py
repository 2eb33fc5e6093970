"""Whole runs with a patience in updates are measured, and end, where LISA's loop says; old ones go on."""

import json
from math import inf
from pathlib import Path

import pytest

from mnistnn.errors import InterruptedRunError
from mnistnn.experiment.pace import Pace
from mnistnn.run.checkpoint import newest_first, read, updates_of
from mnistnn.stopping.lisa import chance_of_gains

BATCHES = 10  # of an epoch of the toy set
LONG = "stopping=[{type: lisa_patience, updates: 14, increase: 100}, {type: max_epochs, epochs: 3}]"


def rows_of(run: str) -> list[dict[str, float]]:
    return [json.loads(line) for line in Path(run, "metrics.jsonl").read_text().splitlines()]


def published(rows, patience, increase, threshold, epochs) -> tuple[int, list[int]]:
    """Return the updates that LISA's loop makes with the errors of these rows, and those after which it measures.

    An improvement is good enough below `threshold` · best; where that is None, if it is significant.
    """
    measured_after = {row["updates"]: row for row in rows}
    frequency = min(BATCHES, patience // 2)
    best, looked = inf, list[int]()
    for iteration in range(epochs * BATCHES):
        if (iteration + 1) % frequency == 0:
            looked.append(iteration + 1)
            row = measured_after[iteration + 1]
            gained, lost, error = int(row["valid.gained"]), int(row["valid.lost"]), row["valid.error"]
            is_significant = gained > lost and chance_of_gains(gained, lost) <= 0.05
            if is_significant if threshold is None else error < best * threshold:
                patience = max(patience, iteration * increase)
            best = min(best, error)
        if patience <= iteration:
            return iteration + 1, looked
    return epochs * BATCHES, looked


def policies(patience: int, threshold: float | None, *more: str) -> str:
    """Return the override that gives a run both policies, of which the one that is not asked for comes too late."""
    ours = (
        f"{{type: significance_patience, updates: {patience}}}"
        if threshold is None
        else f"{{type: lisa_patience, updates: {patience}, threshold: {threshold}}}"
    )
    late = "{type: significance_patience, updates: 1000000}"  # its columns are there then
    return f"stopping=[{', '.join((ours, late, '{type: max_epochs, epochs: 4}', *more))}]"


@pytest.mark.parametrize("threshold", [0.995, 0.7, None])
@pytest.mark.parametrize("patience", [2, 6, 7, 15, 19, 20, 21, 30, 79])
def test_run_is_measured_and_ends_where_the_published_loop_is(toy, start, command, patience, threshold):
    start(toy, policies(patience, threshold))
    rows = rows_of("run")
    end, looked = published(rows, patience, 2, threshold, epochs=4)
    seen = [row["updates"] for row in rows]
    assert seen == sorted({*looked, 4 * BATCHES} if end == 4 * BATCHES else looked)
    assert updates_of(newest_first(Path("run", "checkpoints"))[0]) == end
    assert command("verify", "run").code == 0
    assert all(row["epoch"] == row["updates"] / BATCHES for row in rows)


@pytest.mark.parametrize(
    "wanted",
    [
        ("evaluation.every_updates=3",),
        ("optimizer.learning_rate={type: plateau, start: 0.2}",),
        (policies(6, 0.995, "{type: course_patience, min_epochs: 50}"),),
        (policies(6, 0.995, "{type: target, value: 0}"),),
    ],
    ids=["a key", "a schedule", "patience in evaluations", "a target"],
)
def test_epochs_are_measured_where_something_else_needs_that_and_patience_leaves_them_out(toy, start, command, wanted):
    start(toy, policies(6, 0.995), *wanted)
    rows = rows_of("run")
    end, looked = published(rows, 6, 2, 0.995, epochs=4)
    assert [row["updates"] for row in rows] == sorted({*looked, *range(BATCHES, end + 1, BATCHES)})
    assert any(updates % 3 for updates in range(BATCHES, end + 1, BATCHES))
    assert command("verify", "run").code == 0


def test_epochs_without_an_evaluation_are_counted_and_saved(toy, start):
    start(toy, LONG, "checkpoint={every_epochs: 1, keep_last: 100}")
    saved = {updates_of(path): read(path).state for path in newest_first(Path("run", "checkpoints"))}
    assert saved.keys() >= {10, 20, 30}
    assert [(saved[n].progress.epoch, saved[n].progress.batch) for n in (10, 20, 30)] == [(1, 0), (2, 0), (3, 0)]
    assert saved[20].best is not None
    assert saved[20].best["updates"] in (7, 14)


@pytest.mark.parametrize("updates", [6, 9, 10, 11, 20, 21])
def test_run_between_two_evaluations_goes_on_to_the_same_end(
    toy, start, command, stop_after, assert_same_result, updates
):
    start(toy, LONG, path="whole")
    stop_after(updates)
    with pytest.raises(InterruptedRunError):
        start(toy, LONG)
    assert command("resume", "run").code == 0
    assert_same_result("run", "whole")
    assert command("verify", "run").code == 0


@pytest.mark.parametrize("updates", [10, 12, 14])
def test_run_that_was_measured_after_epochs_too_goes_on_by_the_published_loop(
    toy, start, command, stop_after, monkeypatch, updates
):
    """So were those of version 0.1.0."""
    with monkeypatch.context() as earlier:
        earlier.setattr(Pace, "evaluates_epochs", True)
        stop_after(updates)
        with pytest.raises(InterruptedRunError):
            start(toy, policies(14, 0.9))
    assert [row["updates"] for row in rows_of("run")] == [n for n in (7, 10, 14) if n < updates]
    assert command("resume", "run").code == 0
    rows = rows_of("run")
    end, looked = published(rows, 14, 2, 0.9, epochs=4)
    assert [row["updates"] for row in rows] == sorted(
        {*looked, *([10] if updates > 10 else []), *([40] if end == 40 else [])}
    )
    assert updates_of(newest_first(Path("run", "checkpoints"))[0]) == end
    assert command("verify", "run").code == 0


def test_lost_evaluation_is_named(toy, start, command):
    start(toy, LONG)
    assert [row["updates"] for row in rows_of("run")] == [7, 14, 21, 28, 30]
    path = Path("run", "metrics.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], *lines[2:]]))
    assert "the row of update 14 is missing" in command("verify", "run").out
