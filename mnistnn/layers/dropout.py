"""Dropout of units: each is left out of a training step by chance, so that none can rely on another."""

from math import prod
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.backend.memory_order import images_first, in_memory_order
from mnistnn.backend.rng import UpdateStreams
from mnistnn.backend.scratch import Scratch
from mnistnn.component import component
from mnistnn.kernels.dropout import bernoulli
from mnistnn.layers.contract import BaseLayer, Parameter
from mnistnn.types import Array, SecondOrder, Shape, ShapeError, show_shape


@component
class Dropout(BaseLayer):
    """In training y = x M / keep with M ~ Bernoulli(keep), one for each unit of each example; afterwards y = x.

    As the first layer it drops inputs. Dividing in training instead of multiplying in use (as the slides and Hinton et
    al. (2012) have it) is the same model with weights scaled by 1/keep. Keeps M and y.
    """

    type: Literal["dropout"] = "dropout"
    keep: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Probability that a unit stays: 0.5 for hidden units, about 0.8 for inputs."""
    whole_maps: bool = False
    """Spatial dropout: drop channels of images as a whole, since neighbouring pixels carry the same information.
    Tompson et al. (2015)."""

    is_random: ClassVar[bool] = True
    second_order: ClassVar[frozenset[SecondOrder]] = frozenset({"tangents", "gauss_newton_diagonal"})

    def build(self, in_shape: Shape) -> tuple[Shape, list[Parameter]]:
        if self.whole_maps and len(in_shape) != 3:
            raise ShapeError(f"whole_maps needs images of several channels, and its input is {show_shape(in_shape)}")
        self.in_shape, self.scratch = in_shape, Scratch()
        return in_shape, []

    def seed(self, seed: int, part: int) -> None:
        self.streams = UpdateStreams(seed, "dropout", part)

    def begin_update(self, update: int, piece: int = 0) -> None:
        self.update, self.piece = update, piece

    def draw(self, mask: Array) -> None:
        bernoulli(self.streams.at(self.update, self.piece), self.keep, in_memory_order(mask))

    def forward(self, x: Array, train: bool) -> Array:
        if not train:
            return x
        if self.whole_maps:
            self.mask = images_first(self.scratch("mask", (x.shape[1], 1, 1, len(x)), x))
        else:
            self.mask = self.scratch.as_laid_out("mask", x)
        if self.draws_itself:
            self.draw(self.mask)
        self.mask /= self.keep
        y = self.scratch.as_laid_out("y", x)
        array_module(x).multiply(x, self.mask, out=y)
        return y

    def backward(self, dy: Array, need_dx: bool = True) -> Array | None:
        if not need_dx:
            return None
        dy *= self.mask
        return dy

    def jvp(self, x_dot: Array | None) -> Array:
        assert x_dot is not None  # nothing is learned here, so what comes before changes
        x_dot *= self.mask
        return x_dot

    def backward_diagonal(self, hy: Array, need_hx: bool = True) -> Array | None:
        if need_hx:
            hy *= self.mask
        return self.backward(hy, need_hx)

    def memory(self, n: int, train: bool, workers: int = 1) -> int:
        masked = self.in_shape[0] if self.whole_maps else prod(self.in_shape)
        return n * (masked + prod(self.in_shape)) if train else 0
