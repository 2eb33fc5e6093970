"""Two experiments paired by seeds, and two models by the examples that they read."""

from pathlib import Path

import numpy as np
import pytest

from mnistnn.analysis.comparison.paired_tests import Pair, Side, pairs_of, validation_of
from mnistnn.analysis.comparison.run_groups import load_runs
from mnistnn.analysis.statistics import mcnemar_test, sign_flip_test, student_interval
from mnistnn.data.datasets import cache
from mnistnn.data.splits import read_split
from mnistnn.run.checkpoint import read_newest
from mnistnn.run.config import load_run_config

RUNS = Path("runs")


class Run:
    """As much of a run as pairing by seeds looks at."""

    def __init__(self, seed):
        self.config = {"seed": seed}


def side(letter, **by_seed):
    """Return an experiment from its metrics by seed, such as s0=0.1."""
    runs = [Run(int(name[1:])) for name in by_seed]
    return Side(letter, runs, list(by_seed.values()))  # type: ignore[arg-type]


def test_shared_seeds_are_paired_whatever_their_order():
    a, b = side("A", s0=0.5, s1=0.25, s7=0.5), side("B", s1=0.75, s9=0.5, s0=0.625)
    (pair,) = pairs_of([(a, b)])
    assert (pair.first, pair.second, pair.seeds, pair.left_out) == ("A", "B", [0, 1], [7, 9])
    assert pair.differences == [0.125, 0.5]
    assert pair.mean == 0.3125
    assert pair.interval_95 == student_interval([0.125, 0.5])
    assert pair.test == sign_flip_test([0.125, 0.5])
    assert (pair.problem, pair.holm_p) == (None, None)


def test_without_seeds_in_common_there_is_no_test():
    (pair,) = pairs_of([(side("A", s0=0.5, s1=0.25), side("B", s2=0.75, s3=0.5))])
    assert pair == Pair("A", "B", [], [0, 1, 2, 3], [], None, None, None, "no seed in common")


def test_one_seed_in_common_gives_a_difference_and_no_test():
    (pair,) = pairs_of([(side("A", s0=0.5, s1=0.25), side("B", s1=0.75))])
    assert (pair.differences, pair.interval_95, pair.test) == ([0.5], None, None)
    assert pair.problem == "only the seed 1 in common"


def test_several_tests_are_adjusted_and_pairs_without_one_are_not_counted():
    a = side("A", s0=0.1, s1=0.2, s2=0.3, s3=0.4)
    b = side("B", s0=0.2, s1=0.4, s2=0.6, s3=0.9)
    c = side("C", s0=0.0, s1=0.4, s2=0.2, s3=0.6)
    d = side("D", s8=0.0, s9=0.4)
    pairs = pairs_of([(a, b), (a, d), (a, c)])
    # Every seed is worse in B, which four seeds allow in 2 of 16 patterns; in C the signs are mixed.
    assert [each.test and each.test.p for each in pairs] == [0.125, None, 0.75]
    assert [each.holm_p for each in pairs] == [0.25, None, 0.75]


@pytest.fixture
def two(toy, start):
    """Two single runs that differ in their number of units."""
    start(toy, path="runs/wide")
    start(toy, "model.layers.hidden.units=3", "seed=1", path="runs/narrow")


def sides(*references):
    views, _ = load_runs(references, RUNS)
    errors = [min(row["valid.error"] for row in one.rows) for one in views]
    return [Side(letter, [one], [error]) for letter, one, error in zip("AB", views, errors, strict=True)]


def right_by_hand(run):
    """Which validation digits a run's best weights classified correctly, in plain NumPy: tanh, then the largest
    score."""
    _, saved, _ = read_newest(run.checkpoints)
    flat, start, arrays = saved.tensors["best"], 0, {}
    for name, shape in saved.state.layout:
        arrays[name] = flat[start : start + np.prod(shape)].reshape(shape)
        start += int(np.prod(shape))
    split = read_split(load_run_config(run).experiment.data, "valid")
    x = split.images.reshape(len(split.images), -1) / np.float32(255)
    z = np.tanh(x @ arrays["hidden.W"] + arrays["hidden.b"]) @ arrays["output.W"] + arrays["output.b"]
    return z.argmax(axis=1) == split.labels


def test_single_runs_are_paired_by_the_examples_that_their_best_models_classify(two):
    a, b = sides("runs/wide", "runs/narrow")
    right, also = right_by_hand(a.runs[0].run), right_by_hand(b.runs[0].run)
    (pair,) = pairs_of([(a, b)])
    assert pair.test == mcnemar_test(int((right & ~also).sum()), int((also & ~right).sum()))
    assert pair.differences == [pytest.approx(right.mean() - also.mean())]
    assert (pair.seeds, pair.left_out, pair.interval_95, pair.problem) == ([], [0, 1], None, None)


def test_test_split_is_not_opened(toy, start, own_toy_set, everything_below):
    own_toy_set(3)
    start(toy, path="runs/wide")
    start(toy, "model.layers.hidden.units=3", path="runs/narrow")
    for path in cache.set_folder("toy").glob("t10k-*"):
        path.unlink()
    before = everything_below("runs")
    (pair,) = pairs_of([tuple(sides("runs/wide", "runs/narrow"))])
    assert pair.test is not None
    assert everything_below("runs") == before


def test_digits_that_are_missing_are_said_and_the_difference_stays(two, monkeypatch, tmp_path):
    a, b = sides("runs/wide", "runs/narrow")
    monkeypatch.setattr("mnistnn.analysis.comparison.paired_tests.predictions_of", lambda trained, split: _missing())
    (pair,) = pairs_of([(a, b)])
    assert (pair.test, pair.problem) == (None, "the digits are gone")
    assert pair.mean == b.values[0] - a.values[0]


def _missing():
    from mnistnn.errors import DataError

    raise DataError("the digits are gone")


def test_damaged_checkpoints_are_said(two):
    a, b = sides("runs/wide", "runs/narrow")
    for path in a.runs[0].run.checkpoints.glob("*.safetensors"):
        path.write_bytes(b"")
    (pair,) = pairs_of([(a, b)])
    assert (pair.test, "no usable checkpoint" in str(pair.problem)) == (None, True)


def test_models_that_were_validated_on_different_examples_are_not_tested(toy, start):
    start(toy, path="runs/all")
    start(toy, "data.limits.valid=50", path="runs/some")
    a, b = sides("runs/all", "runs/some")
    assert validation_of(a.runs[0]) != validation_of(b.runs[0])
    (pair,) = pairs_of([(a, b)])
    assert (pair.test, pair.problem) == (None, "they were validated on different examples")
