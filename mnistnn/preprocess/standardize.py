"""Each pixel with mean 0 and standard deviation 1."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from mnistnn.backend.arrays import array_module, to_host
from mnistnn.component import component
from mnistnn.preprocess.contract import Transform, row_blocks
from mnistnn.types import Array


@component
class Standardize(Transform):
    """(x − mean) / √(variance + ε), pixel by pixel, over the training split."""

    type: Literal["standardize"] = "standardize"
    epsilon: Annotated[float, Field(gt=0)] = 1e-2
    """Added to the variance: border pixels hardly vary, and without it their noise would count most."""

    fitted: ClassVar[tuple[str, ...]] = ("mean", "variance")

    def fit(self, x: Array) -> None:
        on_host = to_host(x)
        self.mean = on_host.mean(axis=0, dtype=np.float64)
        squares = np.zeros(self.in_shape)
        for rows in row_blocks(len(on_host)):
            squares += ((on_host[rows] - self.mean) ** 2).sum(axis=0)
        self.variance = squares / len(on_host)

    def weights_on_inputs(self, W: np.ndarray) -> np.ndarray:
        result: np.ndarray = W / np.sqrt(self.variance + self.epsilon).reshape(-1, 1)
        return result

    def apply(self, x: Array) -> Array:
        xp = array_module(x)
        x -= xp.asarray(self.mean, dtype=x.dtype)
        x /= xp.asarray(np.sqrt(self.variance + self.epsilon), dtype=x.dtype)
        return x
