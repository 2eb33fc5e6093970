"""Distances between images for nearest neighbours: Euclidean ones, and three that let an image deform.

Those three compare images of 8 bits in exact arithmetic of integers. A distance says how images are prepared for it and
how far a query is from given references; who is asked about which, and what is kept, is in `cascade.py`.
"""

from collections.abc import Callable
from itertools import count
from math import prod
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from mnistnn.backend import jit, pieces, threads
from mnistnn.backend.arrays import array_module, to_host
from mnistnn.backend.memory_order import as_rows
from mnistnn.component import component
from mnistnn.errors import ConfigError
from mnistnn.kernels import idm_loops, p2dhmdm_loops, shifted_loops
from mnistnn.kernels.edges import eight_bit, shortest_first, sobel
from mnistnn.kernels.idm import idm, idm_displacements
from mnistnn.kernels.nearest import squared_distances
from mnistnn.kernels.p2dhmdm import fits, p2dhmdm, p2dhmdm_displacements
from mnistnn.kernels.shifted import shifted, shifted_displacements
from mnistnn.preprocess.blur import Blur
from mnistnn.types import Array, Shape, ShapeError, show_shape

_SMALLEST = 3  # rows and columns of an image that has edges to speak of
_SLACK = 0.5  # beyond 0 … 1, where ink is: what resampling and sharpening overshoot by is cut off
# Pixels that array code takes at a time: few on the host, for the sake of caches; on a device the more the better, and
# P2DHMDM then needs 400 bytes for each.
_PIXELS, _PIXELS_ON_A_DEVICE = 1 << 15, 1 << 21

Done = Callable[[int], None]
"""Is told, on the thread that asked, how many queries are done."""


@component
class Distance:
    """Abstract: how far images are from each other.

    `build` comes first. Of references and queries alike, it is what `prepared` returns that is compared.
    """

    type: str
    """The name of the distance in YAML."""

    finds_among_all: ClassVar[bool] = False
    """Whether it can be asked for the nearest of all references, and not only about some."""

    def build(self, in_shape: Shape) -> None:
        """Remember the shape of an input. Raises ShapeError if it is not one that the distance can take."""
        raise NotImplementedError

    @property
    def preparation(self) -> str | None:
        """What `prepared` returns, by name, for who says what is being done and who shares it; None for inputs as they
        are.
        """
        raise NotImplementedError

    def refuse(self, least: float, largest: float) -> None:
        """Raise ConfigError if inputs that reach from `least` to `largest` mean nothing to the distance."""

    def prepared(self, x: Array) -> Array:
        """Return what is compared of inputs x (n, *in_shape), which stay as they are."""
        raise NotImplementedError

    def between(self, Q: Array, R: Array, candidates: np.ndarray, done: Done) -> np.ndarray:
        """Return the distances (m, c) of each of the queries Q (m, ...) to its own candidates among R (n, ...), which
        are both prepared. candidates (m, c) and the distances are arrays of the host.
        """
        raise NotImplementedError

    def displacements(self, q: np.ndarray, r: np.ndarray) -> np.ndarray:
        """Return the displacement (h, w, 2), down and to the right, from each pixel of a prepared query q (1, ...) to
        the pixel of a prepared reference r (1, ...) that explains it.
        """
        raise NotImplementedError


