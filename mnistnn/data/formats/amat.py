"""Binary images as text: a line for an image, 0 or 1 for a pixel, one character between two of them.

So H. Larochelle published the binarized MNIST that log-likelihoods of densities are compared on; `.amat` is the ending
of the text files of his library.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.formats.image_set import ImageSet, LabelledImages, image_set
from mnistnn.errors import DataError

_WHITE = 255
_MNIST_SHAPE = (28, 28)
_SPACE, _NEWLINE, _ZERO, _ONE = b" \n01"


def decode_amat(content: bytes, image_shape: tuple[int, int], place: str) -> NDArray[np.uint8]:
    """Return the images (n, h, w), 0 or 255 each pixel.

    Raises DataError, naming `place`, for anything else than such lines: each pixel is followed by a space, the last of
    a line by its end, and nothing else is there.
    """
    pixels = image_shape[0] * image_shape[1]
    line_bytes = 2 * pixels
    if not content or len(content) % line_bytes:
        raise DataError(f"{place}: {len(content)} bytes are no whole lines of {pixels} pixels, {line_bytes} bytes each")
    characters = np.frombuffer(content, dtype=np.uint8).reshape(-1, pixels, 2)
    bits, separators = characters[:, :, 0], characters[:, :, 1]
    if not ((separators[:, :-1] == _SPACE).all() and (separators[:, -1] == _NEWLINE).all()):
        raise DataError(f"{place}: each pixel must be followed by a space, and pixel {pixels} by the end of the line")
    if not np.isin(bits, (_ZERO, _ONE)).all():
        raise DataError(f"{place}: pixels must be 0 or 1")
    images: NDArray[np.uint8] = np.where(bits == _ONE, np.uint8(_WHITE), np.uint8(0)).reshape(-1, *image_shape)
    return images


def decode_binarized_mnist(contents: Mapping[str, bytes], place: str) -> ImageSet:
    """Return the set in the three files of the binarized MNIST. It has no labels: all images are of class 0."""

    def part(name: str) -> LabelledImages:
        file_name = f"binarized_mnist_{name}.amat"
        images = decode_amat(contents[file_name], _MNIST_SHAPE, file_name)
        return LabelledImages(images, np.zeros(len(images), dtype=np.uint8))

    return image_set(part("train"), part("test"), place, part("valid"))
