"""Pools: the largest or the mean number of each window, and the gradients.

z (c, h, w, n) images, y (c, oh, ow, n). Rows and columns that the last window does not reach are left out.
"""

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.kernels import image_loops, pooling_cuda
from mnistnn.kernels.windows import Window
from mnistnn.types import Array


def max_pool(z: Array, window: Window, y: Array) -> None:
    """Write the largest number of each window into y."""
    if image_loops.are_worth_it(z):
        image_loops.max_pool(z, *window.size, *window.stride, y)
        return
    if _are_for_a_kernel(z, y):
        pooling_cuda.max_pool.launch(_launched(y), y, z, y, *_sizes(z, y, window))
        return
    xp, everywhere = array_module(z), window.whole(y)
    first, *others = (window.seen(z, i, j, everywhere) for i, j in window.places)
    if not others:
        y[...] = first
        return
    xp.maximum(first, others[0], out=y)
    for other in others[1:]:
        xp.maximum(y, other, out=y)


def max_pool_backward(
    dy: Array, z: Array, y: Array, window: Window, all_ties: bool, dz: Array, hit: Array, left: Array
) -> None:
    """Write the gradient of `max_pool` into dz: dy goes to the pixel that was the largest of its window.

    Where several are, it goes to the first of them, row by row; with `all_ties` each of them gets it, as in Theano's
    old pool. dz may be z itself if windows do not overlap. hit and left (c, oh, ow, n) are working memory.
    """
    xp, everywhere = array_module(z), window.whole(y)
    if window.overlaps:
        dz[...] = 0.0
    else:
        _clear_unseen(dz, window, y)
    if image_loops.are_worth_it(z) and not window.overlaps:
        one = y.dtype.type(1.0)
        work = left.reshape(-1)[: y.shape[3]]
        image_loops.max_pool_backward(dy, z, y, *window.size, *window.stride, all_ties, one, dz, work)
        return
    if _are_for_a_kernel(dy, z, y, dz) and not window.overlaps:
        sizes = _sizes(z, y, window)
        pooling_cuda.max_pool_backward.launch(_launched(y), y, dy, z, y, dz, *sizes, int(all_ties))
        return
    left[...] = dy
    for i, j in window.places:
        xp.equal(window.seen(z, i, j, everywhere), y, out=hit)
        hit *= left
        target = window.seen(dz, i, j, everywhere)
        if window.overlaps:
            target += hit
        else:
            target[...] = hit
        if not all_ties:
            left -= hit  # what the first one got, later ones do not


def max_pool_tangent(
    z_dot: Array, z: Array, y: Array, window: Window, all_ties: bool, y_dot: Array, hit: Array, left: Array
) -> None:
    """Write into y_dot how y changes when z changes by z_dot: as the pixel does that was the largest of its window.

    The transpose of `max_pool_backward`, ties included: the first of several counts, or with `all_ties` the sum of all.
    hit and left (c, oh, ow, n) are working memory.
    """
    xp, everywhere = array_module(z), window.whole(y)
    y_dot[...] = 0.0
    left[...] = 1.0
    for i, j in window.places:
        xp.equal(window.seen(z, i, j, everywhere), y, out=hit)
        hit *= left
        if not all_ties:
            left -= hit
        hit *= window.seen(z_dot, i, j, everywhere)
        y_dot += hit


def mean_pool(z: Array, window: Window, y: Array) -> None:
    """Write the mean of each window into y."""
    everywhere = window.whole(y)
    for number, (i, j) in enumerate(window.places):
        if number:
            y += window.seen(z, i, j, everywhere)
        else:
            y[...] = window.seen(z, i, j, everywhere)
    y *= 1.0 / len(window.places)


def mean_pool_backward(dy: Array, window: Window, dz: Array) -> None:
    """Write the gradient of `mean_pool` into dz: each pixel of a window gets dy / (kh·kw), and dy is overwritten."""
    everywhere = window.whole(dy)
    dy *= 1.0 / len(window.places)
    dz[...] = 0.0
    for i, j in window.places:
        target = window.seen(dz, i, j, everywhere)
        target += dy


def _are_for_a_kernel(*arrays: Array) -> bool:
    """Tell whether arrays lie on a GPU as its kernels need them."""
    return not isinstance(arrays[0], np.ndarray) and all(array.flags.c_contiguous for array in arrays)


def _launched(y: Array) -> int:
    """Return how many threads do the windows of y: each takes some images."""
    channels, rows, columns, images = y.shape
    return int(channels * rows * columns * -(-images // pooling_cuda.AT_ONCE))


def _sizes(z: Array, y: Array, window: Window) -> tuple[int, ...]:
    """Return what a kernel must know: images, oh, ow, height, width, kh, kw, down, across."""
    return (y.shape[3], *y.shape[1:3], *z.shape[1:3], *window.size, *window.stride)


def _clear_unseen(dz: Array, window: Window, y: Array) -> None:
    """Set to zero the pixels of dz that no window sees. Windows do not overlap."""
    _, height, width, _ = dz.shape
    (kh, kw), (down, across), (_, rows, columns, _) = window.size, window.stride, y.shape
    seen_rows = [r * down + i for r in range(rows) for i in range(kh)]
    seen_columns = [s * across + j for s in range(columns) for j in range(kw)]
    for row in sorted(set(range(height)).difference(seen_rows)):
        dz[:, row] = 0.0
    for column in sorted(set(range(width)).difference(seen_columns)):
        dz[:, :, column] = 0.0
