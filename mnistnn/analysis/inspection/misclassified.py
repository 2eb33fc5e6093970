"""The examples that a model misclassifies: which they are, in what order, and how they look as text."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mnistnn.analysis.evaluation.predictions import Predictions
from mnistnn.analysis.plots import contact_sheet
from mnistnn.errors import UsageError

By = Literal["confidence", "order"]


@dataclass(frozen=True)
class Misclassified:
    """One misclassified example.

    place             its number in the split, from 0
    true, predicted   its class, and the predicted one; what they are called
    probability       of the predicted class; None if the loss has scores that are no probabilities
    probability_true  of its own class; None likewise
    """

    place: int
    true: int
    predicted: int
    probability: float | None
    probability_true: float | None
    true_name: str
    predicted_name: str

    @property
    def what(self) -> str:
        return f"{self.true_name} as {self.predicted_name}"

    @property
    def how_surely(self) -> str:
        """The probability of the predicted class, in percent; empty if there is none."""
        return "" if self.probability is None else f"{100 * self.probability:.2f} %"


def order_of(predictions: Predictions, wanted: By | None) -> By:
    """Return the order that is wanted, or that suits the predictions: by confidence where there are probabilities.

    Raises UsageError for confidence where there are none.
    """
    if wanted == "confidence" and predictions.probabilities is None:
        raise UsageError("--by confidence: this model's loss gives scores that are no probabilities; --by order works")
    return wanted or ("order" if predictions.probabilities is None else "confidence")


def misclassified_of(predictions: Predictions, by: By, true: int | None = None) -> list[Misclassified]:
    """Return the misclassified examples, of one true class if that is given.

    by confidence  the most confident ones first
    by order       as they come in the split
    """
    places = predictions.misclassified if by == "confidence" else np.sort(predictions.misclassified)
    return [_at(predictions, int(place)) for place in places if true is None or predictions.labels[place] == true]


def _at(predictions: Predictions, place: int) -> Misclassified:
    true, predicted = int(predictions.labels[place]), int(predictions.predicted[place])
    names = predictions.name_of(true), predictions.name_of(predicted)
    if predictions.probabilities is None:
        return Misclassified(place, true, predicted, None, None, *names)
    p = predictions.probabilities[place]
    return Misclassified(place, true, predicted, float(p[predicted]), float(p[true]), *names)


def cell_width(width: int, captions: list[str]) -> int:
    """Return how many columns of a terminal each picture, of so many px, takes with its caption."""
    return max(width, *map(len, captions))


def draw_in_text(images: NDArray[np.uint8], captions: list[str], across: int, blocks: str) -> str:
    """Return images (n, h, w) as lines of text, `across` of them side by side, each above its caption."""
    width = cell_width(images.shape[2], captions)
    bands = []
    for start in range(0, len(images), across):
        part = slice(start, start + across)
        cells = [
            [*contact_sheet.draw_in_text(image[None], blocks).split("\n"), caption]
            for image, caption in zip(images[part], captions[part], strict=True)
        ]
        lines = zip(*cells, strict=True)  # line by line through all cells
        bands.append("\n".join(" ".join(f"{text:<{width}}" for text in line).rstrip() for line in lines))
    return "\n\n".join(bands)
