"""What is odd about a set that somebody adds, in a line each; and the order that its training images are stored in.

A set that would train to something else than its owner means is refused, or said to be so, when it is added: later it
looks like a bad model.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.formats.image_set import ImageSet, LabelledImages
from mnistnn.data.pictures.style import border_brightness
from mnistnn.errors import DataError

MOST_VALIDATION_EXAMPLES = 10_000
_SHOWN = 10  # labels in one line
_BRIGHT = 127  # of 255
_MOSTLY = 0.5
_RARELY = 0.02
_SEVERAL = 2  # images of a class: one for training and one for validation


def validation_share(train_examples: int) -> int:
    """Return how many training examples are for validation where nothing else is said: a sixth, as of MNIST, but no
    more than that has.
    """
    return min(MOST_VALIDATION_EXAMPLES, train_examples // 6)


def inverted(images: ImageSet) -> ImageSet:
    """Return the set with dark and bright exchanged."""

    def turned(half: LabelledImages) -> LabelledImages:
        return LabelledImages(255 - half.images, half.labels)

    valid = None if images.valid is None else turned(images.valid)
    return replace(images, train=turned(images.train), test=turned(images.test), valid=valid)


def mixed(images: ImageSet) -> ImageSet:
    """Return the set with its training images in the order of `mixed_order`."""
    order = mixed_order(images.train.labels)
    return replace(images, train=LabelledImages(images.train.images[order], images.train.labels[order]))


def mixed_order(labels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return an order (n,) of images that depends on their labels (n,) alone and mixes them: of each class, the end
    that is for validation has its share, and one image at least where there is room.
    """
    rng = np.random.Generator(np.random.Philox(0))
    order = rng.permutation(len(labels))
    place = np.ones(len(labels))  # of each image among those of its class, from 0; of one that is alone, 1
    for label in np.flatnonzero(np.bincount(labels) >= _SEVERAL):
        of_class = order[labels[order] == label]
        place[of_class] = np.arange(len(of_class)) / len(of_class)
    count = validation_share(len(labels))
    by_place = order[np.argsort(place[order], kind="stable")]
    end, rest = rng.permutation(by_place[:count]), rng.permutation(by_place[count:])
    return np.concatenate([rest, end])


def is_to_be_mixed(images: ImageSet) -> bool:
    """Tell whether the training images of a set that brings none for validation are to be mixed, as `lacks_a_class`."""
    return images.valid is None and lacks_a_class(images.train.labels)


def lacks_a_class(labels: NDArray[np.uint8]) -> bool:
    """Tell whether the end of the training images with these labels (n,), which is for validation, lacks a class that
    has several, though it has room for one of each.
    """
    count = validation_share(len(labels))
    if count == 0:
        return False
    at_end = np.unique(labels[-count:])
    several = np.flatnonzero(np.bincount(labels) >= _SEVERAL)
    if count < len(several):
        return count > 1 and len(at_end) == 1
    return not np.isin(several, at_end).all()


def refuse_empty_images(images: ImageSet, place: str) -> None:
    """Raise DataError if every other image is all one grey: whoever made them lost what was on them."""
    for name, half in _halves(images):
        flat = half.images.reshape(len(half.images), -1)
        empty = int((flat.min(axis=1) == flat.max(axis=1)).sum())
        if empty >= _MOSTLY * len(flat):
            raise DataError(f"{place}: {empty} of {len(flat)} {name} images are all one grey: there is nothing on them")


def oddities(images: ImageSet) -> list[str]:
    """Return what is odd, in a line each."""
    return [*_odd_labels(images), *_odd_images(images)]


def _odd_labels(images: ImageSet) -> list[str]:
    classes = images.classes
    present = {name: set(np.unique(half.labels).tolist()) for name, half in _halves(images)}
    everywhere: set[int] = set().union(*present.values())
    found = []
    missing = [label for label in range(classes) if label not in everywhere]
    if missing == [0]:
        found.append(
            f"labels are 1 to {classes - 1}: class 0 has no image, and the model gets an output for it; labels from 0 "
            "would spare that"
        )
    elif missing:
        found.append(f"no image has {_labels(missing)}, though labels go up to {classes - 1}")
    for name, labels in present.items():
        if lacking := sorted(everywhere - labels):
            found.append(f"{name} images have none of {_labels(lacking)}")
    return found


def _odd_images(images: ImageSet) -> list[str]:
    found = []
    bright = float(np.mean(border_brightness(images.train.images) > _BRIGHT))
    if bright >= _MOSTLY:
        found.append(
            f"{bright:.0%} of the training images have a bright background, where MNIST's is dark, which nets learn "
            "better; --invert exchanges bright and dark"
        )
    for name, half in _halves(images):
        flat = half.images.reshape(len(half.images), -1)
        empty = int((flat.min(axis=1) == flat.max(axis=1)).sum())
        if empty >= max(1, _RARELY * len(flat)):
            found.append(f"{empty} of {len(flat)} {name} images are all one grey")
    return found


def _halves(images: ImageSet) -> list[tuple[str, LabelledImages]]:
    named = [("training", images.train), ("validation", images.valid), ("test", images.test)]
    return [(name, half) for name, half in named if half is not None]


def _labels(labels: list[int]) -> str:
    shown = ", ".join(map(str, labels[:_SHOWN])) + (", …" if len(labels) > _SHOWN else "")
    return f"the label{'s'[: len(labels) > 1]} {shown}"
