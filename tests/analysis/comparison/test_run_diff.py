"""Where two runs part: in a metric, in an array, or not at all."""

from pathlib import Path

import pytest

from mnistnn.analysis.comparison.run_diff import Divergence, difference_of, difference_of_metrics
from mnistnn.errors import RunError
from mnistnn.run import checkpoint as checkpoints
from mnistnn.runner import session


def row(epoch, **figures):
    return {"epoch": epoch, "updates": 10 * epoch, **figures}


def test_first_difference_is_named_by_row_and_column():
    left = [row(1, loss=0.5, error=0.2), row(2, loss=0.4, error=0.1), row(3, loss=0.1, error=0.1)]
    right = [row(1, loss=0.5, error=0.2), row(2, loss=0.4, error=0.3), row(3, loss=0.9, error=0.1)]
    assert difference_of_metrics(left, right).divergence == Divergence(2, 2, "error", 0.1, 0.3)


@pytest.mark.parametrize(("a", "b"), [(0.1, 0.1 + 2**-56), (0.0, -0.0), (1, 1.0)])
def test_last_bits_count(a, b):
    assert difference_of_metrics([row(1, loss=a)], [row(1, loss=b)]).divergence == Divergence(1, 1, "loss", a, b)


def test_column_of_one_side_is_a_difference():
    assert difference_of_metrics([row(1)], [row(1, loss=0.5)]).divergence == Divergence(1, 1, "loss", None, 0.5)


def test_shorter_history_is_equal_as_far_as_it_goes():
    found = difference_of_metrics([row(1), row(2)], [row(1)])
    assert (found.divergence, found.are_same) == (None, False)
    assert difference_of_metrics([], []).are_same


def test_run_that_goes_on_is_the_same_as_far_as_the_shorter_goes(toy, start):
    short, long = start(toy, path="a").run, start(toy, "stopping.max_epochs.epochs=8", path="b").run
    found = difference_of(short, long)
    assert [each.key for each in found.config] == ["stopping.0.epochs"]
    assert (found.metrics.left_rows, found.metrics.right_rows, found.metrics.divergence) == (6, 8, None)
    assert not found.are_same
    session.resume(short, ["stopping.max_epochs.epochs=8"], session.Verbosity(shown=False))
    assert difference_of(short, long).are_same


def test_arrays_that_differ_are_named_with_the_largest_difference(toy, start):
    a, b = start(toy, path="a").run, start(toy, path="b").run
    _, saved, _ = checkpoints.read_newest(b.checkpoints)
    theta = saved.tensors["theta"].copy()
    theta[5] += 0.25
    theta[6] -= 0.5
    checkpoints.write(b.checkpoints, checkpoints.Checkpoint(saved.tensors | {"theta": theta}, saved.state), 60)
    final, best = difference_of(a, b).weights
    assert [each.name for each in final.arrays] == ["hidden.W"]
    assert final.arrays[0].largest == pytest.approx(0.5, rel=1e-6)
    assert best.arrays == []


def test_arrays_of_other_shapes_differ_without_a_number(toy, start):
    a, b = start(toy, path="a").run, start(toy, "model.layers.hidden.units=5", path="b").run
    found = {each.name: each.largest for each in difference_of(a, b).weights[0].arrays}
    assert found.keys() == {"hidden.W", "hidden.b", "output.W", "output.b"}
    assert found["hidden.W"] is None
    assert found["output.b"] is not None


def test_environments_are_compared_key_by_key(toy, start, monkeypatch):
    a = start(toy, path="a").run
    monkeypatch.setattr("mnistnn.run.provenance.cpu_model", lambda: "another")
    b = start(toy, path="b").run
    assert [(each.key, each.right) for each in difference_of(a, b).environment] == [("cpu", "another")]


def test_run_without_a_checkpoint_is_refused(toy, start):
    a, b = start(toy, path="a").run, start(toy, path="b").run
    for path in checkpoints.newest_first(b.checkpoints):
        path.unlink()
    with pytest.raises(RunError, match="no usable checkpoint"):
        difference_of(a, b)


def test_comparing_changes_nothing(toy, start, everything_below):
    a, b = start(toy, path="a").run, start(toy, path="b").run
    before = everything_below(Path("."))
    difference_of(a, b)
    assert everything_below(Path(".")) == before
