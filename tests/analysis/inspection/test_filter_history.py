"""The weights into a layer over all checkpoints of a run."""

import numpy as np
import pytest

from mnistnn.analysis.inspection.filter_history import history_in_text, history_of, history_sheet, scaled_over_time
from mnistnn.analysis.inspection.filters import UNICODE_MARKS
from mnistnn.errors import RunError, UsageError
from mnistnn.run.checkpoint import newest_first, path_for, read


@pytest.fixture
def run(toy, start):
    return start(toy, "checkpoint.keep_every_epochs=2", "checkpoint.keep_last=1", "stopping.max_epochs.epochs=5").run


def test_every_checkpoint_that_was_kept_is_a_row(run):
    history = history_of(run)
    assert [moment.name for moment in history.moments] == ["epoch 2", "epoch 4", "epoch 5"]
    assert (history.parameter, history.pictures.shape, history.passed_over) == ("hidden.W", (3, 12, 1, 8, 8), [])
    for moment, pictures in zip(history.moments, history.pictures, strict=True):
        theta = read(path_for(run.checkpoints, moment.updates)).tensors["theta"]
        np.testing.assert_array_equal(pictures.reshape(12, 64).T, theta[: 64 * 12].reshape(64, 12))


def test_checkpoint_inside_an_epoch_says_its_update(toy, command):
    command("train", toy, "--run-dir", "run", "--time-budget", "0")
    from mnistnn.run.directory import RunDirectory

    (first, *_) = history_of(RunDirectory(toy.parent / "run")).moments
    assert first.name in ("epoch 0", f"epoch 0, update {first.updates}")
    assert first.is_inside == (first.updates > 0)


def test_damaged_checkpoints_are_passed_over(run):
    middle = newest_first(run.checkpoints)[1]
    middle.write_bytes(middle.read_bytes()[:-1])
    history = history_of(run)
    assert [moment.epoch for moment in history.moments] == [2, 5]
    assert len(history.passed_over) == 1
    assert str(middle) in history.passed_over[0]


def test_run_without_a_whole_checkpoint_is_refused(run):
    for path in newest_first(run.checkpoints):
        path.write_bytes(b"torn")
    with pytest.raises(RunError, match="no usable checkpoint"):
        history_of(run)


def test_layer_without_pictures_is_refused(run):
    with pytest.raises(UsageError, match="the weights of output cannot be drawn"):
        history_of(run, "output")


def test_scale_is_one_for_all_moments():
    pictures = np.zeros((2, 2, 1, 1, 2))
    pictures[0, 0, 0, 0], pictures[1, 0, 0, 0] = [1.0, -2.0], [4.0, 0.0]
    pictures[0, 1, 0, 0], pictures[1, 1, 0, 0] = [0.5, 0.0], [-1.0, 0.0]
    np.testing.assert_allclose(scaled_over_time(pictures, each=False), pictures / 4)
    expected = pictures.copy()
    expected[:, 0] /= 4
    np.testing.assert_allclose(scaled_over_time(pictures, each=True), expected)


def test_sheet_has_a_named_row_for_each_moment(run):
    pytest.importorskip("PIL")
    history = history_of(run)
    sheet = history_sheet(history, count=4, each=False)
    rows, columns = 3 * (56 + 2) + 2, 4 * (56 + 2) + 2
    assert len(sheet) == rows
    names = sheet[:, : sheet.shape[1] - columns]
    assert [(names[58 * row : 58 * row + 58] < 128).any() for row in range(3)] == [True] * 3
    drawn = sheet[:, -columns:]
    first = drawn[2:58, 2:58][::7, ::7]
    expected = np.rint(128 + 127 * history.pictures[0, 0, 0] / np.abs(history.pictures[:, :4]).max())
    np.testing.assert_array_equal(first, expected)
    assert history_sheet(history, None, each=True).shape[1] == sheet.shape[1] + 8 * 58


def test_text_has_a_named_band_for_each_moment(run):
    text = history_in_text(history_of(run), 3, each=False, marks=UNICODE_MARKS)
    lines = text.split("\n")
    assert len(lines) == 3 * (1 + 8) + 2
    assert (lines[0], lines[10], lines[20]) == ("epoch 2", "epoch 4", "epoch 5")
    assert lines[9] == lines[19] == ""
