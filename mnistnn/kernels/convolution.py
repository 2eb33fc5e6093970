"""Two-dimensional convolution and its gradients, as matrix products with patches.

x (c, h, w, n) images, zero padding included; W (maps, c·kh·kw), z (maps, oh, ow, n); one floating dtype. The patch of a
position is what its window sees: c·kh·kw numbers, one column of a matrix of patches (im2col). That matrix is made part
by part and never whole: a part stays in the cache between being gathered and being multiplied. It is gathered again in
the backward pass, which costs less than keeping it: it is kh·kw times as large as x.

`flipped` turns each kernel by 180°, which is what mathematics calls a convolution, and what Theano computes.
patches (workers, numbers) is working memory: for each worker, the patches of the largest part.
"""

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.backend.matmul import serial_matmul, sum_along
from mnistnn.backend.pieces import cut, evenly
from mnistnn.backend.threads import spread
from mnistnn.kernels import convolution_cuda, image_loops
from mnistnn.kernels.windows import Part, Window, parts
from mnistnn.types import Array

_INNER, _INNER_ON_GPU = 768, 125  # terms of a sum in one batch of a product with few results
_LONG_SUMS, _LONG_SUMS_ON_GPU = 65_536, 2_097_152  # numbers in the results of all batches
_MOST_SUMS = 8  # pieces of a sum over all parts: each has memory of its own
_LEAST_ROWS = 128  # of Wᵀ in one product: BLAS is slower with fewer


def convolve(x: Array, W: Array, window: Window, flipped: bool, z: Array, patches: Array) -> None:
    """Write the correlation of x with each kernel into z.

    z[f, r, s] = Σ_c,i,j W[f, c, i, j] x[c, r·sh + i, s·sw + j]   (flipped: W[f, c, kh−1−i, kw−1−j])
    Cost: one GEMM of 2·n·oh·ow·maps·c·kh·kw flops.
    """

    def multiply(part: Part, worker: int) -> None:
        serial_matmul(W, _gathered(x, window, flipped, part, patches[worker]), out=part.of(z))

    spread(multiply, parts(z, W.shape[1]), x)


def convolve_backward(
    dz: Array,
    x: Array,
    W: Array,
    window: Window,
    flipped: bool,
    dW: Array,
    patches: Array,
    sums: Array,
    work: Array,
    dx: Array | None = None,
) -> None:
    """Write the gradients of `convolve` into dW (maps, c·kh·kw) and, if given, dx, laid out like x.

    dW = dz patchesᵀ;  d patches = Wᵀ dz, and each pixel's dx is the sum over the windows that see it (col2im).
    sums (shares, c·kh·kw, maps), see `shares_of`, and work (workers, 1 + batches, c·kh·kw, maps), see `most_batches`,
    are working memory.
    Cost: two GEMMs of 2·n·oh·ow·maps·c·kh·kw flops, one without dx.
    """
    if not isinstance(dz, np.ndarray) and x.flags.c_contiguous and dz.flags.c_contiguous:
        _backward_on_gpu(dz, W, window, flipped, dW, patches[0], work[0], dx)
        return
    shares = shares_of(parts(dz, W.shape[1]))

    def sum_over_patches(numbered_share: tuple[int, list[Part]], worker: int) -> None:
        place, share = numbered_share
        total, one, batches = sums[place], work[worker, 0], work[worker, 1:]
        for number, part in enumerate(share):
            gathered = _gathered(x, window, flipped, part, patches[worker])
            _add_up(gathered, part.of(dz), part.positions, batches, one if number else total)
            if number:
                total += one

    spread(sum_over_patches, list(enumerate(shares)), x)
    dW[...] = sums[0].T
    for total in sums[1 : len(shares)]:
        dW += total.T
    if dx is not None:
        _backward_to_pixels(dz, W, window, flipped, patches, dx)


def shares_of(whole: list[Part]) -> list[list[Part]]:
    """Return the parts that are added up together."""
    return [whole[share] for share in evenly(len(whole), _MOST_SUMS)]


def count_of_shares(parts: int) -> int:
    """Return how many shares there are of so many parts."""
    return len(evenly(parts, _MOST_SUMS))


def _backward_on_gpu(
    dz: Array, W: Array, window: Window, flipped: bool, dW: Array, patches: Array, work: Array, dx: Array | None
) -> None:
    """Do what `convolve_backward` does, in one part. The patches are still those of the forward pass.

    A pixel of dx gathers what the patches have for it: one kernel instead of kh·kw additions.
    """
    patch, columns, positions = W.shape[1], dz[0].size, dz.shape[1] * dz.shape[2]
    patches, dz_ = patches[: patch * columns].reshape(patch, columns), dz.reshape(len(dz), columns)
    count = _batches(columns, positions, dW.size, on_host=False)
    if count == 1:
        serial_matmul(patches, dz_.T, out=dW.T)
    else:
        left = patches.reshape(patch, count, -1).transpose(1, 0, 2)
        right = dz_.reshape(len(dz), count, -1).transpose(1, 2, 0)
        batches = work.reshape(-1)[: count * dW.size].reshape(count, len(dz), patch)
        serial_matmul(left, right, out=batches.transpose(0, 2, 1))
        sum_along(batches.reshape(count, -1), 0, out=dW.reshape(-1))
    if dx is not None:
        d_patches = patches
        serial_matmul(W.T, dz_, out=d_patches)
        sizes = _sizes(dx, window, *dz.shape[1:3])
        convolution_cuda.gather_from_patches.launch(dx.size, dx, d_patches, dx, *sizes, int(flipped))


