"""The weights into a layer as pictures: what each unit, or each map of a convolution, looks for in its inputs.

Zero is grey, whatever else is drawn; what adds to a unit's sum is brighter, what takes from it darker.

Weights on whitened inputs are drawn as the weights on pixels that make the same sums: with (x − mean) M for the inputs,
these are M W.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.analysis.plots.contact_sheet import contact_sheet
from mnistnn.backend.arrays import to_host
from mnistnn.errors import RunError, UsageError, did_you_mean
from mnistnn.experiment.plan import Plan
from mnistnn.experiment.trained import Trained
from mnistnn.preprocess.contract import Transform
from mnistnn.preprocess.whiten import Whiten
from mnistnn.tasks.contract import Weights
from mnistnn.types import Shape, ShapeError, show_shape

COLUMNS = 20
"""Pictures in a row of a file."""

_LEAST_SIDE_PX = 28  # of a picture in a file: kernels of 5×5 are enlarged to 30×30
_FEW = 100  # pictures
_LEAST_SIDE_MARKS = 10  # of a picture in a terminal

UNICODE_MARKS = "≡=- ░▒█"
"""Characters for weights from the lowest to the highest; the middle one is for those around zero."""

ASCII_MARKS = "%=- +*#"


@dataclass(frozen=True)
class Filters:
    """The weights into a layer.

    parameter  its name in checkpoints, such as hidden.W
    pictures   (units, channels, h, w), float64
    names      of the units; None if they are called by their numbers
    before     the transform of the inputs that the weights are drawn in front of, such as preprocess.0 (whiten); None
               if they are as the layer has them
    """

    parameter: str
    pictures: NDArray[np.float64]
    names: list[str] | None = None
    before: str | None = None

    def of_units(self, units: Sequence[int]) -> "Filters":
        """Return the weights of some units, by their numbers from 0. Raises UsageError for one that there is not."""
        beyond = [unit for unit in units if unit >= len(self.pictures)]
        if beyond:
            raise UsageError(f"--units: there are the units 0 to {len(self.pictures) - 1}, but not {beyond[0]}")
        names = None if self.names is None else [self.names[unit] for unit in units]
        return replace(self, pictures=self.pictures[list(units)], names=names)

    @property
    def largest(self) -> float:
        """The largest weight, whatever its sign."""
        return float(np.abs(self.pictures).max())


def as_pictures(W: NDArray[np.floating], in_shape: Shape) -> NDArray[np.floating] | None:
    """Return the weights into a layer as pictures (units, channels, h, w); None if they are not arranged as such.

    The kernels of a convolution, W (maps, channels, kh, kw), are pictures as they are. Those of a unit, a column of
    W (n_in, units), are one if its inputs are an image: `in_shape` is (h, w) or (channels, h, w).
    """
    if W.ndim == 4:
        return W
    if W.ndim == 2 and len(in_shape) in (2, 3) and prod(in_shape) == len(W):
        return W.T.reshape(-1, prod(in_shape[:-2]), *in_shape[-2:])
    return None


def filters_of(trained: Trained, layer: str | None = None) -> Filters:
    """Return the weights into a layer, the first one that has weights if none is named.

    Weights of a first layer whose inputs are whitened are those on what is whitened. Raises UsageError if there is no
    such layer, if its weights are no pictures, or if a transform of its inputs cannot be taken back; RunError if some
    weights are not finite.
    """
    weights = trained.task.weights()
    if not weights:
        raise UsageError("no layer of this model has weights")
    name = next(iter(weights)) if layer is None else layer
    if name not in weights:
        hint = did_you_mean(name, weights) or f"there are {', '.join(weights)}"
        raise UsageError(f"--layer: no layer with weights is named '{name}'; {hint}")
    parameter, W, units = weights[name]
    if W.ndim == 2 and _sees_inputs(trained.plan, name, list(weights)) and (back := _whitening(trained.plan)):
        return _before(trained, back, weights[name])
    pictures = as_pictures(W, _in_shape(trained.plan, name))
    if pictures is None:
        drawable = [n for n, each in weights.items() if as_pictures(each.W, _in_shape(trained.plan, n)) is not None]
        raise UsageError(_no_pictures(trained.plan, name, drawable))
    return Filters(parameter, _finite(pictures, parameter, trained), units)


def _finite(weights: Any, parameter: str, trained: Trained) -> NDArray[np.float64]:
    on_host: NDArray[np.float64] = to_host(weights).astype(np.float64)
    if not np.isfinite(on_host).all():
        raise RunError(f"{trained.file}: the weights of {parameter.partition('.')[0]} are not finite")
    return on_host


def _sees_inputs(plan: Plan, name: str, weighted: list[str]) -> bool:
    """Tell whether a part of a model, the first of those with weights, has the inputs as they are for its own."""
    layers = plan.task.layers
    before = [layers[each].type for each in list(layers)[: list(layers).index(name)]] if name in layers else []
    return name == weighted[0] and set(before) <= {"dropout", "flatten"}


def _whitening(plan: Plan) -> dict[str, Transform]:
    """Return the first transform that whitens, and all after it, by what they are called; none if nothing whitens."""
    called = {f"preprocess.{n} ({each.type})": each for n, each in enumerate(plan.experiment.preprocess)}
    first = next((n for n, each in enumerate(called.values()) if isinstance(each, Whiten)), len(called))
    return dict(list(called.items())[first:])


def _before(trained: Trained, transforms: dict[str, Transform], weights: Weights) -> Filters:
    """Return weights into a first layer as weights on what the first of these transforms is given."""
    W = _finite(weights.W, weights.parameter, trained)
    for called, transform in reversed(transforms.items()):
        try:
            W = transform.weights_on_inputs(W)
        except ShapeError as error:
            raise UsageError(f"{called} cannot be taken back, to draw weights on pixels: {error}") from error
    called, transform = next(iter(transforms.items()))
    pictures = as_pictures(W, transform.in_shape)
    if pictures is None:
        shape = show_shape(transform.in_shape)
        raise UsageError(
            f"the weights cannot be drawn: the inputs of {called} have the shape {shape} and are no images"
        )
    return Filters(weights.parameter, pictures.astype(np.float64, copy=False), weights.units, called)


def _in_shape(plan: Plan, layer: str) -> Shape:
    """Return the shape of a layer's inputs."""
    shape = plan.preprocessing.out_shape
    for name, out_shape in plan.experiment.model.shapes.items():
        if name == layer:
            break
        shape = out_shape
    return shape