@component
class Euclidean(Distance):
    """The squared Euclidean distance ‖q − r‖², in float64."""

    type: Literal["euclidean"] = "euclidean"
    blur_px: Annotated[float, Field(gt=0, le=100)] | None = None
    """Compare images that are blurred with a Gaussian of this standard deviation, so that small displacements matter
    less; null as they are, and inputs may have any shape."""

    finds_among_all: ClassVar[bool] = True

    def build(self, in_shape: Shape) -> None:
        self._in_shape = in_shape
        self._blur: Blur | None = None
        if self.blur_px is not None:
            self._blur = Blur(sigma_px=self.blur_px)
            self._blur.build(in_shape)

    @property
    def preparation(self) -> str | None:
        return None if self.blur_px is None else f"blur of {self.blur_px:g} px"

    def prepared(self, x: Array) -> Array:
        return as_rows(x) if self._blur is None else as_rows(self._blur.apply(x.copy()))

    def between(self, Q: Array, R: Array, candidates: np.ndarray, done: Done) -> np.ndarray:
        distances, rows = np.empty(candidates.shape), array_module(R).asarray(candidates)

        def compare(i: int) -> None:
            distances[i] = to_host(squared_distances(Q[i], R, rows[i]))

        _one_by_one(compare, Q, done)
        return distances

    def displacements(self, q: np.ndarray, r: np.ndarray) -> np.ndarray:
        return np.zeros((*self._in_shape[-2:], 2), dtype=np.int64)


