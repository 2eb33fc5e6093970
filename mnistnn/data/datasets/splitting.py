"""Dividing images that come without a division: a part of each class for the test, and for validation."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mnistnn.backend import rng
from mnistnn.data.datasets.examination import drawn_evenly, validation_share
from mnistnn.data.formats.found import FoundImages
from mnistnn.data.formats.image_set import LabelledImages
from mnistnn.errors import DataError, UsageError

Share = int | float
"""So many images, or a fraction of them, above 0 and below 1."""


def divided(
    found: FoundImages, place: str, test: Share | None = None, valid: Share | None = None, seed: int = 0
) -> FoundImages:
    """Return what was found with test images, and with validation images if they are asked for, taken from those for
    training: of each class its share, drawn by the seed.

    Where nothing is said of a test and there is none, it is a sixth, as of MNIST's images, and at most 10,000. Shares
    are parts of all images that are divided. Raises UsageError for what is there already or is too much, DataError for
    a single image.
    """
    for share, there, name in ((test, found.test, "test"), (valid, found.valid, "valid")):
        if share is not None and there is not None:
            raise UsageError(
                f"--{name}: {place} has {len(there.labels)} {name} images of its own; leave the option out"
            )
    n = len(found.train.labels)
    counts: dict[str, int] = {}
    if found.test is None:
        if n == 1:
            raise DataError(f"{place}: one image cannot be for training and for the test; a set has two at least")
        counts["test"] = max(1, validation_share(n)) if test is None else _count(test, n)
    if valid is not None:
        counts["valid"] = _count(valid, n)
    if not counts:
        return found
    if sum(counts.values()) >= n:
        asked = " and ".join(f"{count} for --{name}" for name, count in counts.items())
        raise UsageError(f"{asked} leave nothing to train on: {place} has {n} images to divide")
    order = drawn_evenly(found.train.labels, rng.stream(seed, "division"))
    parts = np.split(order, np.cumsum(list(counts.values())))
    taken = {name: _those(found.train, part) for name, part in zip(counts, parts, strict=False)}
    said = [] if test is not None or "test" not in counts else [_said(counts["test"], n, seed)]
    return replace(
        found,
        train=_those(found.train, parts[-1]),
        test=taken.get("test", found.test),
        valid=taken.get("valid", found.valid),
        said=(*found.said, *said),
    )


def _said(count: int, n: int, seed: int) -> str:
    return (
        f"nothing says which images are for the test: {count} of {n} are, of each class its share, drawn by the seed "
        f"{seed}; --test takes more or fewer"
    )


def _count(share: Share, n: int) -> int:
    return share if isinstance(share, int) else max(1, round(share * n))


def _those(images: LabelledImages, which: NDArray[np.intp]) -> LabelledImages:
    """Return some images, in the order in which they were."""
    kept = np.sort(which)
    return LabelledImages(images.images[kept], images.labels[kept])
