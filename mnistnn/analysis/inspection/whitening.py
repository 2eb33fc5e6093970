"""Fitting a whitening transform on its own, and looking at what it found: spectrum, energy, eigen-digits."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from mnistnn.data.spec import Data
from mnistnn.data.splits import read_split
from mnistnn.extras import missing
from mnistnn.preprocess.whiten import Whiten
from mnistnn.types import Shape

_RANKS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_EIGEN_ROWS, _EIGEN_COLUMNS = 3, 8
_DPI = 120


def fit_on_training_split(whiten: Whiten, data: Data) -> int:
    """Fit a transform to the training split of a set; return the number of its examples. Raises ShapeError."""
    digits = read_split(data, "train")
    x = np.divide(digits.images, data.scale, dtype="float32")
    whiten.build(x.shape[1:])
    whiten.fit(x)
    return len(x)


def cumulative_energy(variances: np.ndarray) -> np.ndarray:
    """Return the share of the total variance in the first 1, 2, … directions (d,)."""
    cumulative: np.ndarray = np.cumsum(variances) / variances.sum()
    return cumulative


def spectrum_rows(whiten: Whiten) -> list[tuple[int, float, float]]:
    """Return (rank, variance, cumulative energy) at a few ranks, at the last one kept and at the last one."""
    energy = cumulative_energy(whiten.variances)
    d = len(energy)
    ranks = sorted({*(rank for rank in _RANKS if rank <= d), whiten.kept, d})
    return [(rank, float(whiten.variances[rank - 1]), float(energy[rank - 1])) for rank in ranks]


def draw(whiten: Whiten, image_shape: Shape, title: str) -> bytes:
    """Return a picture, as PNG: the mean image, the spectrum on a log scale, the first eigen-digits.

    Raises ResourceError, saying how to install it, if there is no matplotlib.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise missing("matplotlib", "drawing") from error

    figure = Figure(figsize=(10, 7), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.1), squeeze=False)[:, 0]
    left, right = above.subplots(1, 2, width_ratios=(1, 2.2))
    left.imshow(whiten.mean.reshape(image_shape), cmap="gray")
    left.set_title("mean")
    left.set_axis_off()
    _draw_spectrum(right, whiten)
    below.suptitle("directions of largest variance")
    directions = whiten.directions.T[: _EIGEN_ROWS * _EIGEN_COLUMNS]
    _draw_directions(below.subplots(_EIGEN_ROWS, _EIGEN_COLUMNS).flat, directions, image_shape)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})  # else the bytes name a version
    return buffer.getvalue()


def _draw_spectrum(axes: Any, whiten: Whiten) -> None:
    """Draw variance over rank; directions of no variance at all have no place on a log scale."""
    positive = whiten.variances[whiten.variances > 0.0]
    axes.semilogy(np.arange(1, len(positive) + 1), positive)
    axes.axvline(whiten.kept, color="C1", linestyle="--", label=f"{whiten.kept} kept")
    if whiten.threshold > 0.0:
        axes.axhline(whiten.threshold, color="C2", linestyle=":", label=f"threshold {whiten.threshold:g}")
    axes.set_title("spectrum")
    axes.set_xlabel("rank")
    axes.set_ylabel("variance")
    axes.legend()


def _draw_directions(panels: Any, directions: Sequence[np.ndarray] | np.ndarray, image_shape: Shape) -> None:
    """Draw each direction as an image, grey for zero."""
    for number, axes in enumerate(panels):
        axes.set_axis_off()
        if number < len(directions):
            most = np.abs(directions[number]).max()
            axes.imshow(directions[number].reshape(image_shape), cmap="gray", vmin=-most, vmax=most)
