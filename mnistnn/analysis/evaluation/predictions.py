"""What a trained model answers to each example of a split: the class that it reads, and how surely.

The model is asked batch by batch, and of a batch no more is kept than its answers.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistnn.backend.arrays import array_module, to_host
from mnistnn.data.examples import Examples
from mnistnn.data.splits import open_split, read_split
from mnistnn.errors import DivergedError, UsageError
from mnistnn.experiment.trained import Trained
from mnistnn.losses.squared_error import SquaredError
from mnistnn.types import Array, SplitName


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

    Raises UsageError for a split without examples, DivergedError if the model's outputs are not finite, DataError if
    the digits are not there.
    """
    plan = trained.plan
    loss, labels, read, probabilities = plan.loss, [], [], []
    has_probabilities = not isinstance(loss, SquaredError)
    with trained.computing(), np.errstate(over="ignore", invalid="ignore"):
        for x, of_batch in batches_of(trained, split, count):
            z = plan.model.forward(x, train=False)
            if not bool(array_module(z).isfinite(z).all()):
                raise DivergedError(f"{trained.file}: the model's outputs are not finite numbers")
            labels.append(to_host(of_batch).astype(np.int64))
            read.append(to_host(loss.predict(z)).astype(np.int64))
            if has_probabilities:
                probabilities.append(to_host(loss.probabilities(z)).astype(np.float64))
    return Answers(
        np.concatenate(labels),
        np.concatenate(read),
        np.concatenate(probabilities) if has_probabilities else None,
        plan.classes,
    )


def batches_of(trained: Trained, split: SplitName, count: int | None = None) -> Iterator[tuple[Array, Array]]:
    """Yield inputs x (n, ...) and labels (n,) of a split, or of its first `count` examples, as evaluations take them:
    `evaluation.batch_size` at once. Both are lent until the next are asked for.

    Raises UsageError for a split without examples, DataError if the digits are not there.
    """
    examples, batch_size = _placed(trained, split), trained.plan.experiment.evaluation.batch_size
    n = len(examples.x) if count is None else min(count, len(examples.x))
    for start in range(0, n, batch_size):
        part = slice(start, min(start + batch_size, n))
        yield examples.x[part], examples.labels[part]


def first_of(trained: Trained, split: SplitName, count: int) -> tuple[Array, Array]:
    """Return inputs x (n, ...) and labels (n,) of the first `count` examples of a split, or of all if it has fewer.

    Raises as `batches_of`.
    """
    examples = _placed(trained, split)
    return examples.x[: min(count, len(examples.x))], examples.labels[:count]


def _placed(trained: Trained, split: SplitName) -> Examples:
    plan = trained.plan
    if not plan.examples[split]:
        others = ", ".join(f"{name} ({examples:,})" for name, examples in plan.examples.items() if examples)
        raise UsageError(f"there are no {split} examples: the run was trained without that split; there are {others}")
    return plan.place(split)


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
