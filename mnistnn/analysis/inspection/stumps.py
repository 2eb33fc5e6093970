"""The stumps of a boosted classifier, round by round: what they compare, how they vote, and how much that counts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistnn.errors import RunError, UsageError
from mnistnn.experiment.trained import Trained
from mnistnn.kernels.haar import Rectangle
from mnistnn.types import Shape, show_shape


@dataclass(frozen=True)
class Stump:
    """φ(x) = 1 where the pixels of rectangles, with their signs, add up to more than the threshold, else −1."""

    rectangles: list[Rectangle]
    threshold: float

    @property
    def said(self) -> str:
        """What is compared, in words: sizes and places of rectangles, in pixels from the top left."""
        parts = [
            f"{'+' if each.sign > 0 else '−'}{each.height}×{each.width} at ({each.top}, {each.left})"
            for each in self.rectangles
        ]
        return f"{' '.join(parts)} > {self.threshold:.3g}"


@dataclass(frozen=True)
class Round:
    """A round of boosting: where the product of its stumps is 1, it votes for some classes, elsewhere for the others.

    number  counted from 1
    energy  the factor by which the exponential loss on the training split fell
    votes   (k,) ±1
    """

    number: int
    alpha: float
    energy: float
    votes: NDArray[np.int8]
    stumps: list[Stump]


def rounds_of(trained: Trained, numbers: Sequence[int] | None, count: int) -> list[Round]:
    """Return some rounds by their numbers, counted from 1, or the first `count`. Raises UsageError for one that there
    is not, or another model.
    """
    model = trained.task.boosted_stumps
    done = model.rounds_done
    wanted = range(1, min(count, done) + 1) if numbers is None else numbers
    if beyond := [number for number in wanted if not 1 <= number <= done]:
        raise UsageError(f"--rounds: there are the rounds 1 to {done:,}, but not {beyond[0]:,}")
    arrays = model.arrays()
    if not np.isfinite(arrays["alpha"]).all():
        raise RunError(f"{trained.file}: the weights of rounds are not finite")
    found = []
    for number in wanted:
        at = number - 1
        stumps = [
            Stump(rectangles, model.threshold(at, factor))
            for factor, rectangles in enumerate(model.rectangles(at))
            if rectangles
        ]
        found.append(
            Round(number, float(arrays["alpha"][at]), float(arrays["energy"][at]), arrays["votes"][at].copy(), stumps)
        )
    return found


def image_shape(trained: Trained) -> tuple[int, int]:
    """Return height and width of what stumps look at. Raises UsageError if that is no image."""
    shape: Shape = trained.plan.preprocessing.out_shape
    if len(shape) != 2:
        raise UsageError(f"the inputs of this model have the shape {show_shape(shape)}: nothing can be drawn on them")
    height, width = shape
    return height, width


def drawn(stump: Stump, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return what a stump looks at as a picture (h, w): 1 where pixels add to it, −1 where they take from it."""
    picture = np.zeros(shape)
    for sign, top, left, height, width in stump.rectangles:
        picture[top : top + height, left : left + width] = sign
    return picture
