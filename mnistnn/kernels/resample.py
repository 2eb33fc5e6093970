"""Images, distorted: where each pixel of the result comes from, and what lies there.

Whatever is done to an image (shifted, turned, sheared, scaled, bent) becomes one place in it for each pixel of the
result, and each pixel is read once, so that nothing is blurred twice. Images (n, c, h, w) and everything else are
arrays of NumPy, of one dtype.

`resample` is the array code. `resample_in_loop` does the same for `jit.CompiledFunction`: the same operations on each
pixel, in the same order, and so the same bits.
"""

import numpy as np


def gaussian_matrix(size: int, sigma: float) -> np.ndarray:
    """Return G (size, size), float64, so that G v is v convolved with a Gaussian, zeros around it.

    G_ij = g(i − j) with g(k) ∝ exp(−k² / 2σ²) and Σ g = 1 over all integers. Rows near the border have a part of g
    outside and are not made up for it, as in Simard, Steinkraus & Platt (2003). G is symmetric.
    """
    reach = max(size, round(10.0 * sigma) + 1)  # beyond it exp(−50) is nothing
    steps = np.arange(-reach, reach + 1)
    g = np.exp(-0.5 * (steps / sigma) ** 2)
    g /= g.sum()
    at = np.arange(size)
    matrix: np.ndarray = g[reach + at[:, None] - at]
    return matrix


def smooth(noise: np.ndarray, G_y: np.ndarray, G_x: np.ndarray, rows: np.ndarray, out: np.ndarray) -> None:
    """Write each plane of noise (..., h, w), smoothed, into out; rows, of the same shape, is working memory.

    out = G_y noise G_xᵀ with symmetric G_y (h, h), G_x (w, w). Cost: 2·h·w·(h + w) flops a plane, in products too small
    for OpenBLAS to share out among threads, so a worker does not disturb the products of others.
    """
    np.matmul(noise, G_x, out=rows)
    np.matmul(G_y, rows, out=out)


def source_maps(
    h: int, w: int, angle: np.ndarray, shear: np.ndarray, scale: np.ndarray, shift: np.ndarray
) -> np.ndarray:
    """Return maps (n, 2, 3), float64, from places in the result to places in the image: (y, x) = map · (y', x', 1).

    angle (n,)     radians, counter-clockwise as seen (y points down)
    shear (n,)     radians by which upright strokes lean to the right
    scale (n, 2)   factors of height and width
    shift (n, 2)   pixels, down and to the right
    The image is scaled, sheared, turned, all about its centre, and shifted. The map is the inverse of that.
    """
    cos, sin, lean = np.cos(angle), np.sin(angle), np.tan(shear)
    maps = np.empty((len(angle), 2, 3))
    maps[:, 0, 0], maps[:, 0, 1] = cos, sin
    maps[:, 1, 0], maps[:, 1, 1] = lean * cos - sin, lean * sin + cos
    maps[:, :, :2] /= scale[:, :, None]
    centre = np.array([(h - 1) / 2, (w - 1) / 2])
    maps[:, :, 2] = centre - (maps[:, :, :2] * (centre + shift)[:, None, :]).sum(axis=2)
    return maps


def resample(images: np.ndarray, maps: np.ndarray, fields: np.ndarray, sharing: int, out: np.ndarray) -> None:
    """Write images, read at the places that maps and fields say, into out (n, c, h, w).

    images  (n, c, h, w)
    maps    (n, 2, 3)      as of `source_maps`
    fields  (m, 2, h, w)   displacements dy, dx; field i // sharing goes with image i
    y = map₀·(y', x', 1) + dy;  x = map₁·(y', x', 1) + dx;  bilinear between the four pixels around (y, x).
    Outside of the image is 0. What is not moved keeps its bits; where an image is constant, so is the result.
    """
    n, c, h, w = images.shape
    of_image = np.arange(n) // sharing
    down, across = np.arange(h, dtype=images.dtype)[:, None], np.arange(w, dtype=images.dtype)
    y = _places(maps[:, 0], fields[of_image, 0], down, across, h)  # (n, h, w)
    x = _places(maps[:, 1], fields[of_image, 1], down, across, w)
    above, left = np.floor(y), np.floor(x)
    fy, fx = (y - above)[:, None], (x - left)[:, None]  # (n, 1, h, w)
    framed = np.zeros((n, c, h + 3, w + 3), dtype=images.dtype)  # with the zeros that lie around the image
    framed[:, :, 1 : h + 1, 1 : w + 1] = images
    corner = (above.astype(np.int32) + 1) * (w + 3) + left.astype(np.int32) + 1
    corner = corner.reshape(n, 1, h * w)

    def pixels(step: int) -> np.ndarray:
        flat = framed.reshape(n, c, -1)
        return np.take_along_axis(flat, corner + step, axis=2).reshape(images.shape)

    upper = pixels(0)
    upper += fx * (pixels(1) - upper)
    lower = pixels(w + 3)
    lower += fx * (pixels(w + 4) - lower)
    lower -= upper
    lower *= fy
    np.add(upper, lower, out=out)


def _places(row: np.ndarray, field: np.ndarray, down: np.ndarray, across: np.ndarray, size: int) -> np.ndarray:
    """Return one coordinate of each pixel's source (n, h, w). What lies farther out than −1 or size is as good there:
    all four pixels around are outside.
    """
    a, b, offset = (row[:, i, None, None] for i in range(3))
    places: np.ndarray = (a * down + offset) + b * across + field
    return np.clip(places, -1, size, out=places)


def resample_in_loop(images: np.ndarray, maps: np.ndarray, fields: np.ndarray, sharing: int, out: np.ndarray) -> None:
    """Do what `resample` does, pixel by pixel."""
    n, c, h, w = images.shape
    steps = np.arange(-1, max(h, w) + 1).astype(images.dtype)  # steps[i + 1] is i in the images' dtype
    outside, bottom, right = steps[0], steps[h + 1], steps[w + 1]
    framed = np.zeros((c, (h + 3) * (w + 3)), dtype=images.dtype)
    corner = np.empty(w, dtype=np.int32)
    fy, fx = np.empty(w, dtype=images.dtype), np.empty(w, dtype=images.dtype)
    for i in range(n):
        for k in range(c):
            for y in range(h):
                for x in range(w):
                    framed[k, (y + 1) * (w + 3) + x + 1] = images[i, k, y, x]
        field = fields[i // sharing]
        for y in range(h):
            row_y = maps[i, 0, 0] * steps[y + 1] + maps[i, 0, 2]
            row_x = maps[i, 1, 0] * steps[y + 1] + maps[i, 1, 2]
            for x in range(w):
                at_y = row_y + maps[i, 0, 1] * steps[x + 1] + field[0, y, x]
                at_x = row_x + maps[i, 1, 1] * steps[x + 1] + field[1, y, x]
                at_y = min(max(at_y, outside), bottom)
                at_x = min(max(at_x, outside), right)
                above, left = np.floor(at_y), np.floor(at_x)
                fy[x], fx[x] = at_y - above, at_x - left
                corner[x] = (np.int32(above) + 1) * (w + 3) + np.int32(left) + 1
            for k in range(c):
                for x in range(w):
                    at = np.uint64(corner[x])  # unsigned, or Numba asks at each pixel whether it counts from the end
                    below = at + np.uint64(w + 3)
                    upper = framed[k, at]
                    upper += fx[x] * (framed[k, at + np.uint64(1)] - upper)
                    lower = framed[k, below]
                    lower += fx[x] * (framed[k, below + np.uint64(1)] - lower)
                    out[i, k, y, x] = upper + (lower - upper) * fy[x]
