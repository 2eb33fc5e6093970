"""Sets of any size, made of a small one: the first images are the originals, all others distorted copies of them.

After the infinite MNIST of Loosli, Canu & Bottou (2007), which has 8.1 million digits. Image i follows from the source,
the seed and i alone, so a larger set begins with the smaller one. The validation images of the source end the training
file as they are: nothing is made of them, so they measure what they always did.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace as replace_fields
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from mnistnn.augment.augment import Augment
from mnistnn.augment.elastic import Elastic
from mnistnn.backend import jit, threads
from mnistnn.backend.machine import usable_cores
from mnistnn.data.datasets import cache
from mnistnn.data.datasets.catalogue import fixed_set
from mnistnn.data.formats.idx import encode_header, encode_idx
from mnistnn.data.formats.image_set import FILE_NAMES, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS
from mnistnn.data.limits import MAX_STORED_BYTES
from mnistnn.data.read_ahead import ahead
from mnistnn.data.spec import Data
from mnistnn.data.splits import Split, describe, read_split
from mnistnn.errors import UsageError

# Images that are distorted with the numbers of one stream. Part of the format, as is `_distortions`.
_BLOCK = 1024
_AHEAD_PER_WORKER = 2


def _distortions() -> Augment:
    """Return how images are distorted: bent by one pixel (root mean square), turned, scaled and shifted a little."""
    return Augment(elastic=Elastic(sigma_px=5, alpha_px=30), scale=0.1, rotate_deg=10, shift_px=1)


def generate(
    name: str,
    source: str,
    count: int,
    seed: int,
    validation_examples: int,
    *,
    replace: bool = False,
    workers: int | None = None,
    advance: Callable[[int], object] = lambda _: None,
) -> None:
    """Store a set `name` with `count` training images made of those of `source`, its validation and its test images.

    `advance` is told of images as they are written; `workers`, all cores unless said, changes nothing but the time.
    Memory: the source, and a few thousand images. Raises UsageError for a name that is taken, unless `replace`, or that
    belongs to a set whose bytes are known; ConfigError and DataError as `read_split`; ResourceError when the disk has
    no room.
    """
    final = cache.set_folder(name)
    if fixed_set(name) is not None or name == source:
        raise UsageError(f"{name}: names a set that is there to be the source; choose another name")
    info = describe(source)
    total = count + validation_examples
    image_bytes = info.image_shape[0] * info.image_shape[1]
    if total * image_bytes > MAX_STORED_BYTES:
        raise UsageError(
            f"{count:,} images of {image_bytes} bytes are more than the {MAX_STORED_BYTES:,} bytes allowed"
        )
    with cache.locked(name):
        if cache.is_stored(name) and not replace:
            raise UsageError(f"{final}: a set named {name!r} is there already; --force replaces it")
        data = Data(dataset=source, validation_examples=validation_examples)
        originals, valid, test = (read_split(data, split) for split in ("train", "valid", "test"))
        about = replace_fields(info, train_examples=total)
        images = _images(originals, count, seed, workers or usable_cores())
        contents = {
            TRAIN_IMAGES: _idx((total, *info.image_shape), images, valid.images, advance),
            TRAIN_LABELS: [encode_idx(np.concatenate([np.resize(originals.labels, count), valid.labels]))],
            TEST_IMAGES: [encode_idx(test.images)],
            TEST_LABELS: [encode_idx(test.labels)],
        }
        total_bytes = (total + info.test_examples) * (image_bytes + 1)
        origin = f"generated from {source}, seed {seed}: {count} images, then {validation_examples} for validation"
        distortions = _distortions()
        distortions.build(info.image_shape, info.classes)
        compiled = jit.Compiled(wanted=distortions.needs_loops(count))
        with threads.allowed(1), compiled.in_use():
            cache.install_in_pieces(name, about, contents, total_bytes, dict.fromkeys(FILE_NAMES, origin))


def _idx(
    shape: tuple[int, ...],
    images: Iterator[NDArray[np.uint8]],
    last: NDArray[np.uint8],
    advance: Callable[[int], object],
) -> Iterator[bytes]:
    """Yield an IDX file of images in pieces: the header, each of the blocks, the last ones."""
    yield encode_header(shape)
    for block in images:
        yield block.tobytes()
        advance(len(block))
    yield last.tobytes()


def _images(originals: Split, count: int, seed: int, workers: int) -> Iterator[NDArray[np.uint8]]:
    """Yield `count` images (n, h, w), block by block."""
    makers: SimpleQueue[_Maker] = SimpleQueue()  # each works in memory of its own
    for _ in range(workers):
        makers.put(_Maker(originals, seed, count))

    def make(number: int) -> NDArray[np.uint8]:
        maker = makers.get()
        try:
            return maker.block(number)[: count - number * _BLOCK]
        finally:
            makers.put(maker)

    yield from ahead(make, range(-(-count // _BLOCK)), _AHEAD_PER_WORKER * workers, workers)


class _Maker:
    """Makes blocks of images: image i is original i, or else a distorted copy of original i mod n."""

    def __init__(self, originals: Split, seed: int, count: int) -> None:
        self._originals = originals
        self._augment = _distortions()
        self._augment.build(originals.images.shape[1:], originals.classes)
        self._augment.begin(seed, count, purpose="generate")

    def block(self, number: int) -> NDArray[np.uint8]:
        """Return block `number` of the endless sequence: (_BLOCK, h, w)."""
        n = len(self._originals.images)
        numbers = np.arange(number * _BLOCK, (number + 1) * _BLOCK)
        images = self._originals.images[numbers % n]
        if numbers[-1] < n:
            return images
        x = images.astype("float32")
        distorted = np.empty_like(x)
        self._augment.distort(x, self._originals.labels[numbers % n], number, distorted)
        is_copy = numbers >= n
        images[is_copy] = np.rint(distorted[is_copy])
        return images
