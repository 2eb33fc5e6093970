"""Batches of images that stay on the disk: those of a split in memory, in an order that needs two chunks at a time."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from mnistnn.data import streamed
from mnistnn.data.batches import Batches
from mnistnn.data.formats.idx import encode_idx
from mnistnn.data.stored_images import StoredImages
from mnistnn.data.streamed import StreamedBatches, StreamedInputs
from mnistnn.errors import DataError

N = 203
ORDERS = ["permute", "sequential"]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Chunks of 50 images of 2×3 pixels if batches have 5, of blocks of 4."""
    monkeypatch.setattr(streamed, "CHUNK_BYTES", 300)
    monkeypatch.setattr(streamed, "BLOCK_BYTES", 24)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


@pytest.fixture
def path(tmp_path):
    """A file in which image i, with label i, is full of i; the split is all but the first 10 and the last 20."""
    path = tmp_path / "images"
    path.write_bytes(encode_idx(np.repeat(np.arange(N + 30, dtype=np.uint8) - 10, 6).reshape(-1, 2, 3)))
    return path


@pytest.fixture
def images(path):
    return StoredImages(path.open("rb", buffering=0), path, (N + 30, 2, 3), range(10, N + 10))


@pytest.fixture
def cut(images):
    def cut(seed=0, xp=np, prepare=lambda images, _: images.astype("float32"), **keys):
        labels = np.arange(N, dtype=np.uint8)
        return StreamedBatches(Batches(**{"size": 5, **keys}), images, labels, seed, prepare, xp)

    return cut


def labels_of(batches, epoch=1, start=0) -> list[list[int]]:
    return [labels.tolist() for _, labels in batches.of_epoch(epoch, start)]


def flat(parts):
    return [label for part in parts for label in part]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [1, 5, 7, 64, 202, 203, 500])
def test_epoch_holds_each_example_once(cut, order, size):
    parts = labels_of(cut(size=size, order=order), epoch=2)
    assert sorted(flat(parts)) == list(range(N))
    assert {len(part) for part in parts[:-1]} <= {size}


@pytest.mark.parametrize("order", ORDERS)
def test_images_belong_to_their_labels(cut, order):
    for x, labels in cut(order=order).of_epoch(1):
        assert (x.shape, x.dtype, labels.dtype) == ((len(labels), 2, 3), np.float32, np.int64)
        assert (x == labels[:, None, None]).all()


def test_sequential_keeps_the_order_of_the_file(cut):
    assert flat(labels_of(cut(order="sequential"), epoch=3)) == list(range(N))


def test_permute_draws_a_new_order_every_epoch_from_the_seed(cut):
    orders = {tuple(flat(labels_of(cut(seed), epoch))) for seed in (0, 1) for epoch in range(1, 4)}
    assert len(orders) == 6
    assert labels_of(cut(), epoch=2) == labels_of(cut(), epoch=2)


def test_chunk_mixes_blocks_from_all_over_the_file(cut):
    chunk = flat(labels_of(cut())[:10])
    assert len({label // 4 for label in chunk}) >= 12
    assert np.ptp(chunk) > N / 2
    assert chunk != sorted(chunk)


def test_each_place_of_an_epoch_is_any_example_alike(cut):
    """The mean over epochs of the example at a place: its deviation is that of 400 draws from all of them."""
    batches = cut(size=50)
    orders = np.array([flat(labels_of(batches, epoch)) for epoch in range(1, 401)])
    expected, deviation = (N - 1) / 2, np.sqrt((N**2 - 1) / 12 / 400)
    assert np.abs(orders.mean(axis=0) - expected).max() < 4.5 * deviation


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("start", [0, 1, 9, 10, 11, 20, 39, 40, 41])
def test_start_goes_on_inside_an_epoch_with_the_same_batches(cut, order, start):
    assert labels_of(cut(order=order), 2, start) == labels_of(cut(order=order), 2)[start:]


def test_start_reads_no_chunk_before_its_own(cut, images, monkeypatch):
    read = []
    monkeypatch.setattr(StoredImages, "read", lambda self, start, out: read.append(len(out)))
    labels_of(cut(), 1, start=35)
    assert sum(read) == N - 150


def test_drop_last_leaves_out_the_incomplete_batch(cut):
    batches = cut(drop_last=True)
    assert batches.per_epoch == len(labels_of(batches)) == 40
    assert {len(part) for part in labels_of(batches)} == {5}


def test_subset_draws_so_many_different_examples(cut):
    batches = cut(subset=62)
    parts = labels_of(batches)
    assert batches.per_epoch == len(parts) == 13
    assert len(set(flat(parts))) == batches.examples_per_epoch == 62
    assert set(flat(parts)) != set(flat(labels_of(batches, 2)))


def test_batch_is_left_alone_until_the_next_is_asked_for(cut):
    for x, labels in cut().of_epoch(1):
        before = x.tobytes(), labels.tobytes()
        time.sleep(0.001)
        assert (x.tobytes(), labels.tobytes()) == before


def test_leaving_an_epoch_ends_the_reader(cut):
    for number, _ in enumerate(cut().of_epoch(1)):
        if number == 13:
            break


def test_chunk_is_sent_to_a_device_in_one_piece_as_bytes(cut):
    sent = []

    def prepare(images, _):
        sent.append((images.dtype, len(images), threading.current_thread() is threading.main_thread()))
        return images.astype("float32")

    batches = cut(xp=SimpleNamespace(asarray=np.copy), prepare=prepare)
    assert labels_of(batches) == labels_of(cut())
    assert sent == [(np.uint8, size, True) for size in (50, 50, 50, 50, 3)]


def test_changed_file_is_noticed_while_it_is_read(cut, path):
    batches = cut().of_epoch(1)
    next(batches)
    with path.open("r+b") as file:
        file.truncate(400)
    with pytest.raises(DataError, match="was changed while it was being read"):
        list(batches)


def test_replaced_file_goes_on_as_it_was(cut, path):
    batches = cut(order="sequential")
    path.unlink()
    path.write_bytes(b"another")
    assert flat(labels_of(batches)) == list(range(N))


def test_inputs_are_read_slice_by_slice(images):
    inputs = StreamedInputs(images, lambda images, _: images.astype("float32"))
    assert len(inputs) == N
    for part in (slice(0, 7), slice(7, 14), slice(200, 207)):
        np.testing.assert_array_equal(inputs[part][:, 0, 0], np.arange(N)[part])
