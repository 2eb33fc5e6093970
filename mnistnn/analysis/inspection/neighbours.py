"""What a classifier of nearest neighbours decided by: the references nearest to an example, and how they were bent."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistnn.backend.arrays import array_module, to_host
from mnistnn.errors import UsageError
from mnistnn.experiment.trained import Trained
from mnistnn.types import Array, SplitName


@dataclass(frozen=True)
class Neighbour:
    """A reference near an example.

    place         its number in the training split, from 0
    distance      by the distance that decided
    image         (h, w), as the model is given it; None where inputs are no images
    displacement  (h, w, 2) in pixels, down and to the right: from each pixel of the example to the one that explains
                  it; None likewise
    """

    place: int
    label: int
    distance: float
    image: NDArray[np.float64] | None
    displacement: NDArray[np.int64] | None


@dataclass(frozen=True)
class Decision:
    """An example and the references that decided its class.

    place  its number in the split, from 0
    by     the type of the distance that decided
    image  (h, w), as the model is given it; None where inputs are no images
    """

    place: int
    true: int
    predicted: int
    by: str
    image: NDArray[np.float64] | None
    neighbours: list[Neighbour]


def decisions_at(trained: Trained, split: SplitName, places: Sequence[int]) -> list[Decision]:
    """Return what decided examples, by their numbers in a split. Raises UsageError for one that there is not."""
    examples = trained.placed(split)
    if beyond := [place for place in places if place >= len(examples.labels)]:
        raise UsageError(
            f"--examples: the {split} split has the examples 0 to {len(examples.labels) - 1:,}, but not {beyond[0]:,}"
        )
    with trained.computing():
        return _decisions(trained, examples.x, to_host(examples.labels), np.array(places, dtype=np.int64))


def misclassified(trained: Trained, split: SplitName, count: int) -> list[Decision]:
    """Return what decided the first misclassified examples of a split, so many at most; no more than they are looked
    at.
    """
    found: list[Decision] = []
    start = 0
    with trained.computing():
        for x, labels in trained.batches(split):
            on_host = to_host(labels)
            predicted = to_host(trained.task.criterion.predict(trained.task.scores(x)))
            wrong = np.flatnonzero(predicted != on_host)[: count - len(found)]
            found += _decisions(trained, x, on_host, wrong, start)
            if len(found) >= count:
                break
            start += len(on_host)
    return found


def _decisions(
    trained: Trained, x: Array, labels: NDArray[np.int64], rows: NDArray[np.int64], start: int = 0
) -> list[Decision]:
    """Return what decided some rows of inputs x (n, *in_shape) with labels (n,), of which the first is `start`."""
    if not len(rows):
        return []
    task, shape = trained.task, trained.plan.preprocessing.out_shape
    model = task.nearest_neighbours
    each = [x[int(row) : int(row) + 1] for row in rows]  # as a split that is streamed can be asked
    queries = array_module(each[0]).concatenate(each)
    found, (references, of_references) = model.neighbours_of(queries), model.references
    predicted = task.criterion.predict(model.votes_of(found).astype(queries.dtype))
    is_image = len(shape) == 2
    decisions = []
    for number, row in enumerate(rows):
        stage, query = int(found.stages[number]), to_host(queries[number])
        neighbours = []
        for place, distance in zip(found.indices[number], found.distances[number], strict=True):
            reference = to_host(references[int(place)])
            neighbours.append(
                Neighbour(
                    int(place),
                    int(of_references[place]),
                    float(distance),
                    reference.astype(np.float64) if is_image else None,
                    model.displacements(query, reference, stage) if is_image else None,
                )
            )
        image = query.astype(np.float64) if is_image else None
        by = model.distance_of(stage).type
        decisions.append(Decision(start + int(row), int(labels[row]), int(predicted[number]), by, image, neighbours))
    return decisions
