"""The adding problem and the copy task: what is drawn, from which stream, and what a net without memory loses."""

import json
from collections import Counter
from math import log
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from mnistnn.data.sequences.adding import Adding
from mnistnn.data.sequences.contract import MAX_NUMBERS, SequencesInfo
from mnistnn.data.sequences.copying import Copying
from mnistnn.data.sequences.registry import AnySequences
from mnistnn.data.sequences.synthetic import MadeSequences
from mnistnn.errors import ConfigError

BOTH = [Adding, Copying]


def test_adding_marks_a_number_of_each_half_and_wants_their_sum():
    found = Adding(steps=7, train=500).read("train")
    assert found.inputs.shape == (500, 7, 2)
    assert found.inputs.dtype == found.targets.dtype == np.float32
    assert found.lengths is None
    for steps, target in zip(found.inputs, found.targets, strict=True):
        first, second = (step for step, mark in enumerate(steps[:, 1]) if mark)
        assert first < 3 <= second
        assert set(steps[:, 1]) == {0, 1}
        assert target.tolist() == [steps[first, 0] + steps[second, 0]]


def test_adding_marks_each_step_of_a_half_equally_often():
    marks = Adding(steps=7, train=12000).read("train").inputs[:, :, 1].sum(axis=0)
    assert marks.tolist() == pytest.approx([4000] * 3 + [3000] * 4, abs=250)  # five standard deviations


def test_adding_of_two_steps_adds_both():
    found = Adding(steps=2, train=3).read("train")
    assert (found.inputs[:, :, 1] == 1).all()
    assert np.array_equal(found.targets[:, 0], found.inputs[:, 0, 0] + found.inputs[:, 1, 0])


def test_answering_1_to_adding_has_a_squared_error_of_a_sixth():
    found = Adding(steps=20).read("train")
    numbers, targets = found.inputs[:, :, 0].astype(float), found.targets.astype(float)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert numbers.mean() == pytest.approx(1 / 2, abs=0.003)
    assert numbers.var() == pytest.approx(1 / 12, abs=0.001)
    assert targets.mean() == pytest.approx(1, abs=0.015)
    assert ((targets - 1) ** 2).mean() == pytest.approx(1 / 6, abs=0.008)


def test_copying_shows_symbols_and_a_go_sign_and_wants_the_symbols_at_the_end():
    found = Copying(symbols=3, length=2, delay=4, train=50).read("train")
    assert found.inputs.shape == (50, 8, 5)
    assert found.inputs.dtype == np.float32
    assert found.targets.dtype == np.int64
    assert found.lengths is None
    for steps, labels in zip(found.inputs, found.targets, strict=True):
        a, b = labels[-2:]
        assert {a, b} <= {1, 2, 3}
        assert np.array_equal(steps, np.eye(5)[[a, b, 0, 0, 0, 4, 0, 0]])
        assert labels.tolist() == [0, 0, 0, 0, 0, 0, a, b]


def test_copying_without_delay_says_go_at_the_next_step():
    (steps,) = Copying(symbols=2, length=1, delay=1, train=1).read("train").inputs
    assert steps.argmax(axis=1).tolist()[1:] == [3, 0]


def test_copying_draws_all_symbols_equally_often():
    labels = Copying(symbols=4, length=3, delay=1, train=4000).read("train").targets[:, -3:]
    counts = Counter(labels.ravel().tolist())
    assert [counts[symbol] for symbol in range(1, 5)] == pytest.approx([3000] * 4, abs=240)
    assert sum(counts.values()) == 12000


def test_who_forgets_the_symbols_of_copying_loses_what_the_docstring_says():
    source = Copying(symbols=4, length=3, delay=5, train=10)
    steps, labels = source.describe().steps, source.read("train").targets
    answers = np.zeros((steps, 5))
    answers[:-3, 0] = 1
    answers[-3:, 1:] = 1 / 4
    loss = -np.log(answers[np.arange(steps), labels]).mean()
    assert loss == pytest.approx(3 * log(4) / 11)


