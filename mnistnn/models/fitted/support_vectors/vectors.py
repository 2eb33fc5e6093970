"""What a support vector machine of pairs of classes consists of: images that pairs share, and their coefficients."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import prod

import numpy as np

from mnistnn.kernels.shifts import shifted_copies
from mnistnn.types import Array, Shape, ShapeError


@dataclass(frozen=True)
class Supports:
    """The support vectors of one pair of classes (i, j): it votes for i where Σ coefficient · k(vector, x) + bias > 0.

    sources       (m, 3)  int32: which example of the training split, and by how many px it was shifted, dy and dx
    coefficients  (m,)    float64: α·y, above zero for images of class i, below for those of j
    """

    sources: np.ndarray
    coefficients: np.ndarray
    bias: float


@dataclass(frozen=True)
class SupportVectors:
    """Those of all pairs so far, r of them. Never changed: each round makes new ones.

    images        (s, *in_shape)  float32: examples of which a copy is a support vector, each once and not shifted. They
                                  are in the order of their first use, so that those of the first pairs come first
    examples      (s,)            int32: which examples of the training split these are
    vectors       (t, 3)          int32: each support vector of the first pair, then of the second …: which image, and
                                  by how many px it was shifted, dy and dx. So many copies take little more than one
    coefficients  (t,)            α·y. In float64 in any run: they weigh nothing beside images, and their sum over a
                                  pair is zero to the last digits
    counts        (r,)            int32: how many support vectors each pair has
    biases        (r,)            float64
    """

    images: np.ndarray
    examples: np.ndarray
    vectors: np.ndarray
    coefficients: np.ndarray
    counts: np.ndarray
    biases: np.ndarray

    @classmethod
    def of_no_pair(cls, in_shape: Shape) -> "SupportVectors":
        return cls(
            images=np.empty((0, *in_shape), np.float32),
            examples=np.empty(0, np.int32),
            vectors=np.empty((0, 3), np.int32),
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
        expected = none.arrays()
        if arrays.keys() != expected.keys():
            raise ShapeError(f"expected {', '.join(expected)}, got {', '.join(arrays)}")
        for name, like in expected.items():
            given = arrays[name]
            if (given.ndim, given.shape[1:], given.dtype) != (like.ndim, like.shape[1:], like.dtype):
                shape = ", ".join(map(str, ("n", *like.shape[1:])))
                raise ShapeError(f"{name} is {given.shape} of {given.dtype}, expected ({shape}) of {like.dtype}")
        new = cls(**{name: array.copy() for name, array in arrays.items()})
        new._refuse_what_contradicts_itself(pairs)
        return new

    def _refuse_what_contradicts_itself(self, pairs: int) -> None:
        images, examples, vectors, coefficients, counts, biases = map(len, self.arrays().values())
        if counts != biases or counts > pairs:
            raise ShapeError(f"counts and biases of {counts} and {biases} pairs, expected {pairs} at most")
        if images != examples or vectors != coefficients:
            raise ShapeError(
                f"{images} images of {examples} examples, and {vectors} vectors with {coefficients} coefficients"
            )
        if (self.counts < 0).any() or self.counts.sum() != vectors:
            raise ShapeError(f"counts add up to {self.counts.sum()}, expected {vectors}, as many as there are vectors")
        if not np.array_equal(np.unique(self.vectors[:, 0]), np.arange(images)):
            raise ShapeError(f"vectors are not of each of the {images} images")

    def arrays(self) -> dict[str, Array]:
        """Return all of it, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def pairs(self) -> int:
        """How many pairs there are."""
        return len(self.counts)

    def of_pair(self, number: int) -> Supports:
        """Return those of one pair."""
        part = self._part(number)
        sources = self.vectors[part].copy()
        sources[:, 0] = self.examples[sources[:, 0]]
        return Supports(sources, self.coefficients[part], float(self.biases[number]))

    def pictures(self, vectors: np.ndarray) -> np.ndarray:
        """Return vectors (m, 3) as what they are: images (m, *in_shape), shifted."""
        shape = self.images.shape[1:]
        return shifted_copies(self.images.reshape(len(self.images), prod(shape)), shape, vectors)

    def shared(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the vectors of all pairs, each once (v, 3), and the coefficient of each in each pair (v, r)."""
        vectors, which = np.unique(self.vectors, axis=0, return_inverse=True)
        dense = np.zeros((len(vectors), self.pairs))
        dense[which.reshape(-1), np.repeat(np.arange(self.pairs), self.counts)] = self.coefficients
        return vectors, dense

    def with_pair(self, new: Supports, rows: np.ndarray) -> "SupportVectors":
        """Return these and those of the next pair; rows (n, d) are the images of all examples."""
        known = {example: at for at, example in enumerate(self.examples.tolist())}
        vectors = new.sources.astype(np.int32)
        vectors[:, 0] = [known.setdefault(example, len(known)) for example in new.sources[:, 0].tolist()]
        examples = np.array(list(known), dtype=np.int32)
        first_used = rows[examples[len(self.images) :]].astype(np.float32)
        return SupportVectors(
            images=np.concatenate([self.images, first_used.reshape(len(first_used), *self.images.shape[1:])]),
            examples=examples,
            vectors=np.concatenate([self.vectors, vectors]),
            coefficients=np.concatenate([self.coefficients, new.coefficients]),
            counts=np.append(self.counts, np.int32(len(vectors))),
            biases=np.append(self.biases, new.bias),
        )

    def only(self, number: int) -> "SupportVectors":
        """Return those of one pair, as if it were the only one, with the images of all."""
        part, pair = self._part(number), slice(number, number + 1)
        return replace(
            self,
            vectors=self.vectors[part],
            coefficients=self.coefficients[part],
            counts=self.counts[pair],
            biases=self.biases[pair],
        )

    def first(self, pairs: int) -> "SupportVectors":
        """Return those of the first pairs, with the images that these use."""
        vectors = self.vectors[: self._part(pairs).start]
        images = int(vectors[:, 0].max(initial=-1)) + 1
        return SupportVectors(
            images=self.images[:images].copy(),  # so that the memory of the others is free
            examples=self.examples[:images],
            vectors=vectors,
            coefficients=self.coefficients[: len(vectors)],
            counts=self.counts[:pairs],
            biases=self.biases[:pairs],
        )

    def _part(self, number: int) -> slice:
        """Return where the support vectors of a pair stand; of the pair after the last, where they would begin."""
        start = int(self.counts[:number].sum())
        return slice(start, start + int(self.counts[number : number + 1].sum()))
