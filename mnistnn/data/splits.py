"""The training, validation and test split of a set, read from the cache and verified while it is read.

The training files hold the training split followed by the validation split; the test files are opened only
when the test split is asked for. Sizes are known without opening any of them, so an experiment can be
checked against a set that is not even there yet.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.class_names import names_or_numbers
from mnistnn.data.datasets import cache, verified
from mnistnn.data.datasets.catalogue import KNOWN_SETS
from mnistnn.data.datasets.examination import validation_share
from mnistnn.data.datasets.fetch import fetch
from mnistnn.data.datasets.in_memory import SetInMemory, was_in_memory
from mnistnn.data.datasets.info import DatasetInfo
from mnistnn.data.datasets.manifest import MANIFEST_NAME, StoredFile, read_manifest
from mnistnn.data.formats.idx import MAX_HEADER_BYTES, header_bytes, idx_shape
from mnistnn.data.formats.image_set import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS
from mnistnn.data.limits import MAX_SET_BYTES
from mnistnn.data.spec import Data
from mnistnn.data.stored_images import StoredImages, open_idx, refuse_other_size
from mnistnn.errors import ConfigError, DataError, TooLittleMemoryError, UsageError, did_you_mean
from mnistnn.storage.reading import data_error, open_file
from mnistnn.types import SplitName

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, eq=False)
class Split:
    """Images (n, h, w) and labels (n,) of one split, both uint8 and read-only; labels are below `classes`."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    classes: int


@dataclass(frozen=True, eq=False)
class StoredSplit:
    """A split that stays on the disk, but for its labels (n,), uint8 and below `classes`."""

    images: StoredImages
    labels: NDArray[np.uint8]
    classes: int


def describe(name: str) -> DatasetInfo:
    """Return sizes from the catalogue, or the manifest of a set of one's own; opens no file of images or labels.

    Raises ConfigError, with the nearest known name, for a set that is neither.
    """
    known = cache.known_here(name)
    if known is not None and (known.is_fixed or not cache.is_stored(name)):
        return known.info
    if was_in_memory(name):
        raise ConfigError(str(missing(name)), key="data.dataset")
    if not cache.is_stored(name):
        names = sorted({*KNOWN_SETS, *cache.stored_names()})
        suggestion = did_you_mean(name, names, after=" ")
        raise ConfigError(
            f"unknown data set {name[:80]!r}; {suggestion}known: {', '.join(names)}; "
            "your own files become a set with `mnistnn data add NAME FILES…`, "
            "and `mnistnn data generate NAME` makes one of any size",
            key="data.dataset",
        )
    return read_manifest(cache.set_folder(name)).info


def default_validation_examples(name: str) -> int | None:
    """Return how many training examples an experiment on a set keeps for validation if it says nothing: those that the
    set brought along, or a sixth; None where the schema's default is meant, for published sets and unknown ones.
    """
    known = cache.known_here(name)
    if known is not None:
        return known.validation_examples
    if not cache.is_stored(name):
        return None
    manifest = read_manifest(cache.set_folder(name))
    brought = manifest.validation_examples
    return validation_share(manifest.train_examples) if brought is None else brought


def default_data(name: str) -> Data:
    """Return the split of an experiment that says no more than the set's name; the last sixth of a small set is for
    validation, unless the catalogue knows better.
    """
    describe(name)
    count = default_validation_examples(name)
    return Data(dataset=name) if count is None else Data(dataset=name, validation_examples=count)


def count_classes(data: Data, info: DatasetInfo | None = None) -> int:
    """Return the number of classes that an experiment sees: those of the set, or the two that `labels` makes.

    info  of the set, if it is known already

    Raises ConfigError, with the key at fault, for an unknown set and for labels that it does not have.
    """
    classes = (info or describe(data.dataset)).classes
    if data.labels is None:
        return classes
    for key, wanted in (("positive", data.labels.positive), ("pair", data.labels.pair)):
        for label in wanted or ():
            if label >= classes:
                raise ConfigError(
                    f"{data.dataset} has the labels 0 to {classes - 1}, but not {label}", key=f"data.labels.{key}"
                )
    return 2


def class_names_of(data: Data) -> list[str]:
    """Return what each class is called that an experiment on images sees. Raises ConfigError for an unknown set."""
    info = describe(data.dataset)
    return data.class_names(names_or_numbers(info.class_names, info.classes))


