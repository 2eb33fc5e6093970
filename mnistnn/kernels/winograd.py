"""Convolution by minimal filtering: the same sums as `convolution.py`, with a fraction of the multiplications.

A tile of m × m numbers of the output is made of a tile of 8 × 8 pixels, where m = 9 − r for a kernel of r × r. Both are
read as polynomials and evaluated at eight points; there a convolution is one product for each point:

    U = (G ⊗ G) W,   V = (B ⊗ B)ᵀ x,   M[p] = U[p] V[p],   z = (A ⊗ A)ᵀ M        p = 1 … 64

So the m² r² multiplications of a tile, 400 for r = 5, become 64. The price is rounding, since values at the points ±2
and ±½ differ in size: the error of z is 2·10⁻⁶ of its size in float32, where plain sums have 1·10⁻⁷ (root mean
square; 3·10⁻¹⁵ in float64). Gradients are the transposed steps in reverse order, so they are those of these very
numbers. Winograd (1980); for nets Lavin & Gray (2016). The matrices follow from the points, as Toom and Cook multiply
polynomials: evaluation is a Vandermonde matrix, interpolation its inverse.

x (c, h, w, n) images and z (maps, oh, ow, n), as large as the tiles, padding included; W (maps, c·r·r); one floating
dtype. U (64, maps, c); V is flat memory for (64, c, tiles · n), piece by piece.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.backend.matmul import serial_matmul
from mnistnn.backend.pieces import cut
from mnistnn.backend.threads import spread
from mnistnn.kernels import windows
from mnistnn.kernels.windows import Part, Window
from mnistnn.types import Array

SIDE = 8
_POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)  # and one at infinity, where only the highest power counts
POINTS = SIDE * SIDE
_KERNELS = (3, 4, 5, 6)
_LEAST_CHANNELS = 8
_LEAST_SAVING = 2.0
_IMAGES = 64  # in a share of a batch, unless its values need fewer to stay in a cache


@dataclass(frozen=True)
class Tiling:
    """Rows and columns of tiles that cover the output of a convolution with maps · channels square kernels."""

    kernel: int
    channels: int
    maps: int
    rows: int
    columns: int

    @property
    def step(self) -> int:
        """The side m of a tile of the output, and how far apart the tiles of the input are."""
        return SIDE + 1 - self.kernel

    @property
    def out_size(self) -> tuple[int, int]:
        """Height and width of the output that the tiles cover."""
        return self.rows * self.step, self.columns * self.step

    @property
    def in_size(self) -> tuple[int, int]:
        """Height and width of the images that the tiles cover."""
        height, width = self.out_size
        return height + self.kernel - 1, width + self.kernel - 1

    @property
    def windows_of_x(self) -> Window:
        return Window((SIDE, SIDE), (self.step, self.step))

    @property
    def windows_of_z(self) -> Window:
        return Window((self.step, self.step), (self.step, self.step))

    def values(self, n: int) -> int:
        """Return how many numbers V has for n images."""
        return POINTS * self.channels * self.rows * self.columns * n

    def work(self, share: int, on_host: bool = True) -> int:
        """Return how many numbers of working memory a thread needs for shares of so many images."""
        tiles = self.at_once(share) if on_host else self.rows * self.columns
        smaller = max(POINTS * self.channels, self.step**2 * self.maps)
        return tiles * share * (POINTS * max(self.maps, self.channels) + smaller)

    def at_once(self, n: int) -> int:
        """Return how many tiles of a row are worked on together, so that their values stay in a core's cache."""
        return min(self.columns, max(1, self._most_columns // n))

    def share(self, n: int) -> int:
        """Return how many of n images make a share: workers share a batch by its images."""
        count = max(1, round(n / _IMAGES), -(-n // self._most_columns))
        return -(-n // count)

    @property
    def _most_columns(self) -> int:
        """Tiles · images whose values stay in a core's cache."""
        return max(1, windows.PART // (POINTS * max(self.maps, self.channels)))

    def shares(self, x: Array) -> list[slice]:
        """Cut a batch x (..., n) by images: no share adds to a pixel of another. On a GPU there is one."""
        n = x.shape[-1]
        return cut(n, self.share(n) if isinstance(x, np.ndarray) else n)

    def parts(self, x: Array) -> Iterator[Part]:
        """Yield the tiles in parts that are worked on together; x (..., n) is a share."""
        if not isinstance(x, np.ndarray):
            yield Part(0, self.rows, 0, self.columns)
            return
        width = self.at_once(x.shape[-1])
        for row in range(self.rows):
            for left in range(0, self.columns, width):
                yield Part(row, row + 1, left, min(left + width, self.columns))


def tiling(window: Window, out_size: tuple[int, int], channels: int, maps: int) -> Tiling | None:
    """Return the tiles for a convolution whose output has `out_size`, or None if its windows are not made for them."""
    (kernel, width), (rows, columns) = window.size, out_size
    if window.stride != (1, 1) or kernel != width or kernel not in _KERNELS:
        return None
    step = SIDE + 1 - kernel
    return Tiling(kernel, channels, maps, -(-rows // step), -(-columns // step))


def saves_enough(found: Tiling, out_size: tuple[int, int]) -> bool:
    """Tell whether tiles at least halve the multiplications of a convolution, and leave products that suit BLAS."""
    products = out_size[0] * out_size[1] * found.kernel**2
    is_thin = min(found.channels, found.maps) < _LEAST_CHANNELS
    return not is_thin and products >= _LEAST_SAVING * POINTS * found.rows * found.columns


@dataclass(frozen=True)
class Matrices:
    """A ⊗ A (64, m²), G ⊗ G (64, r²) and (B ⊗ B)ᵀ (64, 64)."""

    A: Array
    G: Array
    B_T: Array

    @classmethod
    def like(cls, x: Array, kernel: int, flipped: bool) -> "Matrices":
        """Return them with the dtype and on the device of x; `flipped` as in `convolution.py`."""
        xp, G = array_module(x), _at_points(kernel)
        factors = _at_points(SIDE + 1 - kernel), G[:, ::-1] if flipped else G, np.linalg.inv(_at_points(SIDE)).T
        return cls(*(xp.asarray(np.kron(factor, factor), dtype=x.dtype) for factor in factors))


def _at_points(terms: int) -> np.ndarray:
    """Return the matrix (8, terms) that evaluates a polynomial, given by its coefficients, at the points."""
    powers = [[point**power for power in range(terms)] for point in _POINTS]
    return np.array([*powers, [0.0] * (terms - 1) + [1.0]])


def convolve(x: Array, W: Array, tiling: Tiling, by: Matrices, z: Array, U: Array, V: Array, work: Array) -> None:
    """Write the correlation of x with each kernel into z; keep U and V for the gradients.

    work (workers, numbers) is working memory, see `Tiling.work`.
    Cost: GEMMs of 2·64·tiles·n·maps·c flops, and for the transforms 2·64·tiles·n·(64 c + m² maps).
    """
    serial_matmul(by.G, W.reshape(-1, tiling.kernel**2).T, out=U.reshape(POINTS, -1))

    def share_of(images: slice, worker: int) -> None:
        x_, z_ = x[..., images], z[..., images]
        for part, V_ in _with_values(tiling, images, x_, V):
            M, pixels, y = _memory(tiling, V_, work[worker])
            _gather(tiling.windows_of_x.patches(x_, part), pixels)
            serial_matmul(by.B_T, pixels, out=V_.reshape(POINTS, -1))
            serial_matmul(U, V_, out=M)
            serial_matmul(by.A.T, M.reshape(POINTS, -1), out=y)
            _put(y, tiling.windows_of_z.patches(z_, part))

    spread(share_of, tiling.shares(x), x)


def convolve_backward(
    dz: Array,
    tiling: Tiling,
    by: Matrices,
    U: Array,
    V: Array,
    dW: Array,
    dU: Array,
    work: Array,
    dx: Array | None = None,
) -> None:
    """Write the gradients of `convolve` into dW (maps, c·r·r) and, if given, dx, laid out like x. V is overwritten.

    dM = (A ⊗ A) dz;  dU[p] = dM[p] V[p]ᵀ;  dV[p] = U[p]ᵀ dM[p];  dW = (G ⊗ G)ᵀ dU;  dx = Σ (B ⊗ B) dV over the tiles
    that see a pixel.
    dU (shares + workers, 64, maps, c) is working memory: the sum of each share, and a product of each worker.
    """
    shares = tiling.shares(dz)
    if dx is not None:
        dx[...] = 0.0

    def share_of(numbered: tuple[int, slice], worker: int) -> None:
        number, images = numbered
        total, one, dz_ = dU[number], dU[len(shares) + worker], dz[..., images]
        is_first = True
        for part, V_ in _with_values(tiling, images, dz_, V):
            dM, pixels, dy = _memory(tiling, V_, work[worker])
            _gather(tiling.windows_of_z.patches(dz_, part), dy)
            serial_matmul(by.A, dy, out=dM.reshape(POINTS, -1))
            serial_matmul(dM, V_.transpose(0, 2, 1), out=total if is_first else one)
            if not is_first:
                total += one
            is_first = False
            if dx is not None:
                dV = V_
                serial_matmul(U.transpose(0, 2, 1), dM, out=dV)
                serial_matmul(by.B_T.T, dV.reshape(POINTS, -1), out=pixels)
                _add(pixels, tiling, part, dx[..., images])

    spread(share_of, list(enumerate(shares)), dz)
    for total in dU[1 : len(shares)]:
        dU[0] += total
    serial_matmul(dU[0].reshape(POINTS, -1).T, by.G, out=dW.reshape(-1, tiling.kernel**2))


def _with_values(tiling: Tiling, images: slice, x: Array, V: Array) -> Iterator[tuple[Part, Array]]:
    """Yield each part of a share with its values V (64, c, columns); x (..., n) is the share, V the memory of all."""
    n, size = images.stop - images.start, POINTS * tiling.channels
    start = size * tiling.rows * tiling.columns * images.start
    for part in tiling.parts(x):
        columns = part.positions * n
        yield part, V[start : start + size * columns].reshape(POINTS, tiling.channels, columns)
        start += size * columns


def _memory(tiling: Tiling, V: Array, work: Array) -> tuple[Array, Array, Array]:
    """Return M (64, maps, columns), pixels (64, c · columns) and y (m², maps · columns) in working memory.

    y and the pixels share theirs: one is not needed any more when the other is.
    """
    columns = V.shape[-1]
    size = POINTS * tiling.maps * columns
    rest = work[POINTS * max(tiling.maps, tiling.channels) * columns :]
    pixels = rest[: POINTS * tiling.channels * columns].reshape(POINTS, -1)
    y = rest[: tiling.step**2 * tiling.maps * columns].reshape(tiling.step**2, -1)
    return work[:size].reshape(POINTS, tiling.maps, columns), pixels, y


def _gather(tiles: Array, rows: Array) -> None:
    """Copy tiles (c, i, j, rows, columns, n) into rows (i·j, c · columns), whose columns are (rows, columns, n)."""
    ordered = tiles.transpose(1, 2, 0, 3, 4, 5)
    rows.reshape(ordered.shape)[...] = ordered


def _put(rows: Array, tiles: Array) -> None:
    """Undo `_gather`, for tiles that do not overlap."""
    ordered = tiles.transpose(1, 2, 0, 3, 4, 5)
    ordered[...] = rows.reshape(ordered.shape)


def _add(rows: Array, tiling: Tiling, part: Part, dx: Array) -> None:
    """Add rows (64, c · columns) to the tiles of dx that they belong to. Tiles overlap; each k-th of a row does not."""
    height, width = part.bottom - part.top, part.right - part.left
    pixels = rows.reshape(SIDE, SIDE, tiling.channels, height, width, -1).transpose(2, 0, 1, 3, 4, 5)
    k = -(-SIDE // tiling.step)
    apart = Window((SIDE, SIDE), (k * tiling.step, k * tiling.step))
    for a in range(min(k, height)):
        for b in range(min(k, width)):
            corner = dx[:, (part.top + a) * tiling.step :, (part.left + b) * tiling.step :]
            chosen = pixels[:, :, :, a::k, b::k]
            target = apart.patches(corner, Part(0, chosen.shape[3], 0, chosen.shape[4]))
            target += chosen
