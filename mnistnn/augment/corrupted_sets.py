"""Data sets of which the test images are corrupted, to see what a model makes of them that learned from good ones."""

from collections.abc import Callable
from dataclasses import replace as replace_fields

import numpy as np
from numpy.typing import NDArray

from mnistnn.augment.corruptions import CORRUPTIONS
from mnistnn.augment.corruptions.contract import Corruption
from mnistnn.backend.rng import stream
from mnistnn.data.datasets import cache
from mnistnn.data.datasets.catalogue import fixed_set
from mnistnn.data.datasets.stored_set import read_stored
from mnistnn.data.formats.image_set import FILE_NAMES, ImageSet, LabelledImages, image_set
from mnistnn.data.splits import default_data, describe
from mnistnn.errors import UsageError, did_you_mean

# Images that are corrupted with the numbers of one stream. Part of the format.
_BLOCK = 64
_SMALLEST_PX = 8
_OF_TEST, _OF_TRAINING = 0, 1


def generate_corrupted(
    name: str,
    source: str,
    kind: str,
    severity: int | None,
    seed: int,
    *,
    training: bool = False,
    replace: bool = False,
    advance: Callable[[int], object] = lambda _: None,
) -> None:
    """Store a set `name`: that of `source`, its test images corrupted.

    severity  1 to 5; None for that of MNIST-C
    training  corrupt all training images as well, and those for validation with them
    advance   is told of images as they are made

    Raises UsageError for an unknown kind, a severity that it does not have, too small images, and a name that is taken,
    unless `replace`, or that belongs to a set whose bytes are known; DataError as `read_stored`.
    """
    if kind not in CORRUPTIONS:
        hint = did_you_mean(kind, CORRUPTIONS, before="; ")
        raise UsageError(f"unknown corruption {kind[:40]!r}{hint}; known: {', '.join(CORRUPTIONS)}")
    corruption = CORRUPTIONS[kind]
    level = corruption.level(kind, severity)
    folder = cache.set_folder(name)
    if fixed_set(name) is not None or name == source:
        raise UsageError(f"{name}: names a set that is there to be the source; choose another name")
    if min(describe(source).image_shape) < _SMALLEST_PX:
        raise UsageError(f"{source}: its images are too small to be corrupted; {_SMALLEST_PX} pixels a side are needed")
    with cache.locked(name):
        if cache.is_stored(name) and not replace:
            raise UsageError(f"{folder}: a set named {name!r} is there already; --force replaces it")
        whole = read_stored(source)

        def half(images: LabelledImages, which: int, is_meant: bool = True) -> LabelledImages:
            if not is_meant:
                return images
            return LabelledImages(corrupted(images.images, corruption, level, seed, which, advance), images.labels)

        train, test = half(whole.train, _OF_TRAINING, training), half(whole.test, _OF_TEST)
        origin = f"generated from {source}: {kind}, severity {severity or corruption.usual}, seed {seed}"
        origin += "" if training else ", of test images"
        cache.install(name, _with_validation(train, test, source), dict.fromkeys(FILE_NAMES, origin))


def corrupted(
    images: NDArray[np.uint8],
    corruption: Corruption,
    level: object,
    seed: int,
    which: int = _OF_TEST,
    advance: Callable[[int], object] = lambda _: None,
) -> NDArray[np.uint8]:
    """Return corrupted images (n, h, w); the first ones do not depend on how many there are."""
    result = np.empty_like(images)
    for number, start in enumerate(range(0, len(images), _BLOCK)):
        # A whole block of random numbers, so that what an image gets does not depend on what comes after it.
        block = images[start : start + _BLOCK]
        whole = np.resize(block, (_BLOCK, *images.shape[1:])) / 255
        made = corruption.apply(whole, stream(seed, "generate", which, number), level)[: len(block)]
        result[start : start + _BLOCK] = np.rint(255 * np.clip(made, 0, 1))
        advance(len(block))
    return result


def _with_validation(train: LabelledImages, test: LabelledImages, source: str) -> ImageSet:
    """Return the set with the names of the source's classes, and as many images for validation as that has."""
    cut = len(train.labels) - default_data(source).validation_examples
    parts = (LabelledImages(train.images[part], train.labels[part]) for part in (slice(cut), slice(cut, None)))
    joined = image_set(next(parts), test, source, next(parts) if cut < len(train.labels) else None)
    names = describe(source).class_names
    return replace_fields(joined, class_names=names)