def _sizes(x: Array, window: Window, rows: int, columns: int) -> tuple[int, ...]:
    """Return what kernels must know: images, height, width, kh, kw, oh, ow, down, across."""
    return (x.shape[3], *x.shape[1:3], *window.size, rows, columns, *window.stride)


def most_batches(columns: int, dW_size: int, on_host: bool = True) -> int:
    """Return into how many batches, at most, a part's product for dW is cut; `columns` is positions · n."""
    numbers, inner = (_LONG_SUMS, _INNER) if on_host else (_LONG_SUMS_ON_GPU, _INNER_ON_GPU)
    return max(1, min(numbers // dW_size, columns // inner))


def _batches(columns: int, positions: int, dW_size: int, on_host: bool = True) -> int:
    """Return into how many batches a product for dW is cut: whole positions each."""
    wanted = most_batches(columns, dW_size, on_host)
    return max(count for count in range(1, wanted + 1) if positions % count == 0)


def _add_up(gathered: Array, dz: Array, positions: int, batches: Array, dW: Array) -> None:
    """Write gathered (c·kh·kw, columns) times dzᵀ (columns, maps) into dW (c·kh·kw, maps).

    A few kernels give a small product with a long sum, which BLAS does at half its speed; and NumPy keeps other threads
    waiting during a product of at most 500 results. In batches of shorter sums both are mended.
    """
    xp, columns = array_module(dz), dz.shape[1]
    count = _batches(columns, positions, dW.size)
    if count == 1:
        # The transposed product is a quarter faster: BLAS likes its long side first.
        xp.matmul(gathered, dz.T, out=dW)
        return
    left = gathered.reshape(len(gathered), count, -1).transpose(1, 0, 2)
    right = dz.reshape(len(dz), count, -1).transpose(1, 2, 0)
    xp.matmul(left, right, out=batches[:count])
    xp.sum(batches[:count], axis=0, out=dW)


def _backward_to_pixels(dz: Array, W: Array, window: Window, flipped: bool, patches: Array, dx: Array) -> None:
    """Write dx, in pieces of its channels, since neighbouring parts share its pixels."""
    xp, per_channel = array_module(dx), len(window.places)
    channels = cut(len(dx), -(-_LEAST_ROWS // per_channel) if xp is np else len(dx))

    def scatter(of: slice, worker: int) -> None:
        kernels, pixels = W[:, of.start * per_channel : of.stop * per_channel], dx[of]
        pixels[...] = 0.0
        for part in parts(dz, W.shape[1]):
            d_seen = window.patches(pixels, part)
            d_patches = patches[worker, : d_seen.size].reshape(d_seen.shape)
            xp.matmul(kernels.T, part.of(dz), out=d_patches.reshape(kernels.shape[1], -1))
            if image_loops.are_worth_it(dx):
                image_loops.scatter(d_patches, part.top, part.left, *window.stride, flipped, pixels)
            else:
                add_patches(d_patches, window, flipped, part, pixels)

    spread(scatter, channels, dx)


def add_patches(d_patches: Array, window: Window, flipped: bool, part: Part, pixels: Array) -> None:
    """Add to each pixel (c, h, w, n) what the patches (c, kh, kw, rows, columns, n) of a part have for it."""
    d_seen = window.patches(pixels, part)
    for i, j in window.places:
        d_seen[:, i, j] += _as_kernel(d_patches, flipped)[:, i, j]


def _gathered(x: Array, window: Window, flipped: bool, part: Part, patches: Array) -> Array:
    """Return the patches of a part, (c·kh·kw, positions · n), in the memory of `patches`."""
    if not isinstance(x, np.ndarray) and x.flags.c_contiguous:
        sizes = _sizes(x, window, part.bottom - part.top, part.right - part.left)
        size = len(x) * len(window.places) * part.positions * x.shape[3]
        places = size // x.shape[3] * -(-x.shape[3] // convolution_cuda.AT_ONCE)
        convolution_cuda.gather_patches.launch(places, x, x, patches, *sizes, int(flipped))
        return patches[:size].reshape(len(x) * len(window.places), -1)
    seen = window.patches(x, part)
    gathered = patches[: seen.size].reshape(seen.shape)
    _as_kernel(gathered, flipped)[...] = seen
    return gathered.reshape(len(x) * len(window.places), -1)


def _as_kernel(patches: Array, flipped: bool) -> Array:
    """Return patches (c, kh, kw, ...) in the order in which the kernel's numbers meet the places of the window."""
    return patches[:, ::-1, ::-1] if flipped else patches
