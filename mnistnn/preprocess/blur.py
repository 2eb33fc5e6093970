"""Softened images."""

from math import ceil
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.component import component
from mnistnn.preprocess.image_transform import ImageTransform
from mnistnn.types import Array

_REACH = 4.0  # standard deviations; the Gaussian beyond is less than 1e-4 of the whole


@component
class Blur(ImageTransform):
    """Convolve each image with a Gaussian, with zeros outside: y = G x Gᵀ, rows and columns one after the other.

    G[i, j] = g(i − j) is banded: g(k) ∝ exp(−k²/2σ²) for |k| ≤ 4σ, with Σ g = 1, and zero beyond.
    Cost per image: 2·h·w·(h + w) flops.
    """

    type: Literal["blur"] = "blur"
    sigma_px: Annotated[float, Field(gt=0, le=100)]
    """The standard deviation σ of the Gaussian."""

    def redrawn(self, images: Array) -> Array:
        xp = array_module(images)
        along_y, along_x = (
            xp.asarray(gaussian_band(side, self.sigma_px), dtype=images.dtype) for side in images.shape[-2:]
        )
        return along_y @ (images @ along_x.T)


def gaussian_band(side: int, sigma: float) -> np.ndarray:
    """Return the matrix (side, side) that convolves a line of so many pixels with a Gaussian, float64."""
    reach = ceil(_REACH * sigma)
    whole = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2).sum()
    k = np.subtract.outer(np.arange(side), np.arange(side))
    band: np.ndarray = np.where(np.abs(k) <= reach, np.exp(-0.5 * (k / sigma) ** 2), 0.0) / whole
    return band
