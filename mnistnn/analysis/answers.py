"""What a trained model answers to each example of a split: the class that it reads, and how surely."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistnn import threads
from mnistnn.analysis.trained import Trained
from mnistnn.backend import to_host
from mnistnn.data.splits import SplitName, open_split, read_split
from mnistnn.errors import RunError, UsageError
from mnistnn.losses.squared_error import SquaredError


@dataclass(frozen=True, eq=False)
class Answers:
    """Of n examples in the order of their split, on the host.

    labels         (n,) the true classes
    read           (n,) the classes read
    probabilities  (n, k) of the k classes, float64; None if the loss has scores that are none
    """

    labels: NDArray[np.int64]
    read: NDArray[np.int64]
    probabilities: NDArray[np.float64] | None
    classes: int

    @property
    def confusion(self) -> NDArray[np.int64]:
        """How often each true class (row) was read as each class (column), (k, k)."""
        k = self.classes
        return np.bincount(self.labels * k + self.read, minlength=k * k).reshape(k, k)

    @property
    def misread(self) -> NDArray[np.int64]:
        """The places of the misread examples, those read most surely first; in order if nobody knows how surely."""
        (places,) = np.nonzero(self.labels != self.read)
        if self.probabilities is None:
            return places
        surely = self.probabilities[places, self.read[places]]
        return places[np.argsort(-surely, kind="stable")]


def answers_of(trained: Trained, split: SplitName, count: int | None = None) -> Answers:
    """Ask a model about a split, or its first `count` examples.

    Raises UsageError for a split without examples, RunError if the model's outputs are not finite, DataError if the
    digits are not there.
    """
    plan = trained.plan
    if not plan.examples[split]:
        raise UsageError(f"there are no {split} examples: the run was trained without that split")
    model, loss = plan.experiment.model, plan.experiment.loss
    examples, batch_size = plan.place(split), plan.experiment.evaluation.batch_size
    n = len(examples.x) if count is None else min(count, len(examples.x))
    labels, read = np.empty(n, np.int64), np.empty(n, np.int64)
    has_probabilities = not isinstance(loss, SquaredError)
    probabilities = np.empty((n, plan.classes)) if has_probabilities else None
    with threads.allowed(plan.threads, plan.by_blas):
        for start in range(0, n, batch_size):
            part = slice(start, min(start + batch_size, n))
            z = model.forward(examples.x[part], train=False)
            labels[part], read[part] = to_host(examples.labels[part]), to_host(loss.predict(z))
            if probabilities is not None:
                probabilities[part] = to_host(loss.probabilities(z))
    if probabilities is not None and not np.isfinite(probabilities).all():
        raise RunError(f"{trained.file}: the model's outputs are not finite numbers")
    return Answers(labels, read, probabilities, plan.classes)


def images_at(trained: Trained, split: SplitName, places: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the images (len(places), h, w) of a split as they are in the data set, whatever the model is given."""
    data = trained.plan.experiment.data
    if split not in trained.plan.streamed:
        return read_split(data, split).images[places]
    stored = open_split(data, split).images
    images = np.empty((len(places), *stored.shape[1:]), np.uint8)
    for number, place in enumerate(places):
        stored.read(int(place), images[number : number + 1])
    return images
