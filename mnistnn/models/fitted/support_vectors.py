"""What a support vector machine of pairs of classes consists of: images that pairs share, and their coefficients."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from mnistnn.types import Array, Shape, ShapeError


@dataclass(frozen=True)
class Supports:
    """The support vectors of one pair of classes (i, j): it votes for i where Σ coefficient · k(image, x) + bias > 0.

    images        (m, *in_shape)  float32, as the machine was given them, or shifted
    sources       (m, 3)          int32: the example of the training split, and by how many px it was shifted, dy and dx
    coefficients  (m,)            float64: α·y, above zero for images of class i, below for those of j
    """

    images: np.ndarray
    sources: np.ndarray
    coefficients: np.ndarray
    bias: float


@dataclass(frozen=True)
class SupportVectors:
    """Those of all pairs so far, r of them. Never changed: each round makes new ones.

    images        (s, *in_shape)  each once, in the order in which pairs first use them: so the images of the first
                                  pairs are the first images
    sources       (s, 3)          where each image is from: see `Supports`
    positions     (t,)            int32: which image, for all support vectors of the first pair, then of the second …
    coefficients  (t,)            the α·y of these. In float64 in any run: beside an image they weigh nothing, and their
                                  sum over a pair is zero to the last digits
    counts        (r,)            int32: how many of them each pair has
    biases        (r,)            float64
    """

    images: np.ndarray
    sources: np.ndarray
    positions: np.ndarray
    coefficients: np.ndarray
    counts: np.ndarray
    biases: np.ndarray

    @classmethod
    def of_no_pair(cls, in_shape: Shape) -> "SupportVectors":
        return cls(
            images=np.empty((0, *in_shape), np.float32),
            sources=np.empty((0, 3), np.int32),
            positions=np.empty(0, np.int32),
            coefficients=np.empty(0),
            counts=np.empty(0, np.int32),
            biases=np.empty(0),
        )

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray], in_shape: Shape, pairs: int) -> "SupportVectors":
        """Return what `arrays` was returned by. Raises ShapeError if it cannot be of this shape and so many pairs."""
        none = cls.of_no_pair(in_shape)
        if not arrays:
            return none
        expected, found = none.arrays(), {name: np.asarray(array) for name, array in arrays.items()}
        if found.keys() != expected.keys():
            raise ShapeError(f"expected {', '.join(expected)}, got {', '.join(found) or 'nothing'}")
        for name, array in expected.items():
            given = found[name]
            if (given.shape[1:], given.ndim, given.dtype) != (array.shape[1:], array.ndim, array.dtype):
                shape = ", ".join(map(str, ("n", *array.shape[1:])))
                raise ShapeError(f"{name} is {given.shape} of {given.dtype}, expected ({shape}) of {array.dtype}")
        new = cls(**{name: array.copy() for name, array in found.items()})
        new._refuse_what_contradicts_itself(pairs)
        return new

    def _refuse_what_contradicts_itself(self, pairs: int) -> None:
        images, sources, positions, coefficients, counts, biases = map(len, self.arrays().values())
        if counts != biases or counts > pairs:
            raise ShapeError(f"counts and biases of {counts} and {biases} pairs, expected {pairs} at most")
        if images != sources or positions != coefficients:
            raise ShapeError(
                f"{images} images of {sources} sources, and {positions} positions of {coefficients} coefficients"
            )
        if (self.counts < 0).any() or self.counts.sum() != positions:
            raise ShapeError(
                f"counts add up to {self.counts.sum()}, expected {positions}, which there are positions of"
            )
        if not np.array_equal(np.unique(self.positions), np.arange(images)):
            raise ShapeError(f"positions do not use each of the {images} images")

    def arrays(self) -> dict[str, Array]:
        """Return all of it, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def pairs(self) -> int:
        """How many pairs there are."""
        return len(self.counts)

    def of_pair(self, number: int) -> Supports:
        """Return those of one pair, in the order of the examples that they are from."""
        part = self._part(number)
        at = self.positions[part]
        return Supports(self.images[at], self.sources[at], self.coefficients[part], float(self.biases[number]))

    def dense_coefficients(self) -> np.ndarray:
        """Return the coefficient of each image in each pair (s, r), float64; 0 where it is no support vector."""
        dense = np.zeros((len(self.images), self.pairs))
        for number in range(self.pairs):
            part = self._part(number)
            dense[self.positions[part], number] = self.coefficients[part]
        return dense

    def with_pair(self, new: Supports) -> "SupportVectors":
        """Return these and those of the next pair, of which no source occurs twice."""
        known = {source: at for at, source in enumerate(map(tuple, self.sources.tolist()))}
        positions = [known.setdefault(source, len(known)) for source in map(tuple, new.sources.tolist())]
        of_pair = np.array(positions, dtype=np.int32)
        is_first = of_pair >= len(self.images)
        return SupportVectors(
            images=np.concatenate([self.images, new.images[is_first]]),
            sources=np.concatenate([self.sources, new.sources[is_first]]),
            positions=np.concatenate([self.positions, of_pair]),
            coefficients=np.concatenate([self.coefficients, new.coefficients]),
            counts=np.append(self.counts, np.int32(len(of_pair))),
            biases=np.append(self.biases, new.bias),
        )

    def first(self, pairs: int) -> "SupportVectors":
        """Return those of the first pairs, with the images that these use."""
        end = int(self.counts[:pairs].sum())
        positions = self.positions[:end]
        images = int(positions.max(initial=-1)) + 1
        return SupportVectors(
            images=self.images[:images].copy(),  # the memory of the others is free
            sources=self.sources[:images],
            positions=positions,
            coefficients=self.coefficients[:end],
            counts=self.counts[:pairs],
            biases=self.biases[:pairs],
        )

    def _part(self, number: int) -> slice:
        """Return which positions and coefficients are those of a pair."""
        start = int(self.counts[:number].sum())
        return slice(start, start + int(self.counts[number]))
