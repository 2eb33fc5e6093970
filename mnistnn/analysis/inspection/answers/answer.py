"""What a trained model answers when it is shown one image: the entry to this folder."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mnistnn.analysis.evaluation.predictions import class_scores_of
from mnistnn.analysis.inspection.answers.contract import Answer, Feeding, Scores
from mnistnn.analysis.inspection.answers.model_kinds import shown
from mnistnn.analysis.inspection.answers.models import ShownModel
from mnistnn.analysis.inspection.samples import Pictures, chains_from
from mnistnn.errors import UsageError
from mnistnn.experiment.trained import Trained


def answer_to(trained: Trained, image: NDArray[np.uint8], target: int | None = None) -> Answer:
    """Return what a model makes of an image (h, w) of its data set's size, and, with a target class, the backward pass.

    The scores are those of `mnistnn predict`. Raises UsageError for a model that reads no images or a class that there
    is not, DivergedError for outputs that are not finite.
    """
    scores = _scores(trained, image)
    _refuse_class(scores, target)
    with trained.computing(), np.errstate(over="ignore", invalid="ignore"):
        model = _shown(trained, image)
        parts, backward, why = model.parts(), None, ""
        if target is not None:
            try:
                backward = model.backward(target)
            except UsageError as error:
                why = str(error)
    return Answer(image, scores, parts, backward, why, model.dreams)


def feeding_of(
    trained: Trained, image: NDArray[np.uint8], layer: str, place: Sequence[int], target: int | None = None
) -> Feeding:
    """Return what feeds a unit, an element of a layer's output for an image (h, w); with a target class, also the
    gradient by its weights. Raises UsageError for a layer or a unit that there is not.
    """
    _refuse_class(_scores(trained, image) if target is not None else None, target)
    with trained.computing(), np.errstate(over="ignore", invalid="ignore"):
        return _shown(trained, image).feeding(layer, tuple(place), target)


def dreams_from(trained: Trained, image: NDArray[np.uint8], steps: Sequence[int], seed: int) -> Iterator[Pictures]:
    """Yield what chains of Gibbs sampling, which begin with an image (h, w), have come to after so many steps each:
    pictures (1, h, w). Raises UsageError for a model that is none of energies.
    """
    trained.task.energy_model  # noqa: B018 - refused here
    with trained.computing():
        x = next(trained.inputs_of(image[None]))
        yield from chains_from(trained, x, steps, seed)


def _shown(trained: Trained, image: NDArray[np.uint8]) -> ShownModel:
    return shown(trained, next(trained.inputs_of(image[None])))


def _scores(trained: Trained, image: NDArray[np.uint8]) -> Scores | None:
    """Return the scores of classes; None for a model that predicts no one class."""
    try:
        task = trained.task
        unit = None if task.has_probabilities else task.unit
    except UsageError:
        return None
    (values,) = class_scores_of(trained, image[None])
    return Scores(list(trained.plan.class_names), [float(value) for value in values], unit)


def _refuse_class(scores: Scores | None, target: int | None) -> None:
    if target is not None and scores is not None and not 0 <= target < len(scores.names):
        raise UsageError(f"there is no class number {target}; there are 0 to {len(scores.names) - 1}")
