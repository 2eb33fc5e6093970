"""Archives that hold several data sets, and of which one is taken: those of EMNIST, MNIST-C and Kuzushiji-49.

What is decoded here was compared with the digest of the published file before, so that the members are what their
makers put there.
"""

import io
import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.formats.idx import decode_idx
from mnistnn.data.formats.image_set import ImageSet, LabelledImages, image_set, labels_as_bytes
from mnistnn.errors import DataError
from mnistnn.storage.compressed import ZIP_ERRORS


def decode_emnist(archive: BinaryIO, place: str, kind: str, first_label: int = 0) -> ImageSet:
    """Return one of the six sets in gzip.zip of EMNIST.

    kind         balanced, letters, digits, mnist, byclass or bymerge
    first_label  the smallest label in the archive, which becomes 0

    Images are published with rows and columns exchanged; they are returned upright. Raises DataError, naming `place`.
    """

    def half(called: str) -> LabelledImages:
        images, labels = (
            decode_idx(_member(archive, f"gzip/emnist-{kind}-{called}-{rest}.gz", place), f"{place}: {called}")
            for rest in ("images-idx3-ubyte", "labels-idx1-ubyte")
        )
        if images.ndim != 3 or labels.ndim != 1 or int(labels.min()) < first_label:
            raise DataError(f"{place}: the {called} files of {kind} are not images and labels from {first_label}")
        return LabelledImages(np.ascontiguousarray(images.transpose(0, 2, 1)), labels - np.uint8(first_label))

    return image_set(half("train"), half("test"), place)


def decode_mnist_c(archive: BinaryIO, place: str, kind: str) -> ImageSet:
    """Return the digits of one corruption in mnist_c.zip of MNIST-C. Raises DataError, naming `place`."""

    def half(called: str) -> LabelledImages:
        images, labels = (
            _array(_member(archive, f"mnist_c/{kind}/{called}_{rest}.npy", place), f"{place}: {kind}/{called}_{rest}")
            for rest in ("images", "labels")
        )
        return _labelled(images, labels, f"{place}: {kind}")

    return image_set(half("train"), half("test"), place)


def decode_kuzushiji_49(contents: Mapping[str, bytes], place: str) -> ImageSet:
    """Return the set in the four .npz files of Kuzushiji-49. Raises DataError, naming `place`."""

    def half(called: str) -> LabelledImages:
        images, labels = (
            _array(_member(io.BytesIO(contents[name]), "arr_0.npy", name), name)
            for name in (f"k49-{called}-imgs.npz", f"k49-{called}-labels.npz")
        )
        return _labelled(images, labels, f"{place}: {called}")

    return image_set(half("train"), half("test"), place)


def _member(archive: BinaryIO, name: str, place: str) -> bytes:
    try:
        with zipfile.ZipFile(archive) as opened:
            return opened.read(name)
    except KeyError as error:
        raise DataError(f"{place}: has no {name}") from error
    except ZIP_ERRORS as error:
        raise DataError(f"{place}: {name}: the archive is damaged ({error})") from error


def _array(content: bytes, place: str) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise DataError(f"{place}: is not an array ({error})") from error
    return array


def _labelled(images: NDArray[Any], labels: NDArray[Any], place: str) -> LabelledImages:
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.dtype != np.uint8 or labels.dtype.kind not in "iu":
        raise DataError(f"{place}: expected images of bytes and whole labels, got {images.dtype} and {labels.dtype}")
    return LabelledImages(images, labels_as_bytes(labels, place))
