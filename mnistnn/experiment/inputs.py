"""The splits of an experiment as its model is given them: scaled, preprocessed, on the device."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mnistnn.backend.arrays import module_for
from mnistnn.backend.scratch import Scratch
from mnistnn.config.schema import Backend
from mnistnn.data.examples import Examples
from mnistnn.data.sequences.contract import Sequences
from mnistnn.data.spec import Data
from mnistnn.data.splits import StoredSplit, open_split, read_split
from mnistnn.data.streamed import Prepare, StreamedInputs
from mnistnn.preprocess.pipeline import Pipeline
from mnistnn.types import Array, SplitName


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
        x, labels = self._read(split)
        x = transform(x)
        if self._lengths is not None:
            x = self._with_presence(x, self._lengths)
        if isinstance(x, np.ndarray):  # CuPy has no such flag
            x.setflags(write=False)
            labels.setflags(write=False)
        return Examples(x, labels)

    def _read(self, split: SplitName) -> tuple[Array, Array]:
        """Return pixels, scaled, and labels (int64) on the device; or sequences and their targets. What was read is not
        kept.
        """
        self._lengths: np.ndarray | None = None
        xp = self.device
        if self.data.sequences is not None:
            return self._of_sequences(self.data.sequences.read(split))
        digits = read_split(self.data, split)
        x = xp.divide(xp.asarray(digits.images), self.data.scale, dtype=self.backend.dtype)
        return x, xp.asarray(digits.labels, dtype="int64")

    def _of_sequences(self, found: Sequences) -> tuple[Array, Array]:
        xp, dtype, targets = self.device, self.backend.dtype, found.targets
        self._lengths = found.lengths
        return xp.array(found.inputs, dtype=dtype), xp.asarray(targets, "int64" if targets.dtype.kind == "i" else dtype)

    def _with_presence(self, x: Array, lengths: np.ndarray) -> Array:
        """Return sequences x (n, t, features) with one number more in each step: 1 if it is there, else 0."""
        xp, (n, t, features) = self.device, x.shape
        told = xp.empty((n, t, features + 1), dtype=x.dtype)
        told[:, :, :features] = x
        told[:, :, features] = xp.asarray(np.arange(t) < lengths[:, None])
        return told
