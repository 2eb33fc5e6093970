from itertools import combinations

import numpy as np
import pytest

from mnistnn.backend.rng import _PURPOSES, UpdateStreams, legacy_stream, stream


def numbers(*key):
    return stream(*key).random(100)


@pytest.mark.parametrize("purpose", _PURPOSES)
def test_stream_is_a_function_of_its_key(purpose):
    assert np.array_equal(numbers(7, purpose, 3), numbers(7, purpose, 3))


def test_streams_of_different_keys_differ():
    keys = [(seed, purpose, *counters) for seed in (0, 1) for purpose in _PURPOSES for counters in ((), (1,), (2,))]
    keys += [(0, "order", 1, 0), (0, "order", 0, 1), (2**63 - 1, "order", 1)]
    drawn = [numbers(*key) for key in keys]
    assert all(not np.any(one == other) for one, other in combinations(drawn, 2))


def test_drawing_more_for_one_purpose_shifts_no_other():
    expected = numbers(0, "order", 1)
    stream(0, "init").random(10_000)
    assert np.array_equal(numbers(0, "order", 1), expected)


def test_purposes_have_numbers_of_their_own():
    assert len(set(_PURPOSES.values())) == len(_PURPOSES)


def test_stream_is_the_published_derivation():
    """These numbers are part of the format: another result here changes the course of every run."""
    sequence = np.random.SeedSequence(0, spawn_key=(1, 1))
    assert np.array_equal(stream(0, "order", 1).permutation(50), np.random.default_rng(sequence).permutation(50))


def test_legacy_stream_is_that_of_numpy_before_generators():
    assert np.array_equal(legacy_stream(1234).uniform(size=5), np.random.RandomState(1234).uniform(size=5))


def numbers_at(update, seed=0, purpose="dropout", part=0):
    return UpdateStreams(seed, purpose, part).at(update).random(100)


def test_update_stream_is_a_function_of_its_key_whatever_was_drawn_before():
    streams = UpdateStreams(0, "dropout", 0)
    streams.at(3).random(1000)
    streams.at(8).random(10)
    assert np.array_equal(streams.at(3).random(100), numbers_at(3))


def test_update_streams_of_different_keys_differ():
    drawn = [numbers_at(update, *key) for update in (0, 1, 2**40) for key in ((0,), (1,), (0, "dropout", 1))]
    drawn += [numbers_at(0, purpose="augment"), stream(0, "dropout", 0).random(100)]
    assert all(not np.any(one == other) for one, other in combinations(drawn, 2))


def test_update_streams_do_not_overlap():
    """An update's stream goes on for 2¹⁹² blocks before it would reach the next update's."""
    first = UpdateStreams(0, "dropout", 0).at(0).random(200_000)
    assert not np.isin(numbers_at(1), first).any()


def test_update_stream_is_the_published_derivation():
    """These numbers are part of the format: another result here changes the masks of every run."""
    key = np.random.SeedSequence(5, spawn_key=(2, 3)).generate_state(2, np.uint64)
    expected = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, 7])).random(100)
    assert np.array_equal(numbers_at(7, seed=5, part=3), expected)
