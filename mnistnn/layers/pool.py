"""The pool: each window of an image is summed up in one number."""

from math import prod
from typing import ClassVar, Literal

from mnistnn.backend.memory_order import images_first
from mnistnn.backend.scratch import Scratch
from mnistnn.component import component
from mnistnn.kernels.pooling import max_pool, max_pool_backward, max_pool_tangent, mean_pool, mean_pool_backward
from mnistnn.kernels.windows import Window
from mnistnn.layers.contract import BaseLayer, Parameter
from mnistnn.layers.images import Size, contiguous, image_shape, images_of, pair
from mnistnn.types import Array, SecondOrder, Shape, ShapeError, show_shape


@component
class Pool(BaseLayer):
    """The largest or the mean number of each window, channel by channel. What does not fill a window is left out.

    After a convolution, its own `pool` does the same for less. Keeps y, dx where it is asked for, a copy of x
    that does not come in the memory order of images, and for the largest twice as much as y for the gradient.
    """

    type: Literal["pool"] = "pool"
    reduce: Literal["max", "mean"] = "max"
    """The number that replaces a window."""
    size: Size | Literal["whole"] = 2
    """Height and width of a window in px: one number, or [height, width]; whole makes one number of each channel, and
    leaves no image but a row of channels (global pooling)."""
    stride: Size | None = None
    """By how many px the window moves: one number, or [down, across]; null is its size, so that none overlap."""
    ties: Literal["first", "all"] = "first"
    """Where several pixels are the largest, the first gets the gradient; or all do, as in Theano."""

    second_order: ClassVar[frozenset[SecondOrder]] = frozenset({"tangents", "gauss_newton_diagonal"})

    def build(self, in_shape: Shape) -> tuple[Shape, list[Parameter]]:
        channels, height, width = self.in_shape = image_shape(in_shape)
        size = (height, width) if self.size == "whole" else pair(self.size)
        if size[0] > height or size[1] > width:
            raise ShapeError(f"size {size[0]}×{size[1]} does not fit into {show_shape(in_shape)}")
        self.window = Window(size, size if self.stride is None else pair(self.stride))
        self.pooled_shape = (channels, *self.window.positions(height, width))
        self.scratch = Scratch()
        return self.pooled_shape[:1] if self.size == "whole" else self.pooled_shape, []

    def forward(self, x: Array, train: bool) -> Array:
        self.x_shape = x.shape
        self.x = contiguous(images_of(x), self.scratch, "x")  # (c, h, w, n)
        self.y = self.scratch("y", (*self.pooled_shape, len(x)), x)
        if self.reduce == "max":
            max_pool(self.x, self.window, self.y)
        else:
            mean_pool(self.x, self.window, self.y)
        y = images_first(self.y)
        return y[:, :, 0, 0] if self.size == "whole" else y

    def backward(self, dy: Array, need_dx: bool = True) -> Array | None:
        if not need_dx:
            return None
        dy = images_of(dy[:, :, None, None] if self.size == "whole" else dy)
        dx = self.scratch("dx", self.x.shape, self.x)
        if self.reduce == "max":
            work = (self.scratch(role, self.y.shape, self.y) for role in ("hit", "left"))
            max_pool_backward(dy, self.x, self.y, self.window, self.ties == "all", dx, *work)
        else:
            mean_pool_backward(dy, self.window, dx)
        dx = images_first(dx)
        return dx if len(self.x_shape) == 4 else dx[:, 0]

    def jvp(self, x_dot: Array | None) -> Array:
        assert x_dot is not None
        x_dot = contiguous(images_of(x_dot), self.scratch, "x_dot")
        y_dot = self.scratch("y_dot", self.y.shape, self.y)
        if self.reduce == "max":
            work = (self.scratch(role, self.y.shape, self.y) for role in ("hit", "left"))
            max_pool_tangent(x_dot, self.x, self.y, self.window, self.ties == "all", y_dot, *work)
        else:
            mean_pool(x_dot, self.window, y_dot)
        y_dot = images_first(y_dot)
        return y_dot[:, :, 0, 0] if self.size == "whole" else y_dot

    def backward_diagonal(self, hy: Array, need_hx: bool = True) -> Array | None:
        if self.reduce == "mean":
            hy *= 1.0 / prod(self.window.size)
        return self.backward(hy, need_hx)

    def memory(self, n: int, train: bool, workers: int = 1) -> int:
        x, y = prod(self.in_shape), prod(self.pooled_shape)
        return n * (x + y + (x + (2 * y if self.reduce == "max" else 0) if train else 0))