@component
class _OfImages(Distance):
    """Abstract: compares images of 8 bits."""

    def build(self, in_shape: Shape) -> None:
        if len(in_shape) != 2 or min(in_shape) < _SMALLEST:
            raise ShapeError(
                f"distance {self.type} needs images (height × width) of {_SMALLEST}×{_SMALLEST} pixels or more, "
                f"but its inputs have the shape {show_shape(in_shape)}"
            )

    def refuse(self, least: float, largest: float) -> None:
        if not -_SLACK <= least <= largest <= 1.0 + _SLACK:
            raise ConfigError(
                f"distance {self.type} compares ink, from 0 to 1, and these inputs reach from {least:.4g} to "
                f"{largest:.4g}: leave out what standardizes or whitens them",
                key="model",
            )

    @property
    def preparation(self) -> str | None:
        return "edges"

    def prepared(self, x: Array) -> Array:
        return sobel(eight_bit(x))

    def between(self, Q: Array, R: Array, candidates: np.ndarray, done: Done) -> np.ndarray:
        distances: np.ndarray = np.empty(candidates.shape, dtype=np.int64)
        (_, c), pixels = candidates.shape, prod(R.shape[-2:])
        if not isinstance(Q, np.ndarray):
            for part in pieces.cut(candidates.size, max(_PIXELS_ON_A_DEVICE // pixels, 1)):
                pairs = np.arange(part.start, part.stop)
                queries, references = (array_module(Q).asarray(each) for each in (pairs // c, candidates.flat[part]))
                distances.flat[part] = to_host(self.of_pairs(Q[queries], R[references]))
                done(part.stop // c)
            return distances
        is_compiled = jit.is_available()

        def compare(i: int) -> None:
            if is_compiled:
                self.in_loop(Q[i], R, candidates[i], distances[i])
                return
            for part in pieces.cut(c, max(_PIXELS // pixels, 1)):
                distances[i, part] = self.of_pairs(Q[i : i + 1], R[candidates[i, part]])

        _one_by_one(compare, Q, done)
        return distances

    def of_pairs(self, q: Array, r: Array) -> Array:
        """Return the distances (m,) int64 of queries q (1 or m, ...) to references r (m, ...): the array code."""
        raise NotImplementedError

    def in_loop(self, q: np.ndarray, R: np.ndarray, candidates: np.ndarray, out: np.ndarray) -> None:
        """Write the same for one query q (...) and some (m,) of R (n, ...) into out (m,), by a compiled loop."""
        raise NotImplementedError


@component
class Shifted(_OfImages):
    """The squared Euclidean distance at the best shift of the whole image: min over s of ‖q − s r‖².

    In squares of 1/255 of full ink. Both images lie on a plane without ink, so nothing is lost at the border.
    """

    type: Literal["shifted"] = "shifted"
    pixels: Annotated[int, Field(ge=1, le=8)] = 1
    """How far the reference may be shifted, down or up, and to either side."""

    @property
    def preparation(self) -> str | None:
        return "pixels of 8 bits"

    def prepared(self, x: Array) -> Array:
        return eight_bit(x)

    def of_pairs(self, q: Array, r: Array) -> Array:
        return shifted(q, r, self.pixels)

    def in_loop(self, q: np.ndarray, R: np.ndarray, candidates: np.ndarray, out: np.ndarray) -> None:
        shifted_loops.shifted(q, R, candidates, np.array(shortest_first(self.pixels)), out)

    def displacements(self, q: np.ndarray, r: np.ndarray) -> np.ndarray:
        return shifted_displacements(q, r, self.pixels)


@component
class ImageDistortion(_OfImages):
    """The image distortion model (IDM): each pixel of the query finds the best one near its place in the reference.

    How well pixels match is the squared distance of their surroundings, in vertical and horizontal Sobel edges of 8
    bits. Without the surroundings, pixels would find anything. Keysers, Deselaers, Gollan & Ney (2007).
    """

    type: Literal["idm"] = "idm"
    warp_px: Annotated[int, Field(ge=0, le=8)] = 2
    """How far a pixel may be displaced, down or up, and to either side."""
    context_px: Annotated[int, Field(ge=0, le=3)] = 1
    """How far its surroundings reach: 1 is 3×3 pixels."""

    def of_pairs(self, q: Array, r: Array) -> Array:
        return idm(q, r, self.warp_px, self.context_px)

    def in_loop(self, q: np.ndarray, R: np.ndarray, candidates: np.ndarray, out: np.ndarray) -> None:
        idm_loops.idm(q, R, candidates, np.array(shortest_first(self.warp_px)), self.context_px, out)

    def displacements(self, q: np.ndarray, r: np.ndarray) -> np.ndarray:
        return idm_displacements(q, r, self.warp_px, self.context_px)


@component
class PseudoHMM(_OfImages):
    """The pseudo-2D hidden Markov distortion model (P2DHMDM): columns are matched with columns, and the rows within a
    pair of columns with rows, in order; pixels may leave their column a little.

    Unlike that of IDM, a match keeps the order of lines: each line goes on by 0, 1 or 2 where the query goes on by 1.
    What is compared of pixels is the same. Seven times as dear. Keysers, Deselaers, Gollan & Ney (2007).
    """

    type: Literal["p2dhmdm"] = "p2dhmdm"
    band_px: Annotated[int, Field(ge=0, le=8)] = 3
    """How far a column, or a row, may be from its place."""
    deviation_px: Annotated[int, Field(ge=0, le=3)] = 1
    """How far a pixel may be from its column."""
    context_px: Annotated[int, Field(ge=0, le=3)] = 1
    """How far a pixel's surroundings reach: 1 is 3×3 pixels."""

    def build(self, in_shape: Shape) -> None:
        super().build(in_shape)
        if not fits(in_shape[0], self.context_px):
            most = next(h for h in range(in_shape[0], 0, -1) if fits(h, self.context_px))
            raise ShapeError(f"distance {self.type} takes images of at most {most} rows, got {in_shape[0]}")

    def of_pairs(self, q: Array, r: Array) -> Array:
        return p2dhmdm(q, r, self.band_px, self.deviation_px, self.context_px)

    def in_loop(self, q: np.ndarray, R: np.ndarray, candidates: np.ndarray, out: np.ndarray) -> None:
        p2dhmdm_loops.p2dhmdm(q, R, candidates, self.band_px, self.deviation_px, self.context_px, out)

    def displacements(self, q: np.ndarray, r: np.ndarray) -> np.ndarray:
        return p2dhmdm_displacements(q, r, self.band_px, self.deviation_px, self.context_px)


# The registry: every distance that an experiment can name by its `type`.
AnyDistance = Annotated[Euclidean | Shifted | ImageDistortion | PseudoHMM, Field(discriminator="type")]


def _one_by_one(compare: Callable[[int], None], Q: Array, done: Done) -> None:
    """Compare query after query, on all workers; `done` is called on the caller's thread, and may raise."""
    ended = count(1)  # written in C, so that two threads never get the same number

    def work(i: int, worker: int) -> None:
        compare(i)
        queries = next(ended)
        if worker == 0:
            done(queries)

    threads.spread(work, range(len(Q)), Q)
