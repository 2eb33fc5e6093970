"""Black or white: pixels as 0 or 1."""

from typing import Annotated, Literal

from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.component import component
from mnistnn.preprocess.contract import Transform
from mnistnn.types import Array


@component
class Binarize(Transform):
    """1 for a pixel of `threshold` or more, 0 for a darker one; for models of binary images."""

    type: Literal["binarize"] = "binarize"
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The least brightness that counts as white."""

    def apply(self, x: Array) -> Array:
        xp = array_module(x)
        xp.less(x, self.threshold, out=x)
        xp.subtract(1.0, x, out=x)
        return x
