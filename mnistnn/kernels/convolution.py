"""Two-dimensional convolution and its gradients, as matrix products with patches.

x (c, h, w, n) images, zero padding included; W (maps, c·kh·kw), z (maps, oh, ow, n); one floating dtype. The patch of a
position is what its window sees: c·kh·kw numbers, one column of a matrix of patches (im2col). That matrix is made part
by part and never whole: a part stays in the cache between being gathered and being multiplied. It is gathered again in
the backward pass, which costs less than keeping it: it is kh·kw times as large as x.

`flipped` turns each kernel by 180°, which is what mathematics calls a convolution, and what Theano computes.
"""

from mnistnn.backend import Array, array_module
from mnistnn.kernels.windows import Part, Window, parts


def convolve(x: Array, W: Array, window: Window, flipped: bool, z: Array, patches: Array) -> None:
    """Write the correlation of x with each kernel into z.

    z[f, r, s] = Σ_c,i,j W[f, c, i, j] x[c, r·sh + i, s·sw + j]   (flipped: W[f, c, kh−1−i, kw−1−j])
    patches (numbers,) is working memory for the largest part. Cost: one GEMM of 2·n·oh·ow·maps·c·kh·kw flops.
    """
    xp = array_module(x)
    for part in parts(z, W.shape[1]):
        xp.matmul(W, _gathered(x, window, flipped, part, patches), out=part.of(z))


def convolve_backward(
    dz: Array,
    x: Array,
    W: Array,
    window: Window,
    flipped: bool,
    dW: Array,
    patches: Array,
    sums: Array,
    dx: Array | None = None,
) -> None:
    """Write the gradients of `convolve` into dW (maps, c·kh·kw) and, if given, dx, laid out like x.

    dW = dz patchesᵀ;  d patches = Wᵀ dz, and each pixel's dx is the sum over the windows that see it (col2im).
    patches is as in `convolve`; sums (2, c·kh·kw, maps) is working memory.
    Cost: two GEMMs of 2·n·oh·ow·maps·c·kh·kw flops, one without dx.
    """
    xp = array_module(x)
    total, one = sums
    if dx is not None:
        dx[...] = 0.0
    for number, part in enumerate(parts(dz, W.shape[1])):
        dz_part = part.of(dz)
        # The transposed product is a quarter faster: BLAS likes its long side first.
        xp.matmul(_gathered(x, window, flipped, part, patches), dz_part.T, out=one if number else total)
        if number:
            total += one
        if dx is not None:
            d_patches = patches[: W.shape[1] * dz_part.shape[1]].reshape(W.shape[1], -1)
            xp.matmul(W.T, dz_part, out=d_patches)
            _scatter(d_patches, window, flipped, part, dx)
    dW[...] = total.T


def _gathered(x: Array, window: Window, flipped: bool, part: Part, patches: Array) -> Array:
    """Return the patches of a part, (c·kh·kw, positions · n), in the memory of `patches`."""
    by_place = _by_place(patches, x, window, part)
    for i, j in window.places:
        by_place[_kernel_place(window, flipped, i, j)] = window.seen(x, i, j, part)
    return by_place.reshape(len(x) * len(window.places), -1)


def _scatter(d_patches: Array, window: Window, flipped: bool, part: Part, dx: Array) -> None:
    """Add the patches' gradients to those of the pixels that they were gathered from."""
    by_place = _by_place(d_patches.reshape(-1), dx, window, part)
    for i, j in window.places:
        seen = window.seen(dx, i, j, part)
        seen += by_place[_kernel_place(window, flipped, i, j)]


def _by_place(patches: Array, x: Array, window: Window, part: Part) -> Array:
    """Return the start of flat memory as (c, kh, kw, rows, columns, n)."""
    shape = (len(x), *window.size, part.bottom - part.top, part.right - part.left, x.shape[3])
    size = 1
    for extent in shape:
        size *= extent
    return patches[:size].reshape(shape)


def _kernel_place(window: Window, flipped: bool, i: int, j: int) -> tuple[slice, int, int]:
    """Return the index of the kernel's number that meets place (i, j) of the window."""
    if flipped:
        return slice(None), window.size[0] - 1 - i, window.size[1] - 1 - j
    return slice(None), i, j
