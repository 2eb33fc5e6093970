"""The worker thread: the same batches as without it, and no trace of it afterwards."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from mnistnn.augment.augment import Augment
from mnistnn.augment.elastic import Elastic
from mnistnn.augment.prefetch import AugmentedBatches
from mnistnn.data.batches import Batches


def workers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert not workers()


def batches_of(n=50, size=8, xp=np, **keys):
    rng = np.random.default_rng(0)
    x, labels = rng.uniform(size=(n, 6, 7)).astype("float32"), rng.integers(4, size=n)
    x.setflags(write=False)
    labels.setflags(write=False)
    batches = Batches(size=size, **keys)
    batches.bind(x, labels, seed=5)
    augment = Augment(shift_px=1.0, elastic=Elastic(sigma_px=1.5, alpha_px=3.0))
    augment.build((6, 7), classes=4)
    augment.begin(5, n)
    return AugmentedBatches(batches, augment, xp)


def copies(batches, epoch, start=0):
    return [(x.copy(), labels.copy()) for x, labels in batches.of_epoch(epoch, start)]


@pytest.mark.parametrize(
    "keys", [{}, {"order": "sequential"}, {"order": "stratified"}, {"subset": 30}, {"size": "full"}]
)
@pytest.mark.parametrize("epoch", [1, 3])
def test_batches_are_those_of_the_set_distorted_by_their_update(keys, epoch):
    batches, alone = batches_of(**keys), batches_of(**keys)
    found = copies(batches, epoch)
    assert len(found) == batches.per_epoch
    for number, (x, labels) in enumerate(alone.batches.of_epoch(epoch)):
        expected = np.empty_like(x)
        alone.augment.distort(x, labels, (epoch - 1) * alone.per_epoch + number, expected)
        assert found[number][0].tobytes() == expected.tobytes()
        assert found[number][1].tolist() == labels.tolist()


@pytest.mark.parametrize("start", range(8))
def test_start_goes_on_inside_an_epoch_with_the_same_batches(start):
    expected = copies(batches_of(), 2)[start:]
    found = copies(batches_of(), 2, start)
    assert [x.tobytes() for x, _ in found] == [x.tobytes() for x, _ in expected]


def test_batch_is_left_alone_until_the_next_is_asked_for():
    for x, labels in batches_of().of_epoch(1):
        before = x.tobytes(), labels.tobytes()
        time.sleep(0.002)
        assert (x.tobytes(), labels.tobytes()) == before


def test_few_buffers_serve_all_epochs():
    batches = batches_of(n=200)
    places = {x.ctypes.data for epoch in (1, 2, 3) for x, _ in batches.of_epoch(epoch)}
    assert len(places) == 3


def test_each_batch_is_sent_to_the_library_of_the_model():
    sent = []

    def asarray(array):
        sent.append(threading.current_thread() is threading.main_thread())
        return array.copy()

    found = copies(batches_of(xp=SimpleNamespace(asarray=asarray)), 1)
    assert [x.tobytes() for x, _ in found] == [x.tobytes() for x, _ in copies(batches_of(), 1)]
    assert sent == [True] * 2 * len(found)
