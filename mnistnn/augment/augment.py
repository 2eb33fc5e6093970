"""Augmentation of the training images, drawn anew for each image of each update."""

from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from mnistnn.augment.elastic import Elastic
from mnistnn.backend import jit
from mnistnn.backend.rng import UpdateStreams
from mnistnn.component import component
from mnistnn.errors import ConfigError
from mnistnn.kernels.resample import resample, resample_in_loop, source_maps
from mnistnn.types import Shape, show_shape

Degrees = Annotated[float, Field(ge=0, le=180)]

# Images that are distorted at a time, so that what is needed for it stays in a core's cache. Part of the format: the
# numbers of an update are drawn part by part.
_PART = 64
# Pixels in an epoch from which on compiled code earns, in its first epochs, the second or two until Numba is ready.
_COMPILED_FROM_PIXELS = 15_000_000
# Each image takes so many numbers from the stream, wanted or not: using one more kind shifts no other.
_DRAWS = 7


@component
class Gentle:
    """Digits that turn into others when they are turned or sheared too far."""

    labels: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    """Their labels, such as [1, 7]."""
    factor: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The factor on rotate_deg and shear_deg for them."""


@component
class Augment:
    """Distort every training image anew each time it is learned from; never what is measured.

    Amounts are drawn from uniform distributions. All that is done to an image goes into one bilinear interpolation;
    what comes in from outside is 0, the background of digits that no `preprocess` has moved. Cireşan et al. (2010)
    combine elastic, scale 0.15 to 0.2, and rotate_deg 15 or shear_deg 15, half of it for 1 and 7.
    """

    shift_px: Annotated[float, Field(ge=0, le=1000)] = 0.0
    """Shift down or up, and left or right, by at most so many pixels, parts of pixels included."""
    rotate_deg: Degrees = 0.0
    """Turn by at most so many degrees either way, about the centre."""
    shear_deg: Annotated[float, Field(ge=0, le=75)] = 0.0
    """Lean upright strokes by at most so many degrees either way."""
    rotate_or_shear: bool = False
    """Either turn an image or shear it, by the toss of a coin, instead of both."""
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Multiply height and width by factors from 1 − scale to 1 + scale, each by its own."""
    elastic: Elastic | None = None
    """Bend the image."""
    gentle: Gentle | None = None
    """Digits that are turned and sheared less."""

    @model_validator(mode="after")
    def _does_something(self) -> "Augment":
        tilts = self.rotate_deg > 0 or self.shear_deg > 0
        if not (tilts or self.shift_px > 0 or self.scale > 0 or self.elastic is not None):
            raise ValueError(
                "give at least one of shift_px, rotate_deg, shear_deg, scale and elastic (null to distort nothing)"
            )
        if self.rotate_or_shear and not (self.rotate_deg > 0 and self.shear_deg > 0):
            raise ValueError("rotate_or_shear: chooses between two, so rotate_deg and shear_deg must both be above 0")
        if self.gentle is not None and not tilts:
            raise ValueError("gentle: lessens rotate_deg and shear_deg, and neither is given")
        return self

    def build(self, in_shape: Shape, classes: int) -> None:
        """Take the shape of an image, (h, w) or (c, h, w), and the number of classes. Raises ConfigError."""
        if len(in_shape) not in (2, 3):
            raise ConfigError(
                f"needs images of height and width, but preprocess makes {show_shape(in_shape)} of each; "
                "leave out one of the two (whitening by zca keeps images)",
                key="augment",
            )
        self._channels, self._h, self._w = (1, *in_shape)[-3:]
        self._factors = np.ones(classes)
        if self.gentle is not None:
            for label in self.gentle.labels:
                if label >= classes:
                    raise ConfigError(
                        f"the labels are 0 to {classes - 1}, and {label} is none", key="augment.gentle.labels"
                    )
            self._factors[self.gentle.labels] = self.gentle.factor
        if self.elastic is not None:
            self.elastic.build(self._h, self._w)

    def said(self) -> str:
        """Return in a few words what is done."""
        tilts = [("rotate", self.rotate_deg), ("shear", self.shear_deg)]
        tilted = (" or " if self.rotate_or_shear else ", ").join(
            f"{word} up to {limit:g} degrees" for word, limit in tilts if limit > 0
        )
        parts = [
            f"shift up to {self.shift_px:g} px" if self.shift_px > 0 else "",
            tilted,
            f"scale by 1 +- {self.scale:g}" if self.scale > 0 else "",
            "" if self.elastic is None else self.elastic.said(),
        ]
        return ", ".join(filter(None, parts))

    def begin(self, seed: int, images_per_epoch: int, purpose: str = "augment") -> None:
        """Take the seed of all draws, how much there will be to do, and what for."""
        self._streams = UpdateStreams(seed, purpose, 0)
        is_compiled = self.needs_loops(images_per_epoch) and jit.is_available()
        self._resample = jit.CompiledFunction(resample_in_loop) if is_compiled else resample

    def needs_loops(self, images_per_epoch: int) -> bool:
        """Tell whether there is enough to do for a loop that Numba compiles. After `build`."""
        return images_per_epoch * self._channels * self._h * self._w >= _COMPILED_FROM_PIXELS

    def distort(self, x: np.ndarray, labels: np.ndarray, update: int, out: np.ndarray) -> None:
        """Write x (n, *in_shape), distorted, into out of the same shape and dtype.

        What is drawn follows from the seed and the number of the update. Memory and working arrays are those of a part
        of the batch, whatever its size.
        """
        rng = self._streams.at(update)
        sharing = 1 if self.elastic is None else self.elastic.shared_by
        size = sharing * max(1, _PART // sharing)
        for start in range(0, len(x), size):
            part = slice(start, start + size)
            self._distort_part(rng, self._planes(x[part]), labels[part], sharing, self._planes(out[part]))

    def _planes(self, x: np.ndarray) -> np.ndarray:
        return x.reshape(len(x), self._channels, self._h, self._w)

    def _distort_part(
        self, rng: np.random.Generator, x: np.ndarray, labels: np.ndarray, sharing: int, out: np.ndarray
    ) -> None:
        maps = self._maps(rng, labels).astype(x.dtype)
        if self.elastic is None:
            fields, sharing = np.zeros((1, 2, self._h, self._w), dtype=x.dtype), len(x)
        else:
            fields = self.elastic.fields(rng, -(-len(x) // sharing), like=x)
        self._resample(x, maps, fields, sharing, out)

    def _maps(self, rng: np.random.Generator, labels: np.ndarray) -> np.ndarray:
        """Draw where each pixel comes from, but for the elastic part: maps (n, 2, 3), float64."""
        u = rng.uniform(-1.0, 1.0, size=(len(labels), _DRAWS))
        factors = self._factors[labels]
        angle = np.radians(self.rotate_deg) * factors * u[:, 0]
        shear = np.radians(self.shear_deg) * factors * u[:, 1]
        if self.rotate_or_shear:
            turns = u[:, 2] < 0.0
            angle *= turns
            shear *= ~turns
        return source_maps(
            self._h, self._w, angle, shear, scale=1.0 + self.scale * u[:, 3:5], shift=self.shift_px * u[:, 5:7]
        )
