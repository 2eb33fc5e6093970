"""`mnistnn.data` beside what experiments and commands read."""

import json

import numpy as np
import pytest

import mnistnn
from mnistnn.config.load import load_experiment
from mnistnn.data.splits import read_split


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_split_is_that_of_an_experiment(toy, command, split):
    found = mnistnn.data("toy", split)
    expected = read_split(load_experiment(toy).experiment.data, split)
    np.testing.assert_array_equal(found.images, expected.images)
    np.testing.assert_array_equal(found.labels, expected.labels)
    assert (found.images.dtype.name, found.labels.dtype.name) == ("uint8", "int64")
    assert len(found) == len(expected.labels)
    assert found.class_names == ["0", "1", "2", "3"]
    shown = json.loads(command("data", "show", "toy", "--split", split, "--json").out)
    assert np.bincount(found.labels).tolist() == shown["class_counts"]


def test_arrays_are_read_only(toy):
    found = mnistnn.data("toy")
    assert not found.images.flags.writeable
    assert not found.labels.flags.writeable


def test_set_is_shown_in_a_line(toy):
    assert repr(mnistnn.data("toy", "test")) == "<toy test: 80 images of 8x8 pixels, 4 classes>"


def test_set_that_is_not_there_is_made_when_it_is_first_read(toy, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("MNISTNN_DATA", str(tmp_path / "empty"))
    assert len(mnistnn.data("bars-and-stripes", "test")) == 32
    assert capsys.readouterr().err == "making bars-and-stripes\n"
