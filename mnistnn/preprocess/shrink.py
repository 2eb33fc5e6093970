"""Smaller images: means over areas."""

from math import prod
from typing import Literal

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.component import component
from mnistnn.preprocess.contract import row_blocks
from mnistnn.preprocess.image_transform import ImageTransform, Size, height_and_width
from mnistnn.types import Array, Shape, ShapeError, show_shape


@component
class Shrink(ImageTransform):
    """Make images smaller: y = R_h x R_wᵀ. A pixel of y is the mean of x over the rectangle that it covers.

    Of a line of `large` pixels, each of `small` covers large/small: R[i, j] is the part of pixel j that lies in
    [i, i + 1)·large/small, divided by large/small. From 28 to 8, that is 3.5 pixels, the fourth by half.
    Cost per image: 2·w'·h·(w + h') flops for h×w pixels that become h'×w'.
    """

    type: Literal["shrink"] = "shrink"
    shape: Size
    """Height and width of the smaller images; one number stands for both."""

    def build(self, in_shape: Shape) -> None:
        super().build(in_shape)
        h, w = height_and_width(self.shape)
        if h > in_shape[-2] or w > in_shape[-1]:
            raise ShapeError(
                f"images of {show_shape(in_shape)} cannot be shrunk to {show_shape((h, w))}, which is larger"
            )
        self.out_shape = (*in_shape[:-2], h, w)

    def apply(self, x: Array) -> Array:
        if self.out_shape == self.in_shape:
            return x
        d, k = prod(self.in_shape), prod(self.out_shape)
        memory = x.reshape(-1)
        for rows in row_blocks(len(x)):
            # As in `Whiten`: image i of the result lies at i·k, with k ≤ d, so it covers none that is still to come.
            images = memory[rows.start * d : rows.stop * d].reshape(-1, *self.in_shape)
            memory[rows.start * k : rows.stop * k] = self.redrawn(images).reshape(-1)
        return memory[: len(x) * k].reshape(len(x), *self.out_shape)

    def redrawn(self, images: Array) -> Array:
        """Return images (…, h, w) as smaller ones."""
        xp = array_module(images)
        along_y, along_x = (
            xp.asarray(area_means(large, small), dtype=images.dtype)
            for large, small in zip(self.in_shape[-2:], self.out_shape[-2:], strict=True)
        )
        return along_y @ (images @ along_x.T)


def area_means(large: int, small: int) -> np.ndarray:
    """Return the matrix R (small, large) that takes a line of `large` pixels to the means over `small` equal parts of
    it, float64.
    """
    i, j = np.arange(small)[:, None], np.arange(large)
    # In units of 1/small pixel, in which all edges are whole numbers.
    overlap = np.minimum((i + 1) * large, (j + 1) * small) - np.maximum(i * large, j * small)
    return overlap.clip(min=0) / large
