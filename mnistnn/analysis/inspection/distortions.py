"""Pictures of what an experiment's augmentation does to images."""

import numpy as np
from numpy.typing import NDArray

from mnistnn.augment.augment import Augment


def rows_of_distortions(
    augment: Augment, seed: int, images: NDArray[np.uint8], labels: NDArray[np.uint8], columns: int
) -> NDArray[np.uint8]:
    """Return (n · columns, h, w): each of the images (n, h, w), and after it columns − 1 distortions of it.

    They are distorted as they are, before any `preprocess`, which can be done since `augment` is built for their shape.
    """
    augment.begin(seed, len(images))
    original = images.astype("float32")
    rows = np.empty((len(images), columns, *images.shape[1:]), dtype="float32")
    rows[:, 0] = original
    distorted = np.empty_like(original)
    for column in range(1, columns):
        augment.distort(original, labels, update=column - 1, out=distorted)
        rows[:, column] = distorted
    return np.rint(rows).astype(np.uint8).reshape(-1, *images.shape[1:])
