"""Checkpoint files: bit-exact, deterministic, and refused when a single byte is not what was written."""

import hashlib
import json
import os
from dataclasses import asdict, replace

import numpy as np
import pytest
from safetensors.numpy import save

from mnistnn.errors import ResourceError, RunError
from mnistnn.run import checkpoint as checkpoints
from mnistnn.run.checkpoint import Checkpoint, newest_first, path_for, prune, read, read_newest, write
from mnistnn.run.state import MetricsPosition, SavedLoss, SavedProgress, SavedState

STATE = SavedState(
    progress=SavedProgress(epoch=1, batch=2, updates=12, examples=384),
    loss=SavedLoss(total=1.0e-05, examples=64),
    metrics=MetricsPosition(bytes=120, sha256="ab" * 32),
    layout=[("output.W", [2, 2]), ("output.b", [2])],
    best={"epoch": 1, "valid.error": 0.1},
    kept=[10],
    config_hash="cd" * 32,
)


@pytest.fixture
def saved():
    rng = np.random.default_rng(3)
    theta = rng.normal(size=6).astype(np.float32)
    theta[:3] = [-0.0, 1e-45, np.nan]  # a negative zero, a denormal: bits that an equal value would not show
    return Checkpoint({"theta": theta, "best": rng.normal(size=6)}, STATE)


def in_folder(folder, *updates, of):
    for each in updates:
        write(folder, of, each)


def test_checkpoint_comes_back_bit_for_bit(tmp_path, saved):
    found = read(write(tmp_path, saved, 12))
    assert found.state == saved.state
    assert found.tensors.keys() == saved.tensors.keys()
    for name, tensor in saved.tensors.items():
        assert found.tensors[name].dtype == tensor.dtype
        assert found.tensors[name].tobytes() == tensor.tobytes()


def test_file_name_carries_the_update_count(tmp_path, saved):
    path = write(tmp_path, saved, 12500)
    assert path.name == "step-0000012500.safetensors"
    assert checkpoints.updates_of(path) == 12500


def test_equal_state_gives_equal_bytes(saved):
    copy = Checkpoint({name: tensor.copy() for name, tensor in reversed(saved.tensors.items())}, replace(STATE))
    assert checkpoints.encode(copy) == checkpoints.encode(saved)


def test_any_single_changed_byte_is_refused(tmp_path, saved):
    content = write(tmp_path, saved, 1).read_bytes()
    path = tmp_path / "altered"
    for position, byte in enumerate(content):
        # Also white space for white space, and the capital of a letter, which JSON and hexadecimal digits let pass.
        for value in (byte ^ 1, ord("\n") if byte == ord(" ") else byte ^ 0x20):
            altered = bytearray(content)
            altered[position] = value
            path.write_bytes(altered)
            with pytest.raises(RunError, match="altered: "):
                read(path)


def test_every_truncation_is_refused(tmp_path, saved):
    content = write(tmp_path, saved, 1).read_bytes()
    path = tmp_path / "torn"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(RunError, match="torn: "):
            read(path)


def test_trailing_bytes_are_refused(tmp_path, saved):
    path = write(tmp_path, saved, 1)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(RunError):
        read(path)


def test_missing_checkpoint_is_refused(tmp_path):
    with pytest.raises(RunError, match="No such file"):
        read(tmp_path / "step-0000000001.safetensors")


def test_foreign_safetensors_file_is_refused(tmp_path):
    (tmp_path / "foreign").write_bytes(save({"weight": np.zeros(3, np.float32)}, metadata={"format": "pt"}))
    with pytest.raises(RunError, match="foreign: not a whole mnistnn checkpoint"):
        read(tmp_path / "foreign")


def forged(state, tensors=None, version=checkpoints.FORMAT):
    """Return a file whose digest is right, whatever is in it."""
    header = {"sha256": "0" * 64, "format": version, "state": state}
    blank = save(tensors or {"theta": np.zeros(2, np.float32)}, metadata={"mnistnn": json.dumps(header)})
    return blank.replace(b"0" * 64, hashlib.sha256(blank).hexdigest().encode(), 1)


