"""The splits of an experiment as its model is given them: scaled, preprocessed, on the device."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mnistnn.backend import Array, module_for
from mnistnn.config.schema import Backend
from mnistnn.data.spec import Data
from mnistnn.data.splits import SplitName, StoredSplit, open_split, read_split
from mnistnn.data.streamed import Prepare, StreamedInputs
from mnistnn.measurement import Examples
from mnistnn.preprocess.pipeline import Pipeline
from mnistnn.scratch import Scratch


class Inputs:
    """Makes inputs of images. Preprocessing must be fitted, which `fit` or `settle` does, or restored from a run."""

    def __init__(self, data: Data, backend: Backend, preprocessing: Pipeline) -> None:
        self.data, self.backend, self.preprocessing = data, backend, preprocessing
        self.device = module_for(backend.device)

    def of(self, images: np.ndarray) -> Array:
        """Return images (n, h, w), uint8 and of the data set's size, as the model is given them."""
        return self.maker(self.device)(images, Scratch())

    def fit(self) -> Examples:
        """Read the training split, fit the preprocessing on it, and place it."""
        return self._placed("train", self.preprocessing.fit_and_apply)

    def settle(self, train: StoredSplit) -> Examples:
        """Return a streamed training split, once its first image has shown what preprocessing, all fitted, makes."""
        first = np.empty((1, *train.images.shape[1:]), dtype=np.uint8)
        train.images.read(0, first)
        self.preprocessing.fit_and_apply(first.astype(self.backend.dtype))
        return self._streamed(train)

    def place(self, split: SplitName, is_streamed: bool) -> Examples:
        """Read a split and put it on the device, once and for all; a streamed one when its parts are asked for."""
        if is_streamed:
            return self._streamed(open_split(self.data, split))
        return self._placed(split, self.preprocessing.apply)

    def maker(self, xp: Any) -> Prepare:
        """Return a function that makes inputs of images, as arrays of xp."""
        like = xp.empty(0, dtype=self.backend.dtype)

        def prepare(images: np.ndarray, memory: Scratch) -> Array:
            x = memory("inputs", images.shape, like)
            xp.divide(xp.asarray(images), self.data.scale, out=x, dtype=self.backend.dtype)
            return self.preprocessing.apply(x)

        return prepare

    def _streamed(self, found: StoredSplit) -> Examples:
        labels = self.device.asarray(found.labels, dtype="int64")
        return Examples(StreamedInputs(found.images, self.maker(self.device)), labels)

    def _placed(self, split: SplitName, transform: Callable[[Array], Array]) -> Examples:
        x, labels = self._scaled(split)
        x = transform(x)
        if isinstance(x, np.ndarray):  # CuPy has no such flag
            x.setflags(write=False)
            labels.setflags(write=False)
        return Examples(x, labels)

    def _scaled(self, split: SplitName) -> tuple[Array, Array]:
        """Return pixels, scaled, and labels (int64) on the device. What was read is not kept."""
        xp, digits = self.device, read_split(self.data, split)
        x = xp.divide(xp.asarray(digits.images), self.data.scale, dtype=self.backend.dtype)
        return x, xp.asarray(digits.labels, dtype="int64")
