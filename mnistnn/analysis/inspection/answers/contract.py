"""What an answer consists of: pictures, sums and formulas, all on the host."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mnistnn.types import Shape

Numbers = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Picture:
    """Numbers to be drawn: (k,) as a row, (h, w) as an image, (c, h, w) as maps side by side.

    name     what they are, such as y, dW or h
    signed   whether they are drawn around zero, in two colours, and not as shades from paper to ink
    labels   what each element of the first axis is called, if it has a name
    caption  a sentence about them
    """

    name: str
    values: Numbers
    signed: bool = True
    labels: Sequence[str] | None = None
    caption: str = ""


@dataclass(frozen=True, eq=False)
class Part:
    """A layer, or a part of a model, and what it computed.

    formulas   as its documentation has them
    pictures   the first is its output, y
    has_units  whether `feeding` says of its output's elements what feeds them
    table      a head and rows of texts
    note       what differs from what is to be expected
    """

    name: str
    type: str
    about: str = ""
    formulas: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    has_units: bool = False
    table: Sequence[Sequence[str]] | None = None
    note: str = ""


@dataclass(frozen=True, eq=False)
class BackwardPart:
    """What a backward pass computed in a layer: dy, dz where it has an activation, gradients by their names, and dx.

    sizes  of each of these: shape, Euclidean length, largest magnitude
    """

    name: str
    type: str
    formulas: Sequence[str]
    arrays: dict[str, Numbers]
    note: str = ""


@dataclass(frozen=True, eq=False)
class Backward:
    """The backward pass of the loss that the model would have if the image were of the target class.

    dx  the gradient by the model's input, of its shape
    """

    target: int
    loss: float
    formula: str
    parts: list[BackwardPart]
    dx: Numbers


@dataclass(frozen=True)
class Scores:
    """The score of each class, in the order of classes: its probability, unless they have another unit."""

    names: list[str]
    values: list[float]
    unit: str | None

    @property
    def predicted(self) -> int:
        """The class with the largest score, the first of equal ones."""
        return int(np.argmax(self.values))


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model makes of an image.

    image        (h, w), uint8, as in the data set: what the model was asked
    scores       of the classes; None if it predicts none
    parts        in the order in which they compute
    backward     if a target was given, and there is a gradient
    no_backward  why there is none
    dreams       whether chains can go on from the image
    """

    image: NDArray[np.uint8]
    scores: Scores | None
    parts: list[Part]
    backward: Backward | None = None
    no_backward: str = ""
    dreams: bool = False


@dataclass(frozen=True, eq=False)
class Feeding:
    """What feeds a unit: an element of a layer's output.

    place     its indices
    value     the number that stands there
    lines     its formula with the actual numbers, step by step
    box       (start, stop) along each axis of the layer's input: what it is computed of
    field     the same of the model's input, through all layers before; both include padding that is cut off
    inputs    the numbers in the box
    weights   what each of them is multiplied by; or, where `are_slopes`, its derivative by each
    terms     name, input, weight and product of the largest products, and how many others there are with their sum
    gradient  the loss's gradient by these weights, if a backward pass was asked for
    """

    place: tuple[int, ...]
    value: float
    lines: list[str]
    box: list[tuple[int, int]]
    inputs: Numbers
    weights: Numbers | None = None
    terms: list["Term"] = field(default_factory=list)
    others: tuple[int, float] = (0, 0.0)
    gradient: Numbers | None = None
    field: list[tuple[int, int]] = field(default_factory=list)
    note: str = ""
    are_slopes: bool = False


@dataclass(frozen=True)
class Term:
    """One product of a sum."""

    name: str
    x: float
    w: float

    @property
    def product(self) -> float:
        return self.x * self.w


Box = list[tuple[int, int]]
"""(start, stop) along each axis."""


def whole(shape: Shape) -> Box:
    """Return the box of all elements."""
    return [(0, side) for side in shape]
