"""Bring a user's own files into the cache, offline: `mnistnn data add NAME FILES…`.

What the files are is read from their first bytes, not from their endings (`formats/kinds.py`); a folder is one of image
files. Under the name of a set whose bytes are known only these are accepted, so this is also how such a set gets onto a
machine without a network.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mnistnn.data.class_names import checked_names
from mnistnn.data.datasets import cache
from mnistnn.data.datasets.catalogue import fixed_set
from mnistnn.data.datasets.examination import (
    bright_part,
    counted_from_zero,
    is_bright,
    is_to_be_mixed,
    mixed,
    oddities,
    refuse_empty_images,
    validation_share,
)
from mnistnn.data.datasets.fetch import fetching_of
from mnistnn.data.datasets.splitting import Share, divided
from mnistnn.data.formats.found import FoundImages, whole_set
from mnistnn.data.formats.given import NO_WISHES, GivenFile, Wishes
from mnistnn.data.formats.image_folder import read_image_folder
from mnistnn.data.formats.image_set import FILE_NAMES, ImageSet, LabelledImages
from mnistnn.data.formats.kinds import EXPECTED, IDX, given_file, idx_arrays, kind_of
from mnistnn.data.limits import MAX_SET_BYTES
from mnistnn.data.pictures.resize import resampled
from mnistnn.errors import DataError, UsageError

_MOST_FILES = 16
_OPTIONS = {"size_px": "--size", "labels": "--labels"}


@dataclass(frozen=True)
class Changes:
    """What is to become of the images that are read.

    invert         exchange dark and bright; None leaves it to `ask`, and to no otherwise
    ask            asked whether to exchange them where most backgrounds are bright, with what was found
    transpose      exchange rows and columns of each image
    class_names    what the classes are called, by label; otherwise what the files call them, if they do
    test, valid    how many images are taken for the test and for validation, or which fraction of them
    seed           by which they are drawn
    """

    invert: bool | None = None
    ask: Callable[[str], bool] | None = None
    transpose: bool = False
    class_names: Sequence[str] | None = None
    test: Share | None = None
    valid: Share | None = None
    seed: int = 0


NO_CHANGES = Changes()


def add(
    name: str,
    paths: Sequence[Path],
    *,
    replace: bool = False,
    wishes: Wishes = NO_WISHES,
    changes: Changes = NO_CHANGES,
    progress: bool = False,
) -> list[str]:
    """Read a set from files and store it under `name`; return what is to be said of it, in a line each.

    progress  say on stderr what is fetched: of a known set, the part that another set has

    Raises UsageError if the files are not one of the known kinds, options do not fit them or, unless `replace`, the
    name is taken; DataError if they are malformed or, under the name of a set whose bytes are known, not these.
    """
    _refuse_taken(name, replace)
    if (known := fixed_set(name)) is not None:
        if wishes != NO_WISHES or changes != Changes(ask=changes.ask):
            raise UsageError(f"an option would make another set of {name}; give it another name")
        adopted, origins = known.adopt(name, paths, partial(_read_whole, name), fetching_of(progress=progress))
        images, said = known.completed(name, adopted, _place(paths)), list[str]()
    else:
        found, origins = _read(paths, wishes)
        images, said = _changed(found, _place(paths), wishes, changes)
    with cache.locked(name):
        _refuse_taken(name, replace)  # while the files were read, another process may have stored one
        cache.install(name, images, origins)
    return said


def _refuse_taken(name: str, may_replace: bool) -> None:
    folder = cache.set_folder(name)
    if cache.is_stored(name) and not may_replace:
        raise UsageError(f"{folder}: a set named {name!r} is there already; --force replaces it")


def _changed(found: FoundImages, place: str, wishes: Wishes, changes: Changes) -> tuple[ImageSet, list[str]]:
    """Return what was found as the set that is stored, and what is to be said of it."""
    if wishes.resize_px is not None:
        found = _resized(found, wishes.resize_px, place)
    if changes.transpose:
        found = found.each(lambda half: LabelledImages(half.images.transpose(0, 2, 1), half.labels))
    names = changes.class_names
    found = counted_from_zero(found, None if names is None else len(names))
    if names is not None:
        by_number = dataclasses.replace(found, class_names=None)
        found = dataclasses.replace(found, class_names=checked_names(names, "--classes", by_number.classes))
    found = divided(found, place, changes.test, changes.valid, changes.seed)
    refuse_empty_images(found.halves, place)
    invert = changes.invert
    if invert is None and changes.ask is not None and is_bright(found.train.images):
        invert = changes.ask(f"{bright_part(found.train.images):.0%} of the training images have a bright background")
    if invert:
        found = found.each(lambda half: LabelledImages(255 - half.images, half.labels))
    images = whole_set(found, place)
    said = [*images.said, *oddities(images, tell_bright=invert is None)]
    if images.valid is not None:
        said.append(f"its {len(images.valid.labels)} validation images are the validation split of experiments")
    elif is_to_be_mixed(images):
        images = mixed(images)
        said.append(
            "the last training images, which are for validation, lacked a class or more: all are stored in a mixed "
            "order, by which they have each"
        )
    elif not validation_share(len(images.train.labels)):
        said.append(
            f"{len(images.train.labels)} training images are too few for a sixth to be for validation: experiments "
            "need `data: {validation_examples: 1}`, or none and `checkpoint: {monitor: last}`"
        )
    return images, said


def _resized(found: FoundImages, shape: tuple[int, int], place: str) -> FoundImages:
    """Return images of another size: means over areas where they shrink, linear interpolation where they grow."""
    largest = max(len(half.labels) for half in found.halves.values())
    if largest * shape[0] * shape[1] > MAX_SET_BYTES:
        raise DataError(f"{place}: {largest} images of {shape[0]}x{shape[1]} pixels are more than are allowed")

    def resize(half: LabelledImages) -> LabelledImages:
        if half.images.shape[1:] == shape:
            return half
        images = np.empty((len(half.images), *shape), dtype=np.uint8)
        for number, image in enumerate(half.images):
            images[number] = np.rint(resampled(image.astype(np.float64), shape))
        return LabelledImages(images, half.labels)

    return found.each(resize)


def _read(paths: Sequence[Path], wishes: Wishes) -> tuple[FoundImages, dict[str, str]]:
    """Return what files or a folder hold, and for each canonical file the name of what it was read from."""
    if len(paths) > _MOST_FILES:
        raise UsageError(f"{len(paths)} files given; {EXPECTED}")
    if any(path.is_dir() for path in paths):
        if len(paths) > 1:
            raise UsageError(f"{len(paths)} paths given, a folder among them; {EXPECTED}")
        _refuse_options(wishes, frozenset({"labels"}), "a folder of images")
        return read_image_folder(paths[0], wishes), dict.fromkeys(FILE_NAMES, paths[0].name)
    files = [given_file(path) for path in paths]
    kind = kind_of(files)
    _refuse_options(wishes, kind.wishes, kind.name)
    return kind.read(files, wishes), _origins(files, is_idx=kind is IDX)


def _refuse_options(wishes: Wishes, allowed: frozenset[str], kind: str) -> None:
    for wish, option in _OPTIONS.items():
        if getattr(wishes, wish) is not None and wish not in allowed:
            use = "rows of pixels" if wish == "size_px" else "image files"
            way_out = "; --resize makes images another size" if wish == "size_px" else ""
            raise UsageError(f"{option} is for {use}, and not for {kind}{way_out}")


def _origins(files: Sequence[GivenFile], *, is_idx: bool) -> dict[str, str]:
    if is_idx:
        return {role: file.name for role, (file, _) in idx_arrays(files).items()}
    return dict.fromkeys(FILE_NAMES, ", ".join(file.name for file in files))


def _read_whole(name: str, paths: Sequence[Path]) -> tuple[ImageSet, dict[str, str]]:
    """Return the set in files that must have test images: the user's copy of a known one."""
    found, origins = _read(paths, NO_WISHES)
    if found.test is None:
        raise DataError(f"{_place(paths)}: has no test images, which {name} has")
    return whole_set(found, _place(paths)), origins


def _place(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths))