def _no_pictures(plan: Plan, layer: str, drawable: list[str]) -> str:
    shape = _in_shape(plan, layer)
    if drawable:
        hint = f"; those of {', '.join(drawable)} can"
    else:
        flat = [f"preprocess.{n} ({t.type})" for n, t in enumerate(plan.experiment.preprocess) if len(t.out_shape) == 1]
        hint = f"; {flat[0]} turns images into rows of numbers" if flat else ""
    return (
        f"the weights of {layer} cannot be drawn: its inputs have the shape {show_shape(shape)} and are no images{hint}"
    )


def scaled(pictures: NDArray[np.float64], each: bool) -> NDArray[np.float64]:
    """Divide pictures (units, channels, h, w) by the largest value of all of them, or of each unit's; zeros stay."""
    largest = np.abs(pictures).max(axis=(1, 2, 3) if each else None, keepdims=True)
    result: NDArray[np.float64] = pictures / np.where(largest > 0, largest, 1.0)
    return result


def large_sheet(pictures: NDArray[np.float64], each: bool = False) -> NDArray[np.uint8]:
    """Return what `sheet` does for people who look at the file: pictures of twice the size, if there are few."""
    is_few = pictures.shape[0] * pictures.shape[1] <= _FEW
    return sheet(pictures, each, side_px=2 * _LEAST_SIDE_PX if is_few else _LEAST_SIDE_PX)


def sheet(
    pictures: NDArray[np.float64], each: bool = False, columns: int | None = None, side_px: int = _LEAST_SIDE_PX
) -> NDArray[np.uint8]:
    """Return pictures (units, channels, h, w) on one greyscale image: zero is 128, the largest value 255 or 1.

    There are so many in a row; if not given, the channels of a unit, and units with one channel follow each other. They
    are enlarged until their longer side has `side_px`.
    """
    channels = pictures.shape[1]
    grey = np.rint(128.0 + 127.0 * scaled(pictures, each)).astype(np.uint8)
    large = _enlarged(grey.reshape(-1, *grey.shape[2:]), side_px)
    return contact_sheet(large, columns or (channels if channels > 1 else COLUMNS))


def text_size(pictures: NDArray[np.float64]) -> tuple[int, int]:
    """Return how many lines and columns `draw_in_text` takes for each picture."""
    h, w = pictures.shape[2:]
    factor = _factor(h, w, _LEAST_SIDE_MARKS)
    return -(-h * factor // 2), w * factor


def draw_in_text(pictures: NDArray[np.float64], across: int, marks: str = UNICODE_MARKS, each: bool = False) -> str:
    """Return pictures (units, channels, h, w) as lines of text, `across` of them side by side.

    A character stands for the mean of two pixels, one above the other, on a scale of its own.
    """
    units, channels, h, w = pictures.shape
    tall = _enlarged(pictures.reshape(-1, h, w), _LEAST_SIDE_MARKS)
    if tall.shape[1] % 2:
        tall = np.concatenate([tall, tall[:, -1:]], axis=1)
    means = (tall[:, 0::2] + tall[:, 1::2]) / 2
    zero = len(marks) // 2
    levels = np.rint(zero * scaled(means.reshape(units, channels, *means.shape[1:]), each)).astype(int) + zero
    levels = levels.reshape(means.shape)
    bands = []
    for start in range(0, len(levels), across):
        lines = levels[start : start + across].transpose(1, 0, 2)  # (lines, across, columns)
        text = (" ".join("".join(marks[level] for level in part) for part in line) for line in lines)
        bands.append("\n".join(line.rstrip() for line in text))
    return "\n\n".join(bands)


def _factor(h: int, w: int, least: int) -> int:
    """Return the whole number by which an image is enlarged so that its longer side has at least so many pixels."""
    return max(1, -(-least // max(h, w)))


def _enlarged(images: NDArray[Any], least: int) -> NDArray[Any]:
    h, w = images.shape[1:]
    factor = _factor(h, w, least)
    return images.repeat(factor, axis=1).repeat(factor, axis=2)
