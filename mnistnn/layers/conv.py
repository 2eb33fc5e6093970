"""The convolutional layer: the same small filters at every position of an image."""

from math import prod
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.backend.matmul import sum_along
from mnistnn.backend.memory_order import images_first
from mnistnn.backend.pieces import ELEMENTS, cut
from mnistnn.backend.scratch import Scratch
from mnistnn.backend.threads import spread
from mnistnn.component import component
from mnistnn.kernels.pooling import max_pool, max_pool_backward, max_pool_tangent
from mnistnn.kernels.windows import PART, Window
from mnistnn.kernels.winograd import saves_enough, tiling
from mnistnn.layers.activations import ACTIVATIONS, ActivationName
from mnistnn.layers.contract import BaseLayer, Parameter
from mnistnn.layers.conv_algorithms import Convolution, Direct, Winograd
from mnistnn.layers.images import Padding, Size, contiguous, image_shape, images_of, pair
from mnistnn.layers.initializers import FanInOut, Glorot, Initializer, Zeros
from mnistnn.types import Array, SecondOrder, Shape, ShapeError, show_shape

_PIECES = 8  # of the maps


@component
class Conv(BaseLayer):
    """Convolution with maps·channels kernels, perhaps a max-pool, then bias and activation: y = f(pool(W ⋆ x) + b).

    Pooling here is the same as a `pool` layer afterwards, since bias and activation increase, and leaves them a quarter
    of the work. Images are height×width or channels×height×width; y has `maps` channels.
    W (maps, channels, kh, kw), b (maps,). LeCun et al. (1998). Keeps z = W ⋆ x; with a pool also its largest numbers,
    y, and as much again twice for the gradient; dx where it is asked for; a copy of x that is padded or does not come
    in the memory order of images, and of such a dy; for each thread, patches of 2¹⁹ numbers, or of one position if
    that is more, and in training sums for dW.
    """

    type: Literal["conv"] = "conv"
    maps: int = Field(ge=1, le=100_000)
    """Number of filters, and so of channels of the output."""
    kernel: Size
    """Height and width of a filter in px: one number, or [height, width]."""
    stride: Size = 1
    """By how many px the filter moves: one number, or [down, across]."""
    padding: Padding = 0
    """Zeros put around the image, in px on each side: one number, or [above and below, left and right]."""
    pool: Size | None = None
    """Take the largest of each field of this size, in output px: one number, or [height, width]. Fields do not overlap;
    what does not fill one is left out."""
    activation: ActivationName = "linear"
    """The element-wise f, applied in place."""
    init: Initializer = Field(default_factory=Glorot)
    """How W starts, with n_in = channels·kh·kw and n_out = maps·kh·kw / (pixels of the pool); b starts at zero."""
    flipped: bool = False
    """Turn each kernel by 180°, as Theano did. The model is the same, a published start of W is not."""
    ties: Literal["first", "all"] = "first"
    """Where several pixels are the largest of a pool, the first gets the gradient; or all do, as in Theano. (The bias,
    which is added after the pool, counts it once.)"""
    method: Literal["auto", "direct", "winograd"] = "auto"
    """How to convolve: by all its products, or by minimal filtering (Winograd), which needs a fraction of them and
    rounds ten times as much; auto takes the latter where it at least halves the work: square kernels of 3 to 6 px that
    move by one, with 8 or more channels and maps. On a GPU, which is short of calls only, auto is direct."""

    loops_save_s: ClassVar[float] = 3e-12
    second_order: ClassVar[frozenset[SecondOrder]] = frozenset({"tangents", "gauss_newton_diagonal"})

    def build(self, in_shape: Shape) -> tuple[Shape, list[Parameter]]:
        channels, height, width = self.in_shape = image_shape(in_shape)
        (kh, kw), (above, left) = pair(self.kernel), pair(self.padding)
        self.window = Window((kh, kw), pair(self.stride))
        self.padded = (height + 2 * above, width + 2 * left)
        if kh > self.padded[0] or kw > self.padded[1]:
            padded = f" ({show_shape(self.padded)} with padding)" if above or left else ""
            raise ShapeError(f"kernel {kh}×{kw} is larger than the image, {show_shape(in_shape)}{padded}")
        self.z_shape = (self.maps, *self.window.positions(*self.padded))
        self.out_shape, self.pool_window = self.z_shape, None
        if self.pool is not None:
            size = pair(self.pool)
            if size[0] > self.z_shape[1] or size[1] > self.z_shape[2]:
                raise ShapeError(
                    f"pool {size[0]}×{size[1]} does not fit: the kernel makes {show_shape(self.z_shape[1:])} "
                    f"of {show_shape(in_shape)}"
                )
            self.pool_window = Window(size, size)
            self.out_shape = (self.maps, *self.pool_window.positions(*self.z_shape[1:]))
        self.scratch = Scratch()
        out = self.z_shape[1], self.z_shape[2]
        self.task = task = Convolution(self.window, self.flipped, channels, self.maps, self.padded, out)
        tiles = tiling(self.window, out, channels, self.maps)
        if self.method == "winograd" and tiles is None:
            raise ShapeError("method: winograd is for square kernels of 3 to 6 px that move by one")
        is_direct = self.method == "direct" or (self.method == "auto" and not (tiles and saves_enough(tiles, out)))
        self.planned = self.algorithm = (
            Direct(task, self.scratch) if tiles is None or is_direct else Winograd(task, tiles, self.scratch)
        )
        # What Winograd keeps for `backward` is of its last call, so passes in between use another instance.
        self.scratch_algorithm = Direct(task, Scratch())
        n_in = channels * kh * kw
        pooled = 1 if self.pool is None else prod(pair(self.pool))
        fan = FanInOut(n_in, self.maps * kh * kw // pooled, self.activation)
        return self.out_shape, [
            Parameter("W", (self.maps, channels, kh, kw), "weight", self.init, fan),
            Parameter("b", (self.maps,), "bias", Zeros(), fan),
        ]

    def bind(self, values: dict[str, Array], grads: dict[str, Array]) -> None:
        self.W, self.b = values["W"].reshape(self.maps, -1), values["b"]
        self.dW, self.db = grads["W"].reshape(self.maps, -1), grads["b"]
        # A GPU has multiplications to spare, and no time for many calls.
        is_direct = self.method == "auto" and not isinstance(self.W, np.ndarray)
        self.algorithm = Direct(self.task, self.scratch) if is_direct else self.planned

    @property
    def multiply_adds(self) -> int:
        return prod(self.z_shape) * self.in_shape[0] * prod(self.window.size)

    def memory(self, n: int, train: bool, workers: int = 1) -> int:
        z, y, x = prod(self.z_shape), prod(self.out_shape), self.in_shape[0] * prod(self.padded)
        is_pooled = self.pool_window is not None
        forward = n * (x + z + (2 * y if is_pooled else 0))
        if train:
            forward += n * (x + y + (2 * y if is_pooled else 0))
        return forward + self.algorithm.memory(n, train, workers)

    def forward(self, x: Array, train: bool) -> Array:
        n = len(x)
        self.x_shape = x.shape
        self.x = self._padded(images_of(x))
        self.z = self.scratch("z", (*self.z_shape, n), x)
        self.algorithm.forward(self.x, self.W, self.z)
        if self.pool_window is None:
            self.pooled = self.y = self.z
        else:
            self.pooled = self.scratch("pooled", (*self.out_shape, n), x)
            self.y = self.scratch("y", self.pooled.shape, x)
        spread(self._finish, self._shares_of_maps(), x)
        return images_first(self.y)

    def _finish(self, maps: slice, worker: int) -> None:
        """Make y of z, for some of the maps."""
        y = self.y[maps]
        if self.pool_window is not None:
            max_pool(self.z[maps], self.pool_window, self.pooled[maps])
        ACTIVATIONS[self.activation].after_bias(self.pooled[maps], self.b[maps, None, None, None], y)

    @property
    def overwritten(self) -> tuple[Array, ...]:
        own = (self.y,) if self.pool_window is None else (self.y, self.z)
        return (*own, *self.algorithm.overwritten)

    def bind_tangents(self, tangents: dict[str, Array]) -> None:
        self.W_dot, self.b_dot = tangents["W"].reshape(self.maps, -1), tangents["b"]

    def jvp(self, x_dot: Array | None) -> Array:
        z_dot = self.scratch("z_dot", self.z.shape, self.z)
        self.scratch_algorithm.forward(self.x, self.W_dot, z_dot)
        if x_dot is not None:
            term = self.scratch("term", self.z.shape, self.z)
            self.scratch_algorithm.forward(self._padded(images_of(x_dot), "x_dot"), self.W, term)
            z_dot += term
        y_dot, work = z_dot, self.scratch("work", self.y.shape, self.y)
        if self.pool_window is not None:
            y_dot, left = (self.scratch(role, self.y.shape, self.y) for role in ("y_dot", "left"))
            max_pool_tangent(z_dot, self.z, self.pooled, self.pool_window, self.ties == "all", y_dot, work, left)
        y_dot += self.b_dot[:, None, None, None]
        ACTIVATIONS[self.activation].tangent(y_dot, self.y, work)
        return images_first(y_dot)

    def backward_diagonal(self, hy: Array, need_hx: bool = True) -> Array | None:
        self.dy = self.dz = contiguous(images_of(hy), self.scratch, "dy")
        ACTIVATIONS[self.activation].tangent(self.dy, self.y, self.scratch("work", self.y.shape, self.y))
        self._begin_backward_of_all()
        x_squared, W_squared = self.scratch("x²", self.x.shape, self.x), self.scratch("W²", self.W.shape, self.W)
        for a, square in ((self.x, x_squared), (self.W, W_squared)):
            array_module(a).multiply(a, a, out=square)
        if not isinstance(hy, np.ndarray):
            term = self.scratch("term", self.z.shape, self.z)
            self.scratch_algorithm.forward(x_squared, W_squared, term)  # gathers patches
        hx = self.scratch("dx", self.x.shape, self.x) if need_hx else None
        self.scratch_algorithm.backward(self.dz, x_squared, W_squared, self.dW, hx)
        return None if hx is None else self._as_input(hx)

    def backward(self, dy: Array, need_dx: bool = True) -> Array | None:
        self.dy = self.dz = contiguous(images_of(dy), self.scratch, "dy")  # (maps, oh, ow, n)
        self._begin_backward_of_all()
        dx = self.scratch("dx", self.x.shape, self.x) if need_dx else None
        self.algorithm.backward(self.dz, self.x, self.W, self.dW, dx)
        return None if dx is None else self._as_input(dx)

    def _begin_backward_of_all(self) -> None:
        """Make db and dz of dy."""
        if self.pool_window is not None:
            self.work = tuple(self.scratch(role, self.pooled.shape, self.pooled) for role in ("hit", "left"))
            self.dz = self.z
        spread(self._begin_backward, self._shares_of_maps(), self.dy)

    def _begin_backward(self, maps: slice, worker: int) -> None:
        """Make db and dz of dy, for some of the maps."""
        dy = self.dy[maps]
        ACTIVATIONS[self.activation].backward(dy, self.y[maps])
        sum_along(dy.reshape(len(dy), -1), 1, out=self.db[maps])
        if self.pool_window is not None:
            z, work = self.z[maps], (array[maps] for array in self.work)
            max_pool_backward(dy, z, self.pooled[maps], self.pool_window, self.ties == "all", z, *work)

    def _shares_of_maps(self) -> list[slice]:
        """Cut the maps into pieces of at most about `PART` numbers, which stay in a cache, and into several if they can
        have `ELEMENTS`.
        """
        if not isinstance(self.z, np.ndarray):
            return [slice(0, self.maps)]
        of_map = max(1, self.z[0].size)
        wanted = max(-(-self.maps // _PIECES), ELEMENTS // of_map)
        return cut(self.maps, max(1, min(wanted, PART // of_map)))

    def _padded(self, x: Array, role: str = "x") -> Array:
        """Return x (c, h, w, n), contiguous and with the padding around it."""
        _, height, width, n = x.shape
        above, left = pair(self.padding)
        if not above and not left:
            return contiguous(x, self.scratch, role)
        padded = self.scratch(role, (len(x), *self.padded, n), x)
        padded[:, :above] = padded[:, above + height :] = 0.0
        padded[:, :, :left] = padded[:, :, left + width :] = 0.0
        padded[:, above : above + height, left : left + width] = x
        return padded

    def _as_input(self, dx: Array) -> Array:
        """Return the gradient (c, h, w, n) of the padded input as that of the input."""
        (above, left), (_, height, width) = pair(self.padding), self.in_shape
        inside = images_first(dx[:, above : above + height, left : left + width])
        return inside if len(self.x_shape) == 4 else inside[:, 0]
