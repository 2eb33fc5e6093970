"""Details of a run's model: confusion matrix, weights, members, misclassified digits.

Each part is shown as far as it can be: digits that are not in the cache, or a checkpoint that is damaged, leave a
sentence in its place.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mnistnn.analysis.evaluation.predictions import Predictions, images_at, predictions_of
from mnistnn.analysis.evaluation.results import tested
from mnistnn.analysis.inspection.filters import filters_of, sheet
from mnistnn.analysis.inspection.members import members_on
from mnistnn.analysis.report.digits import Digit, picture_base64
from mnistnn.analysis.report.members import MembersPart, members_part
from mnistnn.analysis.report.shades import QUIET, Cell, shade_of
from mnistnn.data.class_names import MOST_CLASSES, names_or_numbers
from mnistnn.data.spec import Data
from mnistnn.errors import MnistnnError
from mnistnn.experiment.trained import Trained, load_trained
from mnistnn.run.view import RunView
from mnistnn.tasks.classification import Evaluation, counted

_MOST_FILTERS, _MOST_MISCLASSIFIED = 100, 48
_LEAST_WIDTH_PX = 420  # smaller pictures are shown in double size


@dataclass(frozen=True)
class ConfusionRow:
    """A true class: its counts, and the share of its examples that were misclassified."""

    name: str
    cells: list[Cell]
    error: str


@dataclass(frozen=True)
class Confusion:
    """The confusion matrix of a split."""

    classes: list[str]
    rows: list[ConfusionRow]
    caption: str


@dataclass(frozen=True)
class Picture:
    """A picture as PNG, and the size in px in which it is shown."""

    base64: str
    width: int
    height: int
    caption: str


@dataclass(frozen=True)
class Misclassified:
    """Misclassified digits of the validation split."""

    digits: list[Digit]
    caption: str


@dataclass
class Details:
    """All parts that there are. `problems` says why others are not."""

    confusion: Confusion | None = None
    pictures: list[Picture] = field(default_factory=list)
    members: MembersPart | None = None
    misclassified: Misclassified | None = None
    problems: list[str] = field(default_factory=list)


def details_of(one: RunView) -> Details:
    """Look inside the model of a run's best epoch. The test split is never read: of it only what `eval` has kept is
    shown.
    """
    found = Details()
    evaluation = tested(one)
    if evaluation is not None:
        found.confusion = _of_evaluation(evaluation, one.loaded.experiment.data)
    try:
        trained = load_trained(one.run)
    except MnistnnError as error:
        found.problems.append(f"the model cannot be shown: {error}")
        return found
    found.problems += [f"passed over {problem}" for problem in trained.passed_over]
    _add_predictions(found, one, trained)
    if not trained.plan.members:  # which have weights, where the committee has none
        _add_filters(found, trained)
    return found


def _add_predictions(found: Details, one: RunView, trained: Trained) -> None:
    if not trained.plan.examples["valid"]:
        return
    try:
        predictions = _predictions(found, one, trained)
        found.misclassified = _misclassified(trained, predictions)
    except MnistnnError as error:
        found.problems.append(f"misclassified digits cannot be shown: {error}")
        return
    if found.confusion is None:
        caption = f"validation digits, {len(predictions.labels):,} of them, classified by the model of the best epoch"
        found.confusion = _confusion(predictions.confusion, trained.plan.class_names, caption)


def _predictions(found: Details, one: RunView, trained: Trained) -> Predictions:
    """Return what the model predicts for the validation split; of a committee, add its members, who are asked once."""
    if not trained.plan.members:
        return predictions_of(trained, "valid")
    members = members_on(trained, one.run, "valid")
    found.members = members_part(trained, members)
    return members.committee


def _add_filters(found: Details, trained: Trained) -> None:
    try:
        filters = filters_of(trained)
    except MnistnnError as error:
        found.problems.append(f"weights cannot be shown: {error}")
        return
    shown = min(len(filters.pictures), _MOST_FILTERS)
    which = (
        f"the first {shown} of {len(filters.pictures):,} units" if shown < len(filters.pictures) else f"{shown} units"
    )
    caption = (
        f"weights {filters.parameter}, {which}: brighter adds, darker takes away; the largest is {filters.largest:.3g}"
    )
    found.pictures.append(_picture(sheet(filters.pictures[:shown]), caption))


def _of_evaluation(evaluation: Evaluation, data: Data) -> Confusion:
    times = "once" if evaluation.test_readings == 1 else f"{evaluation.test_readings} times"
    caption = f"test digits, {evaluation.examples:,} of them, by the model of the best epoch; read {times} for this run"
    k = len(evaluation.confusion)
    names = evaluation.class_names or data.class_names(names_or_numbers(None, MOST_CLASSES))[:k]
    return _confusion(np.array(evaluation.confusion), names, caption)


def _confusion(matrix: NDArray[np.int64], names: list[str], caption: str) -> Confusion:
    errors = counted(matrix)["error_per_class"]
    rows = [
        ConfusionRow(
            name=names[true],
            cells=[_cell(int(count), true == read, int(matrix[true].sum())) for read, count in enumerate(matrix[true])],
            error="–" if errors[true] is None else f"{100 * errors[true]:.2f} %",
        )
        for true in range(len(matrix))
    ]
    return Confusion(names, rows, caption)


def _cell(count: int, is_right: bool, examples: int) -> Cell:
    if is_right:
        return Cell(str(count), "right")
    return Cell(str(count), shade_of(count / examples)) if count else QUIET


def _misclassified(trained: Trained, predictions: Predictions) -> Misclassified:
    places = predictions.misclassified
    shown = places[:_MOST_MISCLASSIFIED]
    surely: list[list[str]] = [[]] * len(shown)
    if predictions.probabilities is not None:
        surely = [[f"{100 * predictions.probabilities[place, predictions.predicted[place]]:.1f} %"] for place in shown]
    name_of = predictions.name_of
    digits = [
        Digit(picture_base64(image), name_of(predictions.labels[place]), name_of(predictions.predicted[place]), how)
        for place, image, how in zip(shown, images_at(trained, "valid", shown), surely, strict=True)
    ]
    order = "the most confident ones first" if predictions.probabilities is not None else "in their order"
    which = f"{len(shown)} of {len(places):,}" if len(shown) < len(places) else f"all {len(places):,}"
    return Misclassified(
        digits, f"Of {len(predictions.labels):,} validation digits {len(places):,} are misclassified; {which}, {order}."
    )


def _picture(image: NDArray[np.uint8], caption: str) -> Picture:
    height, width = image.shape
    factor = 2 if width < _LEAST_WIDTH_PX else 1
    return Picture(picture_base64(image), factor * width, factor * height, caption)