def split_examples(data: Data, info: DatasetInfo | None = None) -> dict[SplitName, range]:
    """Return the examples of each split, as a range of those in the train files or in the test files.

    A pair of labels keeps only some of them; which, is known when they are read. Raises ConfigError, with the key at
    fault, when the set is unknown or smaller than what is asked of it.
    """
    info = info or describe(data.dataset)
    train_examples = info.train_examples - data.validation_examples
    if train_examples < 1:
        raise ConfigError(
            f"{data.validation_examples} validation examples leave nothing to train on: "
            f"{data.dataset} has {info.train_examples} training examples",
            key="data.validation_examples",
        )
    available: dict[SplitName, range] = {
        "train": range(train_examples),
        "valid": range(train_examples, info.train_examples),
        "test": range(info.test_examples),
    }
    limits: dict[SplitName, int | None] = {
        "train": data.limits.train,
        "valid": data.limits.valid,
        "test": data.limits.test,
    }
    for split, limit in limits.items():
        if limit is not None and limit > len(available[split]):
            raise ConfigError(
                f"the limit of {limit} is more than the {len(available[split])} examples of this split",
                key=f"data.limits.{split}",
            )
    return {split: examples[: limits[split]] for split, examples in available.items()}


def split_named(name: str) -> SplitName:
    """Return a split that a Python program names. Raises UsageError."""
    known: tuple[SplitName, ...] = get_args(SplitName)
    for split in known:
        if name == split:
            return split
    hint = did_you_mean(name, known, before="; ") if isinstance(name, str) else ""
    raise UsageError(f"split: expected {', '.join(known[:-1])} or {known[-1]}, got {name!r}{hint}")


def ensure_available(name: str, progress: bool) -> None:
    """Fetch a known set that is not in the cache, or make it, if mnistnn does so by itself. Raises ConfigError for an
    unknown set, DataError for one that its user must generate or add first, or as `fetch`.
    """
    describe(name)
    if not cache.is_stored(name):
        if not KNOWN_SETS[name].can_be_fetched:
            raise missing(name)
        fetch(name, progress=progress)


def read_split(data: Data, split: SplitName) -> Split:
    """Read one split from the cache.

    Every byte of the two files it comes from is compared with the SHA-256 of the manifest, and that with the
    catalogue; the files of the other half are not opened. Of a file so large that its check is remembered, only the
    split is read. Memory: the split itself and 1 MiB. Raises ConfigError for what does not fit the set, DataError, with
    the remedy, for a missing set and for altered files, ResourceError for more than 1 GiB of images.
    """
    if not data.has_images:
        raise UsageError(f"the experiment is about {'sequences' if data.sequences else 'a table'}, and has no images")
    found = _find(data, split)
    size_bytes = len(found.examples) * int(np.prod(found.shape[1:]))
    if size_bytes > MAX_SET_BYTES:
        raise TooLittleMemoryError(
            f"the {split} split of {data.dataset} has {size_bytes / 1e6:,.0f} MB of images, more than is taken into "
            "memory; an experiment can learn from it as it lies (data.stream_above_mb), or take a part (data.limits)"
        )
    images = _read(found.images_path, found.images_file, found.shape, found.examples)
    return _as_two_classes(data, split, Split(images, _labels(found), found.info.classes), found.info)


def cut_split(data: Data, split: SplitName, held: SetInMemory) -> Split:
    """Return one split of a set that lies in memory: views of its images and labels."""
    numbers = split_examples(data, held.info)[split]
    part = slice(numbers.start, numbers.stop)
    return _as_two_classes(data, split, Split(held.images[part], held.labels[part], held.info.classes), held.info)


def open_split(data: Data, split: SplitName) -> StoredSplit:
    """Return one split of which the images stay on the disk, in files that are checked as by `read_split`."""
    found = _find(data, split)
    path, shape = found.images_path, found.shape
    file = open_idx(path, found.images_file, shape)
    images = StoredImages(file, path, shape, found.examples)
    labels = _labels(found)
    if data.labels is not None:
        assert data.labels.pair is None, "refused by whoever knows that the split is streamed"
        labels = np.isin(labels, data.labels.positive or []).astype(np.uint8)
    return StoredSplit(images, labels, count_classes(data))


def missing(name: str) -> DataError:
    """Return the error for a set that is known but not there, with the ways to get it."""
    if was_in_memory(name):
        return DataError(f"the data set {name} lay in the memory of the program that trained on it, and nowhere else")
    known = KNOWN_SETS.get(name)
    way = f"import its files with `mnistnn data add {name} FILES…`" if known is None else known.way(name)
    return DataError(f"the data set {name} is not in {cache.datasets_folder()}; {way}")


