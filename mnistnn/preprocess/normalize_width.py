"""Digits made equally wide."""

from typing import Annotated, Literal

from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.component import component
from mnistnn.kernels.row_sampling import sample_rows
from mnistnn.preprocess.image_transform import ImageTransform
from mnistnn.types import Array, Shape, ShapeError, show_shape


@component
class NormalizeWidth(ImageTransform):
    """Stretch or squeeze each digit sideways to the same width, and centre it; its height and rows stay.

    The digit's box goes from l, the left edge of the first column with a pixel above `threshold`, to r, the right edge
    of the last; it becomes [(w − width)/2, (w + width)/2]. The centre of pixel j, at j + ½, so shows what was at
    l + (j + ½ − (w − width)/2) (r − l)/width, read with bilinear interpolation and zeros outside of the image. An image
    without such pixels stays as it is.

    Cireşan et al. (2011) train one column of a committee for each width of 10, 12, 14, 16, 18 and 20 px.
    """

    type: Literal["normalize_width"] = "normalize_width"
    width_px: Annotated[int, Field(ge=1)]
    """Width of every digit."""
    threshold: Annotated[float, Field(ge=0)] = 0.0
    """Pixels above this value belong to the digit. By default, pixels lie in [0, 1]."""

    def build(self, in_shape: Shape) -> None:
        super().build(in_shape)
        if self.width_px > in_shape[-1]:
            raise ShapeError(f"digits of width {self.width_px} do not fit into images of {show_shape(in_shape)}")

    def redrawn(self, images: Array) -> Array:
        xp = array_module(images)
        w = images.shape[-1]
        inked = (images > self.threshold).any(axis=(1, 2))  # (n, w)
        left = inked.argmax(axis=1)
        right = w - inked[:, ::-1].argmax(axis=1)
        j = xp.arange(w, dtype="float64")
        in_box = (j + 0.5 - (w - self.width_px) / 2) / self.width_px  # from 0 at its left edge to 1 at its right edge
        at = left[:, None] + in_box * (right - left)[:, None] - 0.5  # (n, w); a pixel's centre is ½ from its edge
        at = xp.where(inked.any(axis=1)[:, None], at, j)
        return sample_rows(images, at[:, None, None])
