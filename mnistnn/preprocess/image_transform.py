"""What transforms of pictures share: they need to know which pixels are neighbours."""

from math import prod

from mnistnn.backend import Array
from mnistnn.preprocess.contract import Transform, row_blocks
from mnistnn.shapes import Shape, ShapeError, show_shape


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
        """Return what becomes of images (n, channels, h, w), which may be used up. The channels move together."""
        raise NotImplementedError