def streamed_splits(data: Data, info: DatasetInfo | None = None) -> frozenset[SplitName]:
    """Return which splits are too large for memory, by the measure of `data.stream_above_mb`. Raises as
    `split_examples`.
    """
    info = info or describe(data.dataset)
    example_bytes = int(np.prod(info.image_shape))
    limit_bytes = data.stream_above_mb * 1_000_000
    return frozenset(
        name for name, numbers in split_examples(data, info).items() if len(numbers) * example_bytes > limit_bytes
    )


@dataclass(frozen=True)
class _Found:
    """Where a split lies: its two files, the shape of all their images, and which of them are its own."""

    info: DatasetInfo
    images_path: Path
    images_file: StoredFile
    labels_path: Path
    labels_file: StoredFile
    shape: tuple[int, ...]
    examples: range


def _find(data: Data, split: SplitName) -> _Found:
    examples = split_examples(data)[split]
    info = describe(data.dataset)
    if not cache.is_stored(data.dataset):
        raise missing(data.dataset)
    folder = cache.set_folder(data.dataset)
    manifest = read_manifest(folder)
    cache.check_pinned(manifest, str(folder / MANIFEST_NAME))
    is_test = split == "test"
    count = info.test_examples if is_test else info.train_examples
    images_name, labels_name = (TEST_IMAGES, TEST_LABELS) if is_test else (TRAIN_IMAGES, TRAIN_LABELS)
    return _Found(
        info,
        folder / images_name,
        manifest.files[images_name],
        folder / labels_name,
        manifest.files[labels_name],
        (count, *info.image_shape),
        examples,
    )


def _labels(found: _Found) -> NDArray[np.uint8]:
    labels = _read(found.labels_path, found.labels_file, found.shape[:1], found.examples)
    if labels.size and int(labels.max()) >= found.info.classes:
        raise cache.altered(found.labels_path, f"holds the label {labels.max()} of {found.info.classes} classes")
    return labels


def _as_two_classes(data: Data, split: SplitName, found: Split, info: DatasetInfo) -> Split:
    """Return the split with the classes that `data.labels` makes, if it makes any. Raises ConfigError if none stay."""
    if data.labels is None:
        return found
    classes = count_classes(data, info)
    if data.labels.pair is None:
        images, labels = found.images, np.isin(found.labels, data.labels.positive or []).astype(np.uint8)
    else:
        first, second = data.labels.pair
        kept = np.isin(found.labels, (first, second))
        if len(kept) and not kept.any():
            raise ConfigError(
                f"none of the {len(kept)} examples of the {split} split has the label {first} or {second}",
                key="data.labels.pair",
            )
        images, labels = found.images[kept], (found.labels[kept] == second).astype(np.uint8)
    images.flags.writeable = labels.flags.writeable = False
    return Split(images, labels, classes)


def _read(path: Path, expected: StoredFile, shape: tuple[int, ...], examples: range) -> NDArray[np.uint8]:
    """Return the wanted examples of an IDX file of known shape, after hashing the whole file on the way, or knowing
    that this was done.
    """
    if verified.is_remembered(expected):
        stored = StoredImages(open_idx(path, expected, shape), path, shape, examples)
        wanted_only = np.empty(stored.shape, dtype=np.uint8)
        stored.read(0, wanted_only)
        wanted_only.flags.writeable = False
        return wanted_only
    refuse_other_size(path, expected, shape)
    result = np.empty((len(examples), *shape[1:]), dtype=np.uint8)
    wanted = result.reshape(-1)
    example_bytes = int(np.prod(shape[1:]))
    start = header_bytes(shape) + examples.start * example_bytes  # where the wanted bytes begin in the file
    digest = hashlib.sha256()
    position = 0
    with open_file(path, data_error) as file:
        header = file.read(MAX_HEADER_BYTES)
        file.seek(0)
        while piece := file.read(_CHUNK_BYTES):
            digest.update(piece)
            first, last = max(start - position, 0), min(start + len(wanted) - position, len(piece))
            if first < last:
                at = position + first - start
                wanted[at : at + last - first] = np.frombuffer(piece[first:last], dtype=np.uint8)
            position += len(piece)
    if position != expected.size_bytes:
        raise cache.altered(path, f"has {position} bytes, expected {expected.size_bytes}")
    if digest.hexdigest() != expected.sha256:
        raise cache.altered(path, f"SHA-256 is {digest.hexdigest()}, expected {expected.sha256}")
    if idx_shape(header, str(path)) != shape:
        raise cache.altered(path, f"does not have the shape {shape}")
    result.flags.writeable = False
    return result
