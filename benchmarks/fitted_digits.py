"""The digits that fitted models are measured on, read from MNIST's own files: contenders have no program in common."""

from pathlib import Path

import numpy as np


def digits(folder: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first `count` training digits: images (count, 784), float32 in [0, 1], and labels (count,)."""
    images = np.fromfile(Path(folder) / "train-images-idx3-ubyte", dtype=np.uint8, offset=16, count=784 * count)
    labels = np.fromfile(Path(folder) / "train-labels-idx1-ubyte", dtype=np.uint8, offset=8, count=count)
    return images.reshape(count, 784).astype(np.float32) / np.float32(255), labels.astype(np.int64)
