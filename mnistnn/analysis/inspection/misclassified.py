"""The examples that a model misreads: which they are, in what order, and how they look as text."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mnistnn.analysis.evaluation.predictions import Answers
from mnistnn.analysis.plots import contact_sheet
from mnistnn.errors import UsageError

By = Literal["confidence", "order"]


@dataclass(frozen=True)
class Misread:
    """One misread example.

    place             its number in the split, from 0
    true, read        its class, and the class read
    probability       of the class read; None if the loss has scores that are no probabilities
    probability_true  of its own class; None likewise
    """

    place: int
    true: int
    read: int
    probability: float | None
    probability_true: float | None

    @property
    def what(self) -> str:
        return f"{self.true} as {self.read}"

    @property
    def how_surely(self) -> str:
        """The probability of the class read, in percent; empty if there is none."""
        return "" if self.probability is None else f"{100 * self.probability:.2f} %"


def order_of(answers: Answers, wanted: By | None) -> By:
    """Return the order that is wanted, or that suits the answers: by confidence where there are probabilities.

    Raises UsageError for confidence where there are none.
    """
    if wanted == "confidence" and answers.probabilities is None:
        raise UsageError("--by confidence: this model's loss gives scores that are no probabilities; --by order works")
    return wanted or ("order" if answers.probabilities is None else "confidence")


def misread_of(answers: Answers, by: By, true: int | None = None) -> list[Misread]:
    """Return the misread examples, of one true class if that is given.

    by confidence  those read most surely first
    by order       as they come in the split

    Raises UsageError for a class that there is not.
    """
    if true is not None and true >= answers.classes:
        raise UsageError(f"--class: there are the classes 0 to {answers.classes - 1}, but not {true}")
    places = answers.misread if by == "confidence" else np.sort(answers.misread)
    return [_at(answers, int(place)) for place in places if true is None or answers.labels[place] == true]


def _at(answers: Answers, place: int) -> Misread:
    true, read = int(answers.labels[place]), int(answers.read[place])
    if answers.probabilities is None:
        return Misread(place, true, read, None, None)
    p = answers.probabilities[place]
    return Misread(place, true, read, float(p[read]), float(p[true]))


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