@pytest.mark.parametrize(
    ("source", "info"),
    [
        (
            Adding(steps=30, train=5, valid=0, test=2),
            SequencesInfo(30, 2, {"train": 5, "valid": 0, "test": 2}, None, 1, every_step=False, ragged=False),
        ),
        (
            Copying(symbols=5, length=2, delay=3, train=5, valid=1, test=2),
            SequencesInfo(7, 7, {"train": 5, "valid": 1, "test": 2}, 6, None, every_step=True, ragged=False),
        ),
        (Adding(), SequencesInfo(100, 2, {"train": 20000, "valid": 1000, "test": 1000}, None, 1, False, False)),
        (Copying(), SequencesInfo(120, 10, {"train": 20000, "valid": 1000, "test": 1000}, 9, None, True, False)),
    ],
)
def test_source_describes_itself(source, info):
    assert source.describe() == info


@pytest.mark.parametrize("kind", BOTH)
def test_splits_have_the_sizes_that_were_said(kind):
    source = kind(train=3, valid=0, test=2)
    info = source.describe()
    for split, count in info.examples.items():
        found = source.read(split)
        assert found.inputs.shape == (count, info.steps, info.features)
        assert len(found.targets) == count


def everything(source: MadeSequences) -> list[bytes]:
    splits = [source.read(split) for split in ("train", "valid", "test")]
    return [array.tobytes() for split in splits for array in (split.inputs, split.targets)]


@pytest.mark.parametrize("kind", BOTH)
def test_what_is_drawn_follows_from_seed_and_split(kind):
    sizes = {"train": 20, "valid": 20, "test": 20}
    assert everything(kind(**sizes, seed=3)) == everything(kind(**sizes, seed=3))
    drawn = [*everything(kind(**sizes, seed=3)), *everything(kind(**sizes, seed=4))]
    assert len(set(drawn)) == len(drawn) == 12


@pytest.mark.parametrize("kind", BOTH)
def test_splits_have_no_sequence_in_common(kind):
    source = kind(train=300, valid=300, test=300)
    drawn = [steps.tobytes() for split in ("train", "valid", "test") for steps in source.read(split).inputs]
    assert len(set(drawn)) == 900


@pytest.mark.parametrize("kind", BOTH)
def test_smaller_split_is_the_beginning_of_a_larger_one(kind):
    small, large = kind(train=7).read("train"), kind(train=30, valid=3).read("train")
    assert np.array_equal(small.inputs, large.inputs[:7])
    assert np.array_equal(small.targets, large.targets[:7])


@pytest.mark.parametrize("kind", BOTH)
def test_arrays_are_read_only(kind):
    found = kind(train=2).read("train")
    assert not found.inputs.flags.writeable
    assert not found.targets.flags.writeable


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_more_than_memory_holds_is_refused_with_what_is_allowed(split):
    sizes: dict[str, Any] = {split: 10**9}
    source = Adding(steps=1000, **sizes)
    message = f"1000000000 sequences of 1000 steps .* at most {MAX_NUMBERS // 2000} sequences"
    for ask in (source.describe, lambda: source.read("test")):
        with pytest.raises(ConfigError, match=message) as caught:
            ask()
        assert caught.value.key == split


def test_as_much_as_memory_holds_is_allowed():
    most = MAX_NUMBERS // 2000
    assert Adding(steps=1000, train=most).describe().examples["train"] == most
    with pytest.raises(ConfigError, match=f"at most {most} sequences"):
        Adding(steps=1000, train=most + 1).describe()


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"type": "adding", "steps": 1}, "steps"),
        ({"type": "adding", "train": 0}, "train"),
        ({"type": "adding", "valid": -1}, "valid"),
        ({"type": "adding", "test": 0}, "test"),
        ({"type": "adding", "seed": -1}, "seed"),
        ({"type": "adding", "step": 10}, "step"),
        ({"type": "copy", "symbols": 1}, "symbols"),
        ({"type": "copy", "length": 0}, "length"),
        ({"type": "copy", "delay": 0}, "delay"),
        ({"type": "copy", "delay": 1.5}, "delay"),
    ],
)
def test_what_cannot_be_drawn_is_refused(given, key):
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(AnySequences).validate_json(json.dumps(given))
    assert [error["loc"][-1] for error in caught.value.errors()] == [key]


def test_registry_finds_sources_by_their_type():
    read = TypeAdapter(AnySequences).validate_json
    assert isinstance(read('{"type": "adding", "steps": 5}'), Adding)
    assert isinstance(read('{"type": "copy", "length": 5}'), Copying)
