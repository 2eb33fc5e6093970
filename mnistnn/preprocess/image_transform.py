"""The base of image transforms, which need to know which pixels are neighbours."""

from math import prod
from typing import Annotated

from pydantic import Field

from mnistnn.preprocess.contract import Transform, row_blocks
from mnistnn.types import Array, Shape, ShapeError, show_shape

_Side = Annotated[int, Field(ge=1, le=1024)]
# Of images: one number stands for both sides.
Size = _Side | Annotated[list[_Side], Field(min_length=2, max_length=2)]


class ImageTransform(Transform):
    """Abstract: turns images into images, each by itself. Nothing is fitted."""

    def build(self, in_shape: Shape) -> None:
        """Take the shape of an image, (h, w) or (channels, h, w). Raises ShapeError for anything else."""
        if len(in_shape) not in (2, 3):
            raise ShapeError(
                f"{self.type} needs images (height × width), but its inputs have the shape {show_shape(in_shape)}: "
                "put it before what flattens them (whiten does, unless its method is zca)"
            )
        super().build(in_shape)

    def apply(self, x: Array) -> Array:
        channels = prod(self.in_shape[:-2])
        for rows in row_blocks(len(x)):
            images = x[rows].reshape(-1, channels, *self.in_shape[-2:])
            x[rows] = self.redrawn(images).reshape(-1, *self.in_shape)
        return x

    def redrawn(self, images: Array) -> Array:
        """Return what becomes of images (n, channels, h, w), which may be overwritten. The channels move together."""
        raise NotImplementedError


def height_and_width(size: int | list[int]) -> tuple[int, int]:
    """Return the two sides that a size in YAML stands for."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])
