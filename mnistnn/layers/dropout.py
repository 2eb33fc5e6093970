"""Dropout of units: each is left out of a training step by chance, so that none can rely on another."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mnistnn.backend import Array, array_module
from mnistnn.component import component
from mnistnn.kernels.dropout import bernoulli
from mnistnn.layers.contract import BaseLayer, Parameter
from mnistnn.scratch import Scratch
from mnistnn.shapes import Shape
from mnistnn.streams import UpdateStreams


@component
class Dropout(BaseLayer):
    """In training y = x M / keep with M ~ Bernoulli(keep), one for each unit of each example; afterwards y = x.

    As the first layer it drops inputs. Dividing in training instead of multiplying in use (as the slides and Hinton et
    al. (2012) have it) is the same model with weights scaled by 1/keep. Keeps M and y.
    """

    type: Literal["dropout"] = "dropout"
    keep: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Probability that a unit stays: 0.5 for hidden units, about 0.8 for inputs."""

    is_random: ClassVar[bool] = True

    def build(self, in_shape: Shape) -> tuple[Shape, list[Parameter]]:
        self.scratch = Scratch()
        return in_shape, []

    def seed(self, seed: int, part: int) -> None:
        self.streams = UpdateStreams(seed, "dropout", part)

    def begin_update(self, update: int) -> None:
        self.update = update

    def forward(self, x: Array, train: bool) -> Array:
        if not train:
            return x
        self.mask = self.scratch("mask", x.shape, x)
        bernoulli(self.streams.at(self.update), self.keep, self.mask)
        self.mask /= self.keep
        y = self.scratch("y", x.shape, x)
        array_module(x).multiply(x, self.mask, out=y)
        return y

    def backward(self, dy: Array, need_dx: bool = True) -> Array | None:
        if not need_dx:
            return None
        dy *= self.mask
        return dy
