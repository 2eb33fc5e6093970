"""A complete set in memory: training and test images with their labels, in the form of the four MNIST files.

Every reader (IDX, pickle, npz, folder of images) ends in `image_set`, which checks what they must have in
common, and every set is stored as the IDX files that `idx_files` returns.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.formats.idx import encode_idx
from mnistnn.errors import DataError

TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"
FILE_NAMES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
"""The names of the four files, as the makers of MNIST chose them."""


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """One half of a set: images (n, h, w) and labels (n,), both uint8."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Both halves, the validation images of a set that brings some, what its reader has to say of it, in a line each,
    and what its classes are called, if not by numbers. Made by `image_set`, so that they fit.
    """

    train: LabelledImages
    test: LabelledImages
    valid: LabelledImages | None = None
    said: tuple[str, ...] = ()
    class_names: tuple[str, ...] | None = None

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        _, height, width = self.train.images.shape
        return height, width

    @property
    def classes(self) -> int:
        """The number of classes: of their names, or else of labels, counted from 0 to the largest that occurs."""
        if self.class_names is not None:
            return len(self.class_names)
        halves = (self.train, self.test, self.valid)
        return 1 + max(int(half.labels.max()) for half in halves if half is not None)

    @property
    def training_file(self) -> LabelledImages:
        """What the training files hold: the training images, and those for validation behind them."""
        if self.valid is None:
            return self.train
        images = np.concatenate([self.train.images, self.valid.images])
        return LabelledImages(images, np.concatenate([self.train.labels, self.valid.labels]))


def way_out(shape: tuple[int, ...]) -> str:
    """Return what makes images of arrays of some other shapes."""
    if len(shape) == 2 and shape[1] > 1 and (side := math.isqrt(shape[1])) ** 2 == shape[1]:
        return f"; x.reshape(-1, {side}, {side}) makes images of rows of pixels"
    return ""


def refuse_unfit(
    train: LabelledImages, test: LabelledImages | None, place: str, valid: LabelledImages | None = None
) -> None:
    """Raise DataError, naming `place`, if counts or image sizes of halves disagree, or a half is empty."""
    for half_name, half in (("training", train), ("test", test), ("validation", valid)):
        if half is None:
            continue
        if half.images.ndim != 3 or half.labels.ndim != 1:
            raise DataError(
                f"{place}: {half_name} images must have shape (n, height, width) and labels (n,), "
                f"got {half.images.shape} and {half.labels.shape}{way_out(half.images.shape)}"
            )
        if len(half.images) != len(half.labels):
            raise DataError(f"{place}: {len(half.images)} {half_name} images but {len(half.labels)} labels")
        if half.images.size == 0:
            raise DataError(f"{place}: there are no {half_name} images")
    for half_name, half in (("test", test), ("validation", valid)):
        if half is not None and train.images.shape[1:] != half.images.shape[1:]:
            raise DataError(
                f"{place}: training images are {_size(train)} pixels, but {half_name} images are {_size(half)}; "
                "both must have the same size"
            )


def image_set(train: LabelledImages, test: LabelledImages, place: str, valid: LabelledImages | None = None) -> ImageSet:
    """Join two halves; DataError, naming `place`, if counts or image sizes disagree or a half is empty."""
    refuse_unfit(train, test, place, valid)
    return ImageSet(train, test, valid)


def image_set_from_files(arrays: Mapping[str, NDArray[np.uint8]], place: str) -> ImageSet:
    """Join the arrays of the four IDX files, given by file name; DataError as for `image_set`."""
    return image_set(
        LabelledImages(arrays[TRAIN_IMAGES], arrays[TRAIN_LABELS]),
        LabelledImages(arrays[TEST_IMAGES], arrays[TEST_LABELS]),
        place,
    )


def labels_as_bytes(labels: NDArray[np.integer], place: str) -> NDArray[np.uint8]:
    """Return integer labels as uint8; DataError if one is outside 0..255."""
    if labels.size:
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high > 255:
            raise DataError(f"{place}: labels must be in 0..255, got {low if low < 0 else high}")
    return labels.astype(np.uint8)


def idx_files(images: ImageSet) -> dict[str, bytes]:
    """Return the content of the four IDX files by name."""
    train = images.training_file
    return {
        TRAIN_IMAGES: encode_idx(train.images),
        TRAIN_LABELS: encode_idx(train.labels),
        TEST_IMAGES: encode_idx(images.test.images),
        TEST_LABELS: encode_idx(images.test.labels),
    }


def _size(half: LabelledImages) -> str:
    _, height, width = half.images.shape
    return f"{height}x{width}"
