import numpy as np
import pytest

from mnistnn.data.batches import Batches
from mnistnn.data.repeated import RepeatedBatches


def batches_of(**keys) -> Batches:
    made = Batches(**{"size": 3, **keys})
    made.bind(np.arange(10.0)[:, None], np.arange(10), seed=0)
    return made


def labels_of(source, epoch=1, start=0):
    return [labels.tolist() for _, labels in source.of_epoch(epoch, start)]


@pytest.mark.parametrize("order", ["sequential", "permute"])
def test_each_batch_comes_so_many_times_in_a_row(order):
    once = labels_of(batches_of(order=order))
    assert labels_of(RepeatedBatches(batches_of(order=order), 3)) == [labels for labels in once for _ in range(3)]


def test_there_are_as_many_more_updates_in_an_epoch_but_no_more_examples():
    repeated = RepeatedBatches(batches_of(), 3)
    assert (repeated.per_epoch, repeated.examples_per_epoch) == (12, 10)


@pytest.mark.parametrize("start", range(13))
def test_an_epoch_can_be_gone_on_with_at_any_update(start):
    repeated = RepeatedBatches(batches_of(), 3)
    assert labels_of(repeated, 2, start) == labels_of(repeated, 2)[start:]


def test_a_source_that_is_left_is_closed():
    class Closing:
        per_epoch, examples_per_epoch, is_closed = 2, 2, False

        def of_epoch(self, epoch, start=0):
            try:
                yield np.zeros(1), np.zeros(1)
                yield np.zeros(1), np.zeros(1)
            finally:
                self.is_closed = True

    source = Closing()
    left = RepeatedBatches(source, 2).of_epoch(1)
    next(left)
    left.close()
    assert source.is_closed
