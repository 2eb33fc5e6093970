"""What a reader of files found: the halves of a set, of which all but the training images may be missing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.formats.given import Half
from mnistnn.data.formats.image_set import ImageSet, LabelledImages, image_set, refuse_unfit
from mnistnn.data.formats.labels import numbered


@dataclass(frozen=True, eq=False)
class FoundImages:
    """The images that were found.

    train        for training; all images, where the files divide them in no way
    test, valid  None where the files have none
    said         what is to be said of how the files were read, in a line each
    class_names  what the files call the classes, by label
    """

    train: LabelledImages
    test: LabelledImages | None = None
    valid: LabelledImages | None = None
    said: tuple[str, ...] = ()
    class_names: tuple[str, ...] | None = None

    @property
    def halves(self) -> dict[Half, LabelledImages]:
        """The halves that there are."""
        named: dict[Half, LabelledImages | None] = {"train": self.train, "test": self.test, "valid": self.valid}
        return {half: images for half, images in named.items() if images is not None}

    @property
    def classes(self) -> int:
        """The number of classes: of their names, or else of labels, counted from 0 to the largest that occurs."""
        if self.class_names is not None:
            return len(self.class_names)
        return 1 + max(int(half.labels.max()) for half in self.halves.values())

    def each(self, change: Callable[[LabelledImages], LabelledImages], *said: str) -> "FoundImages":
        """Return what was found with every half changed, and something more said."""
        changed = {half: change(images) for half, images in self.halves.items()}
        return replace(
            self,
            train=changed["train"],
            test=changed.get("test"),
            valid=changed.get("valid"),
            said=(*self.said, *said),
        )


def found_images(
    images: Mapping[Half, NDArray[np.uint8]],
    labels: Mapping[Half, NDArray[Any] | Sequence[str]],
    place: str,
    said: Sequence[str] = (),
) -> FoundImages:
    """Return what was found, from images (n, h, w) and labels (n,), integers or words, of the same halves.

    Words, and integers that are no bytes, are numbered in their order over all halves, and name the classes. Raises
    DataError, naming `place`, for halves that do not fit, and for labels that cannot be.
    """
    bytes_of, class_names = numbered(labels, place)
    halves = {half: LabelledImages(images[half], bytes_of[half]) for half in images}
    refuse_unfit(halves["train"], halves.get("test"), place, halves.get("valid"))
    return FoundImages(
        halves["train"], halves.get("test"), halves.get("valid"), said=tuple(said), class_names=class_names
    )


def found_of(images: ImageSet) -> FoundImages:
    """Return a whole set as what was found."""
    return FoundImages(images.train, images.test, images.valid, images.said, images.class_names)


def whole_set(found: FoundImages, place: str) -> ImageSet:
    """Return what was found as a set. Raises DataError, naming `place`, if there are no test images."""
    assert found.test is not None
    images = image_set(found.train, found.test, place, found.valid)
    return replace(images, said=found.said, class_names=found.class_names)
