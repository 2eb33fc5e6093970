"""Images whose rows and columns are exchanged, set upright."""

from typing import Literal

from mnistnn.component import component
from mnistnn.preprocess.contract import row_blocks
from mnistnn.preprocess.image_transform import ImageTransform
from mnistnn.types import Array, Shape


@component
class Transpose(ImageTransform):
    """Exchange rows and columns: y[r, c] = x[c, r].

    Some data sets keep their images column by column, EMNIST's files among them, so that digits lie on their side and
    are mirrored. A net does not mind, but whoever looks at them does, and so does a picture of one's own: `predict`
    lays it on its side like the images of the set, before this transform sets both upright.
    """

    type: Literal["transpose"] = "transpose"

    def build(self, in_shape: Shape) -> None:
        super().build(in_shape)
        *channels, h, w = in_shape
        self.out_shape = (*channels, w, h)

    def apply(self, x: Array) -> Array:
        upright = x.reshape(len(x), *self.out_shape)
        order = (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)
        for rows in row_blocks(len(x)):
            upright[rows] = x[rows].transpose(*order).copy()
        return upright
