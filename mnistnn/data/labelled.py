"""A split of a data set as Python programs are given it: images, labels, and what the classes are called."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.splits import class_names_of, default_data, ensure_available, read_split, split_named


@dataclass(frozen=True, eq=False, repr=False)
class LabelledSplit:
    """One split of a data set. All arrays are read-only.

    images       (n, h, w), uint8, from 0 for the background to 255
    labels       (n,), int64, each the number of a class
    class_names  what each class is called
    """

    dataset: str
    split: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: list[str]

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        n, height, width = self.images.shape
        return f"<{self.dataset} {self.split}: {n} images of {height}x{width} pixels, {len(self.class_names)} classes>"


def labelled_split(dataset: str = "mnist", split: str = "train", quiet: bool = False) -> LabelledSplit:
    """Read a split of a data set, as `mnistnn.data`. A published set is fetched, once, if it is not on this machine.

    dataset  a name that `mnistnn data list` has, such as mnist, fashion-mnist or digits
    split    train, valid or test, as experiments have them that say no more than the set's name: of mnist 50000, 10000
             and 10000 images
    quiet    say nothing on stderr of what is fetched

    Returns images (n, h, w), uint8, labels (n,) and names of classes. Raises ConfigError for an unknown set, UsageError
    for an unknown split, DataError for a set that cannot be had or was altered, ResourceError for more than 1 GiB.

    >>> lines = mnistnn.data("bars-and-stripes", "valid")
    >>> lines
    <bars-and-stripes valid: 32 images of 4x4 pixels, 2 classes>
    >>> lines.images.shape, lines.labels.dtype, lines.class_names
    ((32, 4, 4), dtype('int64'), ['0', '1'])
    """
    name = split_named(split)
    ensure_available(dataset, progress=not quiet)
    data = default_data(dataset)
    found = read_split(data, name)
    labels = found.labels.astype(np.int64)
    labels.flags.writeable = False
    return LabelledSplit(dataset, name, found.images, labels, class_names_of(data))
