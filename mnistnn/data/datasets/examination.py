"""What is odd about a set that somebody adds, in a line each; and the order that its training images are stored in.

A set that would train to something else than its owner means is refused, or said to be so, when it is added: later it
looks like a bad model.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.class_names import names_or_numbers
from mnistnn.data.formats.found import FoundImages
from mnistnn.data.formats.given import Half
from mnistnn.data.formats.image_set import ImageSet, LabelledImages
from mnistnn.data.pictures.style import border_brightness
from mnistnn.errors import DataError

MOST_VALIDATION_EXAMPLES = 10_000
_SHOWN = 10  # labels in one line
_BRIGHT = 127  # of 255
_MOSTLY = 0.5
_RARELY = 0.02
_DARKEST_WHITE = 64  # of 255
_CALLED: dict[Half, str] = {"train": "training", "valid": "validation", "test": "test"}
_SEVERAL = 2  # images of a class: one for training and one for validation


def validation_share(train_examples: int) -> int:
    """Return how many training examples are for validation where nothing else is said: a sixth, as of MNIST, but no
    more than that has.
    """
    return min(MOST_VALIDATION_EXAMPLES, train_examples // 6)


def counted_from_zero(found: FoundImages, names: int | None = None) -> FoundImages:
    """Return images whose labels are exactly 1, …, K with the labels 0, …, K - 1; the classes keep 1, …, K as names.

    names  how many names there are for the classes, if there are; one for a class 0 too leaves the labels as they are
    """
    every = np.unique(np.concatenate([half.labels for half in found.halves.values()]))
    count = len(every)
    if count < _SEVERAL or every[0] != 1 or every[-1] != count or found.class_names is not None:
        return found
    if names is not None and names > count:
        return found
    moved = found.each(
        lambda half: replace(half, labels=half.labels - np.uint8(1)),
        f"labels are 1 to {count}: they are stored as 0 to {count - 1}"
        + (f", and the classes are called 1 to {count}" if names is None else ""),
    )
    return replace(moved, class_names=tuple(str(label) for label in range(1, count + 1)))


def mixed(images: ImageSet) -> ImageSet:
    """Return the set with its training images in the order of `mixed_order`."""
    order = mixed_order(images.train.labels)
    return replace(images, train=LabelledImages(images.train.images[order], images.train.labels[order]))


def mixed_order(labels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return an order (n,) of images that depends on their labels (n,) alone and mixes them: of each class, the end
    that is for validation has its share, and one image at least where there is room.
    """
    rng = np.random.Generator(np.random.Philox(0))
    by_place = drawn_evenly(labels, rng)
    count = validation_share(len(labels))
    end, rest = rng.permutation(by_place[:count]), rng.permutation(by_place[count:])
    return np.concatenate([rest, end])


def drawn_evenly(labels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return a random order (n,) of images with these labels (n,), of which any beginning has of each class its share,
    and one image at least where there is room; but a class of one image comes last.
    """
    order = rng.permutation(len(labels))
    place = np.ones(len(labels))  # of each image among those of its class, from 0; of one that is alone, 1
    for label in np.flatnonzero(np.bincount(labels) >= _SEVERAL):
        of_class = order[labels[order] == label]
        place[of_class] = np.arange(len(of_class)) / len(of_class)
    drawn: NDArray[np.intp] = order[np.argsort(place[order], kind="stable")]
    return drawn


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


def refuse_empty_images(halves: Mapping[Half, LabelledImages], place: str) -> None:
    """Raise DataError if every other image is all one grey: whoever made them lost what was on them."""
    for name, half in ((_CALLED[name], half) for name, half in halves.items()):
        flat = half.images.reshape(len(half.images), -1)
        empty = int((flat.min(axis=1) == flat.max(axis=1)).sum())
        if empty >= _MOSTLY * len(flat):
            raise DataError(f"{place}: {empty} of {len(flat)} {name} images are all one grey: there is nothing on them")


def is_bright(images: NDArray[np.uint8]) -> bool:
    """Tell whether most images have a bright background."""
    return bright_part(images) >= _MOSTLY


def bright_part(images: NDArray[np.uint8]) -> float:
    """Return the fraction of images that have a bright background."""
    return float(np.mean(border_brightness(images) > _BRIGHT))


def oddities(images: ImageSet, tell_bright: bool = True) -> list[str]:
    """Return what is odd, in a line each; of a bright background only if that is to be told."""
    return [*_odd_labels(images), *_odd_images(images, tell_bright)]


def _odd_labels(images: ImageSet) -> list[str]:
    classes = images.classes
    names = names_or_numbers(images.class_names, classes)
    present = {name: set(np.unique(half.labels).tolist()) for name, half in _halves(images)}
    everywhere: set[int] = set().union(*present.values())
    found = []
    if len(everywhere) == 1:
        found.append(f"all images have {_labels(sorted(everywhere), names)}: there is nothing to tell apart")
    missing = [label for label in range(classes) if label not in everywhere]
    if missing == [0] and images.class_names is None:
        found.append(
            f"labels are 1 to {classes - 1}: class 0 has no image, and the model gets an output for it; labels from 0 "
            "would spare that"
        )
    elif missing:
        found.append(f"no image has {_labels(missing, names)}, though labels go up to {classes - 1}")
    for name, labels in present.items():
        if lacking := sorted(everywhere - labels):
            found.append(f"{name} images have none of {_labels(lacking, names)}")
    return found


def _odd_images(images: ImageSet, tell_bright: bool) -> list[str]:
    found = []
    if tell_bright and is_bright(images.train.images):
        found.append(
            f"{bright_part(images.train.images):.0%} of the training images have a bright background, where MNIST's is "
            "dark, which nets learn better; --invert exchanges bright and dark"
        )
    brightest = int(images.train.images.max())
    if brightest < _DARKEST_WHITE:
        found.append(
            f"no pixel is brighter than {brightest} of 255, where experiments take 255 for white; multiply pixels by "
            f"{255 / max(1, brightest):.4g}"
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


def _labels(labels: list[int], names: list[str]) -> str:
    shown = ", ".join(names[label] for label in labels[:_SHOWN]) + (", …" if len(labels) > _SHOWN else "")
    return f"the label{'s'[: len(labels) > 1]} {shown}"
