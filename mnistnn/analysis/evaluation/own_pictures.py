"""Predictions of a trained model for the user's own pictures.

The run stays as it is, and no split of the data is read. Of a published set only the size of its images is needed,
which is known without a copy; of a set of one's own it is in the cache.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistnn.analysis.evaluation.predictions import class_scores_of
from mnistnn.data.pictures.ink import NoDigitError
from mnistnn.data.pictures.normalize import NormalizedDigit, normalize_digit
from mnistnn.data.pictures.read import Picture, read_picture
from mnistnn.data.pictures.style import MNIST_STYLE, ImageStyle, border_brightness
from mnistnn.errors import DataError
from mnistnn.experiment.trained import Trained
from mnistnn.types import show_shape

SCHEMA_VERSION = 1
_MUCH_BESIDE = 0.25  # of the digit's ink


@dataclass(frozen=True, eq=False)
class PicturePrediction:
    """A picture as the model saw it, and the prediction.

    image    (h, w), uint8: what the model was given
    size_px  height and width of the picture
    ink_px   height and width of the ink on it
    fitting  what was done to it; None if it was given as it is
    classes  names of all classes with their scores, the best first
    is_alike whether it was given as it is because it is like the training images
    on_side  whether the image's rows are columns of what it shows, as those of the training images are
    """

    path: Path
    image: NDArray[np.uint8]
    size_px: tuple[int, int]
    ink_px: tuple[int, int] | None
    fitting: NormalizedDigit | None
    classes: list[tuple[str, float]]
    is_alike: bool = False
    on_side: bool = False
    is_colour_only: bool = False

    @property
    def warnings(self) -> list[str]:
        """What makes the prediction doubtful, whatever its probability."""
        return doubts(self.fitting, self.is_colour_only)

    @property
    def upright(self) -> NDArray[np.uint8]:
        """The image as people look at it."""
        return self.image.T if self.on_side else self.image


@dataclass(frozen=True)
class FailedPicture:
    """A picture for which there is no prediction, and why."""

    path: Path
    problem: str


@dataclass(frozen=True, eq=False)
class FittedPicture:
    """A picture, and what a model is given of it: fields as those of `PicturePrediction`."""

    path: Path
    picture: Picture
    image: NDArray[np.uint8]
    fitting: NormalizedDigit | None
    is_alike: bool
    on_side: bool


def doubts(fitting: NormalizedDigit | None, is_colour_only: bool = False) -> list[str]:
    """Return what makes a prediction for a picture doubtful, whatever its probability."""
    found = []
    if is_colour_only:
        found.append("the picture differs in colour, and hardly in brightness, which is all that a model sees")
    if fitting is None:
        return found
    if fitting.crosses:
        found.append("ink goes on from one border of the picture to the other: ruled lines, or the edge of a table?")
    if fitting.apart:
        found.append("two tall parts stand side by side: is there more than one digit?")
    if fitting.framed:
        found.append("the paper does not fill the picture; what lies around it was left out")
    if fitting.beside >= _MUCH_BESIDE:
        found.append("other ink lies beside it and was left out: is there more than one digit?")
    return found


def has_probabilities(trained: Trained) -> bool:
    """Tell whether a model's scores are probabilities."""
    return trained.task.has_probabilities


def predict(
    trained: Trained, paths: Sequence[Path], dark: bool | None = None, as_is: bool = False
) -> list[PicturePrediction | FailedPicture]:
    """Predict the digit on each picture; a picture that cannot be read does not stop the others.

    `dark` says whether ink is darker than paper, None finds out. With `as_is`, pictures have the size of the data set's
    and are given to the model unchanged. Raises DivergedError if the model's outputs are not finite.
    """
    results: list[PicturePrediction | FailedPicture] = []
    for path in paths:
        try:
            results.append(_predict(trained, path, dark, as_is))
        except DataError as error:
            results.append(FailedPicture(path, str(error)))
    return results


def _predict(trained: Trained, path: Path, dark: bool | None, as_is: bool) -> PicturePrediction:
    return prediction_of(trained, fitted(trained, path, read_picture(path), dark, as_is))


def fitted(
    trained: Trained, path: Path, picture: Picture, dark: bool | None = None, as_is: bool = False
) -> FittedPicture:
    """Return a picture, which was read from `path`, as the model is given it. Raises DataError, naming the path."""
    shape = trained.plan.image_shape
    fitting = None
    on_side = trained.plan.images_lie_on_side
    style = trained.plan.inputs.style or MNIST_STYLE
    is_alike = trained.plan.inputs.style is not None and dark is None and _is_one_of_these(picture.grey, shape, style)
    if as_is or is_alike:
        if picture.grey.shape != shape:
            raise DataError(
                f"{path}: is {show_shape(picture.size_px)} pixels; as it is, the model takes {show_shape(shape)}"
            )
        image = np.rint(255 * picture.grey).astype(np.uint8)
    else:
        try:
            with trained.computing():  # with BLAS's own threads, the last bits would be of their number
                fitting = normalize_digit(picture.grey, shape[::-1] if on_side else shape, dark, style)
        except NoDigitError as error:
            why = "; it differs in colour only, and a model sees brightness alone" if picture.is_colour_only else ""
            raise DataError(f"{path}: {error}{why}") from error
        image = np.ascontiguousarray(fitting.image.T) if on_side else fitting.image
    return FittedPicture(path, picture, image, fitting, is_alike, on_side)


def prediction_of(trained: Trained, given: FittedPicture) -> PicturePrediction:
    """Return the prediction for a picture that was fitted. Raises DivergedError."""
    picture, fitting, ink_px = given.picture, given.fitting, None
    if fitting is not None:
        own_px = picture.size_px[0] / picture.grey.shape[0]  # large pictures are reduced when they are read
        ink_px = round(own_px * fitting.box[0]), round(own_px * fitting.box[1])
    (scores,) = class_scores_of(trained, given.image[None])
    names = trained.plan.class_names
    best_first = np.argsort(-scores, kind="stable")
    classes = [(names[c], float(scores[c])) for c in best_first]
    return PicturePrediction(
        given.path, given.image, picture.size_px, ink_px, fitting, classes, given.is_alike, given.on_side,
        picture.is_colour_only,
    )  # fmt: skip


def _is_one_of_these(grey: NDArray[np.float64], shape: tuple[int, int], style: ImageStyle) -> bool:
    """Tell whether a picture has the size of the images that were learned from, and ink and paper like theirs."""
    return grey.shape == shape and bool(border_brightness(grey[None])[0] > 0.5) == style.dark
