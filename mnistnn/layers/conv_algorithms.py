"""The two algorithms of a convolutional layer: direct products, and minimal filtering (Winograd).

Both map x (c, h, w, n) to z (maps, oh, ow, n) and back, with W (maps, c·kh·kw), and own the memory that they need.
"""

from dataclasses import dataclass
from math import prod

import numpy as np

from mnistnn.backend.scratch import Scratch
from mnistnn.backend.threads import workers_for
from mnistnn.kernels import convolution, winograd
from mnistnn.kernels.windows import Window, part_size, parts
from mnistnn.types import Array


@dataclass(frozen=True)
class Convolution:
    """The shape of a convolution: c channels of in_size pixels, padding included, and maps of out_size."""

    window: Window
    flipped: bool
    channels: int
    maps: int
    in_size: tuple[int, int]
    out_size: tuple[int, int]

    @property
    def dW_size(self) -> int:
        return self.maps * self.patch

    @property
    def patch(self) -> int:
        """Numbers that a window sees."""
        return self.channels * prod(self.window.size)


class Direct:
    """Each window's patch times each kernel, see `kernels/convolution.py`.

    On a GPU, `backward` takes the patches that `forward` has gathered.
    """

    def __init__(self, task: Convolution, scratch: Scratch) -> None:
        self.task, self.scratch = task, scratch
        self.overwritten: tuple[Array, ...] = ()
        """Buffers of `forward`, beside z, that `backward` overwrites."""

    def forward(self, x: Array, W: Array, z: Array) -> None:
        patches = self._patches(z)
        convolution.convolve(x, W, self.task.window, self.task.flipped, z, patches)
        self.overwritten = () if isinstance(x, np.ndarray) else (patches,)

    def backward(self, dz: Array, x: Array, W: Array, dW: Array, dx: Array | None) -> None:
        window, flipped = self.task.window, self.task.flipped
        convolution.convolve_backward(dz, x, W, window, flipped, dW, self._patches(dz), *self._sums(dz), dx)

    def _patches(self, z: Array) -> Array:
        """Return memory for the largest part of the patches, for each worker."""
        columns = parts(z, self.task.patch)[0].positions * z.shape[3]
        return self.scratch("patches", (workers_for(z), self.task.patch * columns), z)

    def _sums(self, dz: Array) -> tuple[Array, Array]:
        """Return memory for sums of dW: for each share, and for each worker."""
        task, cut = self.task, parts(dz, self.task.patch)
        batches = convolution.most_batches(cut[0].positions * dz.shape[3], task.dW_size, isinstance(dz, np.ndarray))
        return (
            self.scratch("sums", (len(convolution.shares_of(cut)), task.patch, task.maps), dz),
            self.scratch("sums of a worker", (workers_for(dz), 1 + batches, task.patch, task.maps), dz),
        )

    def memory(self, n: int, train: bool, workers: int) -> int:
        """Return the numbers that are kept for a batch of n."""
        height, width = part_size(*self.task.out_size, self.task.patch * n)
        columns = n * height * width
        kept = workers * self.task.patch * columns
        if train:
            cut = -(-self.task.out_size[0] // height) * -(-self.task.out_size[1] // width)
            batches = convolution.most_batches(columns, self.task.dW_size)
            kept += (convolution.count_of_shares(cut) + workers * (1 + batches)) * self.task.dW_size
        return kept


class Winograd:
    """Products of values at points, see `kernels/winograd.py`.

    Tiles that reach beyond the images, or beyond z, cover copies with zeros around.
    """

    def __init__(self, task: Convolution, tiling: winograd.Tiling, scratch: Scratch) -> None:
        self.task, self.tiling, self.scratch = task, tiling, scratch
        self._matrices: winograd.Matrices | None = None

    @property
    def overwritten(self) -> tuple[Array, ...]:
        """Buffers of `forward`, beside z, that `backward` overwrites."""
        return (self.V,)

    def forward(self, x: Array, W: Array, z: Array) -> None:
        tiling, n, on_host = self.tiling, x.shape[-1], isinstance(x, np.ndarray)
        workers = workers_for(x)
        share = tiling.share(n) if on_host else n
        if self._matrices is None or self._matrices.A.dtype != x.dtype or not isinstance(x, type(self._matrices.A)):
            self._matrices = winograd.Matrices.like(x, tiling.kernel, self.task.flipped)
        self.U = self.scratch("U", (winograd.POINTS, tiling.maps, tiling.channels), x)
        self.V = self.scratch("V", (tiling.values(n),), x)
        self.work = self.scratch("work", (workers, tiling.work(share, on_host)), x)
        x = self._covered("covered x", x, tiling.in_size)
        covered = self._cover("covered z", z, tiling.out_size)
        winograd.convolve(x, W, tiling, self._matrices, covered, self.U, self.V, self.work)
        if covered is not z:
            z[...] = _inside(covered, z)

    def backward(self, dz: Array, x: Array, W: Array, dW: Array, dx: Array | None) -> None:
        tiling, matrices = self.tiling, self._matrices
        assert matrices is not None
        shares = len(tiling.shares(dz))
        dU = self.scratch("dU", (shares + len(self.work), *self.U.shape), dz)
        covered = None if dx is None else self._cover("covered x", dx, tiling.in_size)
        dz = self._covered("covered z", dz, tiling.out_size)
        winograd.convolve_backward(dz, tiling, matrices, self.U, self.V, dW, dU, self.work, covered)
        if dx is not None and covered is not None and covered is not dx:
            dx[...] = _inside(covered, dx)

    def _cover(self, role: str, x: Array, size: tuple[int, int]) -> Array:
        """Return x (c, h, w, n) itself if it has the size, else memory for one that has."""
        return x if x.shape[1:3] == size else self.scratch(role, (len(x), *size, x.shape[3]), x)

    def _covered(self, role: str, x: Array, size: tuple[int, int]) -> Array:
        """Return x (c, h, w, n) itself if it has the size, else a copy that zeros fill up to it."""
        copy = self._cover(role, x, size)
        if copy is not x:
            copy[:, x.shape[1] :] = copy[:, :, x.shape[2] :] = 0.0
            _inside(copy, x)[...] = x
        return copy

    def memory(self, n: int, train: bool, workers: int) -> int:
        """Return the numbers that are kept for a batch of n."""
        tiling, task = self.tiling, self.task
        share = tiling.share(n)
        kernels = winograd.POINTS * tiling.maps * tiling.channels
        covers = 0
        if tiling.in_size != task.in_size:
            covers += tiling.channels * prod(tiling.in_size)
        if tiling.out_size != task.out_size:
            covers += tiling.maps * prod(tiling.out_size)
        sums = (-(-n // share) + workers) * kernels if train else 0
        return kernels + tiling.values(n) + workers * tiling.work(share) + n * covers + sums


def _inside(covered: Array, x: Array) -> Array:
    """Return the part of a cover that is x."""
    return covered[:, : x.shape[1], : x.shape[2]]
