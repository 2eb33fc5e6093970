"""The splits of an experiment as its model is given them: scaled, preprocessed, on the device."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mnistnn.backend.arrays import module_for, to_host
from mnistnn.backend.scratch import Scratch
from mnistnn.config.schema import Backend
from mnistnn.data.examples import Examples
from mnistnn.data.pictures.style import LOOKED_AT, ImageStyle, style_of
from mnistnn.data.source import DataSource
from mnistnn.data.splits import StoredSplit
from mnistnn.data.streamed import Prepare, StreamedInputs
from mnistnn.preprocess.pipeline import Pipeline
from mnistnn.types import Array, SplitName


class Inputs:
    """Makes inputs of examples. Preprocessing must be fitted, which `fit` or `settle` does, or restored from a run.

    scale  what pixels are divided by
    """

    def __init__(self, source: DataSource, scale: int, backend: Backend, preprocessing: Pipeline) -> None:
        self.source, self.scale, self.backend, self.preprocessing = source, scale, backend, preprocessing
        self.device = module_for(backend.device)
        self.style: ImageStyle | None = None
        """How the training images are, once they have been read, or as a run has kept it."""

    def of(self, images: np.ndarray) -> Array:
        """Return images (n, h, w), uint8 and of the data set's size, as the model is given them."""
        return self.maker(self.device)(images, Scratch())

    def fit(self) -> Examples:
        """Read the training split, look how its images are, fit the preprocessing on it, and place it."""

        def fit_and_apply(x: Array) -> Array:
            if self.source.has_images:
                self.style = style_of(to_host(x[:LOOKED_AT]) * (self.scale / 255))
            return self.preprocessing.fit_and_apply(x)

        return self._placed("train", fit_and_apply)

    def settle(self, train: StoredSplit) -> Examples:
        """Return a streamed training split, once its first image has shown what preprocessing, all fitted, makes."""
        first = np.empty((min(LOOKED_AT, train.images.shape[0]), *train.images.shape[1:]), dtype=np.uint8)
        train.images.read(0, first)
        self.style = style_of(first / np.float32(255))
        self.preprocessing.fit_and_apply(first[:1].astype(self.backend.dtype))
        return self._streamed(train)

    def place(self, split: SplitName) -> Examples:
        """Read a split and put it on the device, once and for all; a streamed one when its parts are asked for."""
        if split in self.source.streamed:
            return self._streamed(self.source.open(split))
        return self._placed(split, self.preprocessing.apply)

    def maker(self, xp: Any) -> Prepare:
        """Return a function that makes inputs of images, as arrays of xp."""
        like = xp.empty(0, dtype=self.backend.dtype)

        def prepare(images: np.ndarray, memory: Scratch) -> Array:
            x = memory("inputs", images.shape, like)
            xp.divide(xp.asarray(images), self.scale, out=x, dtype=self.backend.dtype)
            return self.preprocessing.apply(x)

        return prepare

    def _streamed(self, found: StoredSplit) -> Examples:
        labels = self.device.asarray(found.labels, dtype="int64")
        return Examples(StreamedInputs(found.images, self.maker(self.device)), labels)

    def _placed(self, split: SplitName, transform: Callable[[Array], Array]) -> Examples:
        found = self.source.load(split, self.device, self.backend.dtype)
        targets, lengths = found.targets, found.lengths
        x = transform(found.x)
        if lengths is not None:
            x = self._with_mask(x, lengths)
        if isinstance(x, np.ndarray):  # CuPy has no such flag
            x.setflags(write=False)
            targets.setflags(write=False)
        return Examples(x, targets)

    def _with_mask(self, x: Array, lengths: np.ndarray) -> Array:
        """Return sequences x (n, t, features) with one number more in each step: 1 if it is there, else 0."""
        xp, (n, t, features) = self.device, x.shape
        masked = xp.empty((n, t, features + 1), dtype=x.dtype)
        masked[:, :, :features] = x
        masked[:, :, features] = xp.asarray(np.arange(t) < lengths[:, None])
        return masked
