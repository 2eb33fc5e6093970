"""Larger images: zeros around the digits."""

from typing import Literal

from mnistnn.backend.arrays import array_module
from mnistnn.component import component
from mnistnn.preprocess.image_transform import ImageTransform, Size, height_and_width
from mnistnn.types import Array, Shape, ShapeError, show_shape


@component
class Pad(ImageTransform):
    """Put zeros around the images, which stay in the middle; of an odd number, one more at the right and the bottom.

    LeNet-5 reads 32×32, so that the ends of a stroke can lie in the middle of what its last kernels see (LeCun et al.
    1998); Simard et al. (2003) read 29×29, which kernels of 5 px that move by 2 cover evenly, twice over.

    Padded images need new memory: until they are filled, the former ones lie beside them.
    """

    type: Literal["pad"] = "pad"
    shape: Size
    """Height and width of the padded images; one number stands for both."""

    def build(self, in_shape: Shape) -> None:
        super().build(in_shape)
        h, w = height_and_width(self.shape)
        if h < in_shape[-2] or w < in_shape[-1]:
            raise ShapeError(
                f"images of {show_shape(in_shape)} cannot be padded to {show_shape((h, w))}, which is smaller"
            )
        self.out_shape = (*in_shape[:-2], h, w)

    def apply(self, x: Array) -> Array:
        if self.out_shape == self.in_shape:
            return x
        (h, w), (height, width) = self.in_shape[-2:], self.out_shape[-2:]
        top, left = (height - h) // 2, (width - w) // 2
        padded = array_module(x).zeros((len(x), *self.out_shape), dtype=x.dtype)
        padded[..., top : top + h, left : left + w] = x
        return padded
