"""Each image with mean 0 and standard deviation 1."""

from typing import Annotated, Literal

from pydantic import Field

from mnistnn.component import component
from mnistnn.preprocess.contract import Transform, row_blocks
from mnistnn.types import Array


@component
class ContrastNormalize(Transform):
    """(x − mean) / √(variance + ε) within each image: takes out brightness and contrast. Nothing is fitted."""

    type: Literal["contrast_normalize"] = "contrast_normalize"
    epsilon: Annotated[float, Field(gt=0)] = 1e-2
    """Added to the variance, so that an empty image stays empty."""

    def apply(self, x: Array) -> Array:
        inside = tuple(range(1, x.ndim))  # the axes of an image
        for rows in row_blocks(len(x)):
            images = x[rows]
            images -= images.mean(axis=inside, keepdims=True)
            images /= (images.var(axis=inside, keepdims=True) + self.epsilon) ** 0.5
        return x