def test_other_format_is_refused_by_number(tmp_path):
    (tmp_path / "new").write_bytes(forged({}, version=2))
    with pytest.raises(RunError, match="checkpoint format 2; this mnistnn reads format 1"):
        read(tmp_path / "new")


@pytest.mark.parametrize(
    "damage",
    [
        {"progress": None},
        {"progress": {"epoch": 1, "batch": -1, "updates": 3, "examples": 4}},
        {"progress": {"epoch": 1.5, "batch": 0, "updates": 3, "examples": 4}},
        {"loss": {"total": float("nan"), "examples": 3}},
        {"metrics": {"bytes": "all", "sha256": ""}},
        {"layout": {"output.W": 3}},
        {"best": [1]},
        {"best": {"epoch": "one"}},
        {"kept": [[]]},
        {"surprise": 1},
    ],
)
def test_state_with_a_right_digest_is_checked_all_the_same(tmp_path, damage):
    (tmp_path / "forged").write_bytes(forged({**asdict(STATE), **damage}))
    with pytest.raises(RunError, match=f"its state is not that of a training .{next(iter(damage))}"):
        read(tmp_path / "forged")


@pytest.mark.parametrize("state", [None, [], "text", 3])
def test_state_that_is_no_state_is_refused(tmp_path, state):
    (tmp_path / "forged").write_bytes(forged(state))
    with pytest.raises(RunError, match="its state is not that of a training"):
        read(tmp_path / "forged")


def test_newest_is_the_highest_update_count(tmp_path, saved):
    in_folder(tmp_path, 9, 100, 20, of=saved)
    os.utime(path_for(tmp_path, 9))
    path, _, refused = read_newest(tmp_path)
    assert (path, refused) == (path_for(tmp_path, 100), [])


def test_newest_falls_back_to_one_that_verifies_and_says_so(tmp_path, saved):
    in_folder(tmp_path, 1, 2, 3, of=saved)
    path_for(tmp_path, 3).write_bytes(b"torn")
    os.truncate(path_for(tmp_path, 2), 100)
    path, _, refused = read_newest(tmp_path)
    assert path == path_for(tmp_path, 1)
    assert [message.partition(":")[0] for message in refused] == [
        str(path_for(tmp_path, 3)),
        str(path_for(tmp_path, 2)),
    ]


def test_no_usable_checkpoint_is_an_error_with_every_reason(tmp_path, saved):
    in_folder(tmp_path, 1, of=saved)
    path_for(tmp_path, 1).write_bytes(b"")
    with pytest.raises(RunError, match=r"no usable checkpoint; .*step-0000000001\.safetensors: not a whole"):
        read_newest(tmp_path)


def test_other_files_are_not_looked_at(tmp_path, saved):
    in_folder(tmp_path, 1, of=saved)
    for name in ("best.json", "step-.safetensors", "step-9x.safetensors", ".step-9.safetensors.abc.tmp", "step-9"):
        (tmp_path / name).write_text("foreign")
    assert newest_first(tmp_path) == [path_for(tmp_path, 1)]
    prune(tmp_path, keep_last=1, keep=set())
    assert len(list(tmp_path.iterdir())) == 6


def test_prune_keeps_the_newest_and_those_kept_for_good(tmp_path, saved):
    in_folder(tmp_path, *range(1, 8), of=saved)
    prune(tmp_path, keep_last=2, keep={3, 99})
    assert newest_first(tmp_path) == [path_for(tmp_path, n) for n in (7, 6, 3)]


def test_prune_never_removes_the_newest(tmp_path, saved):
    in_folder(tmp_path, 1, of=saved)
    prune(tmp_path, keep_last=1, keep=set())
    assert newest_first(tmp_path) == [path_for(tmp_path, 1)]


def test_prune_that_the_disk_refuses_is_a_resource_error(tmp_path, saved, monkeypatch):
    in_folder(tmp_path, 1, 2, of=saved)

    def refuse(*arguments, **options):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(ResourceError, match="read-only"):
        prune(tmp_path, keep_last=1, keep=set())
