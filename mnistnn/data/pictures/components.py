"""The connected components of a mask, and which of them make up one digit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEAST_SHARE = 0.02  # of the digit's ink: a smaller component is a speck
_WIDEST_GAP = 0.3  # of the digit's longer side, between it and a component of it
_AT_BORDER = 0.2  # how much a component counts that touches the border: hands, shadows and the table come from there


@dataclass(frozen=True)
class Box:
    """Rows from top to before bottom, columns from left to before right."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    def gap(self, other: "Box") -> int:
        """Return how many pixels lie between two boxes, in the direction in which they are farther apart."""
        down = max(self.top - other.bottom, other.top - self.bottom)
        across = max(self.left - other.right, other.left - self.right)
        return max(0, down, across)

    def joined(self, other: "Box") -> "Box":
        """Return the smallest box around both."""
        return Box(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )


@dataclass(frozen=True, eq=False)
class Component:
    """A connected component: its number among the labels, its box, its ink, and whether it touches the border."""

    number: int
    box: Box
    ink: float
    at_border: bool


def label_components(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the number, from 1, of the component that each pixel of a mask (h, w) belongs to; 0 outside of it.

    Pixels that touch at a side or a corner are connected. All begin with numbers of their own, and take the smallest
    around them until nothing changes; each round also goes to where that number came from (pointer jumping), so that
    a spiral takes a few dozen rounds and not one for each of its pixels. Only the box of the mask is looked at.
    """
    whole = np.zeros(mask.shape, dtype=np.int64)
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return whole
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    mask = mask[box]
    h, w = mask.shape
    own = np.arange(1, h * w + 1, dtype=np.int32).reshape(h, w)
    outside = h * w + 1
    labels = np.where(mask, own, outside)
    while True:
        padded = np.pad(labels, 1, constant_values=outside)
        smallest = labels.copy()
        for down in (0, 1, 2):
            for across in (0, 1, 2):
                np.minimum(smallest, padded[down : down + h, across : across + w], out=smallest)
        smallest = np.where(mask, smallest, outside)
        if (smallest == labels).all():
            break
        root = np.arange(h * w + 2, dtype=np.int32)
        np.minimum.at(root, labels[mask], smallest[mask])
        while (root[root] != root).any():
            root = root[root]
        labels = np.where(mask, root[smallest], outside)
    _, compact = np.unique(labels[mask], return_inverse=True)
    whole[box][mask] = 1 + compact.reshape(-1)
    return whole


def components_of(labels: NDArray[np.int64], ink: NDArray[np.float64]) -> list[Component]:
    """Return the components of labels (h, w), of which ink (h, w) says how much is where."""
    h, w = labels.shape
    count = int(labels.max(initial=0))
    amounts = np.bincount(labels.reshape(-1), weights=ink.reshape(-1), minlength=count + 1)
    rows, columns = np.nonzero(labels)
    numbers = labels[rows, columns]
    edges = np.empty((4, count + 1), dtype=np.int64)
    edges[:2], edges[2:] = max(h, w), 0
    np.minimum.at(edges[0], numbers, rows)
    np.minimum.at(edges[1], numbers, columns)
    np.maximum.at(edges[2], numbers, rows + 1)
    np.maximum.at(edges[3], numbers, columns + 1)
    found = []
    for number in range(1, count + 1):
        box = Box(*map(int, edges[:, number]))
        at_border = box.top == 0 or box.left == 0 or box.bottom == h or box.right == w
        found.append(Component(number, box, float(amounts[number]), at_border))
    return found


def components_of_digit(components: list[Component]) -> list[Component]:
    """Return those components, of at least one, that make up the digit.

    That is the one with the most ink, and then whatever is no speck and lies near what was taken already, the nearest
    first: the bar of a 5 and the second stroke of a 4 stay, a fly spot goes.
    """
    main = max(components, key=lambda component: component.ink * (_AT_BORDER if component.at_border else 1.0))
    digit, box, ink = [main], main.box, main.ink
    rest = [
        component for component in components if component is not main and (main.at_border or not component.at_border)
    ]
    while rest:
        component = min(rest, key=lambda each: each.box.gap(box))
        if component.box.gap(box) > _WIDEST_GAP * max(box.height, box.width):
            break
        rest.remove(component)
        if component.ink >= _LEAST_SHARE * ink:
            digit, box, ink = [*digit, component], box.joined(component.box), ink + component.ink
    return digit
