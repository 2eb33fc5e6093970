"""The history of the filters of a layer: the same units' weights in all checkpoints that a run has kept.

After LISA's advice: save models while they are trained, and draw what one would like to see later.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistnn.analysis.inspection.filters import COLUMNS, draw_in_text, filters_of, scaled, sheet, text_size
from mnistnn.analysis.plots.captions import named_rows
from mnistnn.errors import RunError
from mnistnn.experiment.plan import Plan
from mnistnn.experiment.trained import Trained, take_values
from mnistnn.run import checkpoint as checkpoints
from mnistnn.run.directory import RunDirectory
from mnistnn.run.view import open_run

_SIDE_PX = 56  # of a picture in a file: there are few, and their changes are small


@dataclass(frozen=True)
class Moment:
    """One checkpoint: its file, the last epoch completed, the update, and whether that is inside of the next epoch."""

    file: str
    epoch: int
    updates: int
    is_inside: bool

    @property
    def name(self) -> str:
        return f"epoch {self.epoch}, update {self.updates}" if self.is_inside else f"epoch {self.epoch}"


@dataclass(frozen=True)
class History:
    """The weights into a layer over time.

    parameter    its name in checkpoints, such as hidden.W
    moments      oldest first, at least one
    pictures     (moments, units, channels, h, w), float64
    passed_over  what was wrong with checkpoints that are left out
    """

    parameter: str
    moments: list[Moment]
    pictures: NDArray[np.float64]
    passed_over: list[str]


def history_of(run: RunDirectory, layer: str | None = None) -> History:
    """Return the weights into a layer, the first one that has weights if none is named, in all checkpoints of a run.

    Raises UsageError as `filters_of`, RunError if no checkpoint is whole.
    """
    opened = open_run(run)
    plan = Plan(opened.loaded, run)
    plan.allocate()
    moments, pictures, passed_over, parameter = [], [], [], ""
    for path in reversed(checkpoints.newest_first(run.checkpoints)):
        try:
            saved = checkpoints.read(path)
            take_values(plan, saved, path)
            progress = saved.state.progress
            found = filters_of(Trained(plan, path.name, path.name, progress.epoch, opened.record, []), layer)
        except RunError as error:
            passed_over.append(str(error))
            continue
        parameter = found.parameter
        moments.append(Moment(path.name, progress.epoch, progress.updates, progress.batch > 0))
        pictures.append(found.pictures)
    if not moments:
        raise RunError("; ".join([f"{run.checkpoints}: no usable checkpoint", *passed_over]))
    return History(parameter, moments, np.stack(pictures), passed_over)


def history_sheet(history: History, count: int | None, each: bool) -> NDArray[np.uint8]:
    """Return a greyscale image with a row for each moment, named by it, of the first `count` units, or as many as suit.

    With `each`, every unit has a scale of its own, which is the same at all moments. Raises DataError when Pillow is
    not installed.
    """
    channels = history.pictures.shape[2]
    shown = scaled_over_time(history.pictures[:, : count or max(1, COLUMNS // channels)], each)
    moments, units, _, h, w = shown.shape
    rows = sheet(shown.reshape(moments, units * channels, h, w), columns=units * channels, side_px=_SIDE_PX)
    return named_rows(rows, [moment.name for moment in history.moments])


def history_in_text(history: History, units: int, each: bool, marks: str) -> str:
    """Return the first units as lines of text: of each moment its name, and the pictures below it side by side."""
    shown = scaled_over_time(history.pictures[:, :units], each)
    moments, units, channels, h, w = shown.shape
    together = shown.reshape(moments, units * channels, h, w)  # in one call, so that one scale is that of all
    lines = draw_in_text(together, units * channels, marks).split("\n")
    high = text_size(together)[0]
    parts = [lines[number * (high + 1) :][:high] for number in range(moments)]
    return "\n\n".join("\n".join([moment.name, *part]) for moment, part in zip(history.moments, parts, strict=True))


def scaled_over_time(pictures: NDArray[np.float64], each: bool) -> NDArray[np.float64]:
    """Divide pictures (moments, units, channels, h, w) by the largest value of all of them, or of each unit's at all
    moments, so that a unit's pictures can be compared.
    """
    moments, units, channels, h, w = pictures.shape
    by_unit = pictures.transpose(1, 0, 2, 3, 4).reshape(units, moments * channels, h, w)
    return scaled(by_unit, each).reshape(units, moments, channels, h, w).transpose(1, 0, 2, 3, 4)
