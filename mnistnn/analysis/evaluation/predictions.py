"""Predictions of a trained model: the predicted class of each example of a split, and its probability; and the same of
images that are no part of the data.

The model evaluates batch by batch, and only its predictions are kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.backend.arrays import array_module, to_host
from mnistnn.errors import DivergedError, UsageError
from mnistnn.experiment.trained import Trained
from mnistnn.types import Array, SplitName


@dataclass(frozen=True, eq=False)
class Predictions:
    """Of n examples in the order of their split, on the host.

    labels         (n,) the true classes
    predicted      (n,) the predicted classes
    probabilities  (n, k) of the k classes, float64; None if the loss has scores that are none
    """

    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float64] | None
    classes: int
    names: Sequence[str] | None = None
    """Of the classes; None if they are called by their numbers."""

    def name_of(self, label: int) -> str:
        """Return what a class is called."""
        return str(label) if self.names is None else self.names[label]

    def label_of(self, name: str) -> int:
        """Return the number of the class that is called so, or that has this number. Raises UsageError."""
        names = [self.name_of(label) for label in range(self.classes)]
        if name in names:
            return names.index(name)
        if name.isdecimal() and int(name) < self.classes:
            return int(name)
        raise UsageError(f"--class: there is no class {name!r}; there are {', '.join(names)}")

    @property
    def confusion(self) -> NDArray[np.int64]:
        """How often each true class (row) was predicted as each class (column), (k, k)."""
        k = self.classes
        return np.bincount(self.labels * k + self.predicted, minlength=k * k).reshape(k, k)

    @property
    def misclassified(self) -> NDArray[np.int64]:
        """The places of the misclassified examples, the most confident ones first; in order if
        there are no probabilities.
        """
        (places,) = np.nonzero(self.labels != self.predicted)
        if self.probabilities is None:
            return places
        surely = self.probabilities[places, self.predicted[places]]
        return places[np.argsort(-surely, kind="stable")]


def predictions_of(trained: Trained, split: SplitName, count: int | None = None) -> Predictions:
    """Predict the classes of a split, or of its first `count` examples.

    Raises UsageError for a split without examples, DivergedError if the model's outputs are not finite, DataError if
    the digits are not there.
    """
    task = trained.task
    loss, labels, predicted, probabilities = task.loss, [], [], []
    has_probabilities = loss.has_probabilities
    with trained.computing(), np.errstate(over="ignore", invalid="ignore"):
        for x, of_batch in trained.batches(split, count):
            z = _finite_scores(trained, x)
            labels.append(to_host(of_batch).astype(np.int64))
            predicted.append(to_host(loss.predict(z)).astype(np.int64))
            if has_probabilities:
                probabilities.append(to_host(loss.probabilities(z)).astype(np.float64))
    return Predictions(
        np.concatenate(labels),
        np.concatenate(predicted),
        np.concatenate(probabilities) if has_probabilities else None,
        trained.plan.classes,
        trained.plan.class_names,
    )


def classes_of(trained: Trained, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the predicted class (n,) of images (n, h, w), n > 0, of the data set's size. Raises UsageError for a model
    that predicts no one class, DivergedError if its outputs are not finite.
    """
    return _of_images(trained, images, trained.task.loss.predict).astype(np.int64)


def class_scores_of(trained: Trained, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the score (n, k) of each class for images (n, h, w), n > 0: its probability, where the loss knows one.
    Raises as `classes_of`.
    """
    return _of_images(trained, images, trained.task.loss.probabilities).astype(np.float64)


def scores_of(trained: Trained, images: NDArray[np.uint8]) -> NDArray[np.floating]:
    """Return the outputs (n, ...) of a model for images (n, h, w), n > 0, of the data set's size. Raises UsageError for
    a model without any, DivergedError if they are not finite.
    """
    return _of_images(trained, images, lambda z: z)


def _of_images(trained: Trained, images: NDArray[np.uint8], what: Callable[[Array], Array]) -> NDArray[Any]:
    """Return what is asked for of the scores of images, a row for each."""
    with trained.computing(), np.errstate(over="ignore", invalid="ignore"):
        # Copies: scores are lent until the next batch.
        parts = [np.array(to_host(what(_finite_scores(trained, x)))) for x in trained.inputs_of(images)]
    return np.concatenate(parts)


def _finite_scores(trained: Trained, x: Array) -> Array:
    z = trained.task.scores(x)
    if not bool(array_module(z).isfinite(z).all()):
        raise DivergedError(f"{trained.file}: the model's outputs are not finite numbers")
    return z


def images_at(trained: Trained, split: SplitName, places: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the images (len(places), h, w) of a split as they are in the data set, whatever the model is given."""
    source = trained.plan.source
    if split not in source.streamed:
        return source.images(split).images[places]
    stored = source.open(split).images
    images = np.empty((len(places), *stored.shape[1:]), np.uint8)
    for number, place in enumerate(places):
        stored.read(int(place), images[number : number + 1])
    return images
