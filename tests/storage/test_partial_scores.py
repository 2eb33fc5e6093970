"""The scores of an evaluation that was interrupted."""

import numpy as np
import pytest

from mnistnn.storage.partial_scores import PartialScores, forget

KEY, OTHER = "a" * 64, "b" * 64
SCORES = np.random.default_rng(1).normal(size=(10, 3)).astype("float32")


class Asked:
    """Computes blocks of SCORES, and counts which."""

    def __init__(self) -> None:
        self.blocks: list[int] = []

    def block(self, start, count):
        def compute():
            self.blocks.append(start)
            return SCORES[start : start + count]

        return compute


def evaluated(path, until=10, count=4, key=KEY):
    """Take blocks of an evaluation until one begins at `until`, where it is interrupted; return what was computed."""
    asked, found = Asked(), []
    try:
        with PartialScores(path, lambda: key) as kept:
            for start in range(0, 10, count):
                if start >= until:
                    raise KeyboardInterrupt
                found.append(kept.take(min(count, 10 - start), asked.block(start, count)).copy())
                kept.counts = {"dear": len(found)}
    except KeyboardInterrupt:
        pass
    return asked.blocks, np.concatenate(found), kept


@pytest.fixture
def path(tmp_path):
    return tmp_path / "partial-valid.safetensors"


def test_short_evaluation_leaves_no_file(path):
    blocks, found, _ = evaluated(path)
    assert blocks == [0, 4, 8]
    assert np.array_equal(found, SCORES)
    assert not path.exists()
    forget(path)


@pytest.mark.parametrize("until", [4, 8])
def test_interrupted_evaluation_goes_on_where_it_was(path, until):
    evaluated(path, until)
    assert path.exists()
    blocks, found, kept = evaluated(path)
    assert blocks == [*range(until, 10, 4)]
    assert np.array_equal(found, SCORES)
    assert found.dtype == SCORES.dtype
    assert kept.counts == {"dear": 3}
    assert path.exists()  # until what follows from the scores has been written
    forget(path)
    assert not path.exists()


def test_evaluation_that_is_interrupted_twice_keeps_both_parts(path):
    evaluated(path, 4)
    evaluated(path, 8)
    assert evaluated(path)[0] == [8]


def test_counts_are_those_of_the_scores_that_were_kept(path):
    evaluated(path, 8)
    assert PartialScores(path, lambda: KEY).counts == {"dear": 2}


def test_scores_of_anything_else_are_forgotten(path):
    evaluated(path, 8)
    blocks, found, _ = evaluated(path, key=OTHER)
    assert blocks == [0, 4, 8]
    assert np.array_equal(found, SCORES)


def test_file_that_is_damaged_is_no_reason_to_fail(path):
    evaluated(path, 8)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    assert evaluated(path)[0] == [0, 4, 8]


def test_scores_are_written_now_and_then(path, monkeypatch):
    now = 0.0
    monkeypatch.setattr("mnistnn.storage.partial_scores.time.monotonic", lambda: now)
    asked, seen = Asked(), []
    with PartialScores(path, lambda: KEY) as kept:
        for start in range(10):
            now += 4.0
            kept.take(1, asked.block(start, 1))
            seen.append(path.exists() and len(PartialScores(path, lambda: KEY)._kept))
    assert seen == [False, False, 3, 3, 3, 6, 6, 6, 9, 9]


def test_key_is_asked_only_where_something_is_kept(path):
    def never():
        raise AssertionError

    with PartialScores(path, never) as kept:
        kept.take(4, Asked().block(0, 4))


def test_without_a_path_nothing_is_kept(tmp_path):
    assert evaluated(None, until=4)[0] == [0]
    assert not any(tmp_path.iterdir())
