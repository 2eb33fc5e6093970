"""The files of fitted transforms."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from mnistnn.errors import RunError
from mnistnn.run import transforms
from mnistnn.run.directory import RunDirectory

ARRAYS = {"mean": np.arange(6.0).reshape(2, 3), "variance": np.full((2, 3), 0.1)}


def test_arrays_come_back_bit_for_bit(tmp_path):
    transforms.write(tmp_path / "t.safetensors", "standardize", ARRAYS)
    found = transforms.read(tmp_path / "t.safetensors", "standardize")
    assert {name: array.tobytes() for name, array in found.items()} == {
        name: array.tobytes() for name, array in ARRAYS.items()
    }


def test_equal_transforms_give_equal_bytes(tmp_path):
    for name in "ab":
        transforms.write(tmp_path / name, "standardize", ARRAYS)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_other_programs_can_read_the_arrays(tmp_path):
    transforms.write(tmp_path / "t.safetensors", "standardize", ARRAYS)
    np.testing.assert_array_equal(load_file(tmp_path / "t.safetensors")["mean"], ARRAYS["mean"])


def test_every_altered_byte_is_noticed(tmp_path):
    path = tmp_path / "t.safetensors"
    transforms.write(path, "standardize", ARRAYS)
    content = path.read_bytes()
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(RunError):
            transforms.read(path, "standardize")


def test_every_cut_file_is_noticed(tmp_path):
    path = tmp_path / "t.safetensors"
    transforms.write(path, "standardize", ARRAYS)
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(RunError, match="not a whole mnistnn fitted transform"):
            transforms.read(path, "standardize")


def test_transform_without_arrays_is_kept_too(tmp_path):
    run = RunDirectory(tmp_path)
    transforms.keep(run, [("contrast_normalize", {})])
    assert transforms.read(transforms.path_in(run, 0, "contrast_normalize"), "contrast_normalize") == {}


def test_leftovers_of_a_killed_process_are_removed(tmp_path):
    leftover = tmp_path / "preprocess" / ".0-whiten.safetensors.0123456789ab.tmp"
    leftover.parent.mkdir()
    leftover.touch()
    transforms.keep(RunDirectory(tmp_path), [("standardize", ARRAYS)])
    assert [path.name for path in Path(tmp_path, "preprocess").iterdir()] == ["0-standardize.safetensors"]


def test_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "preprocess").touch()
    with pytest.raises(RunError, match="preprocess: a file, where a folder of its own belongs"):
        transforms.keep(RunDirectory(tmp_path), [("standardize", ARRAYS)])
