"""Compiled versions of the array code for images: one walk over memory where NumPy makes several, and one call where it
makes one for each pixel of a kernel. Same operations in the same order, so the same numbers. Not worth it, measured:
bias and ReLU inside the loops of a pool (0.30 and 0.24 ms of a LeNet step's 14.1 ms).

Images are (c, h, w, n). A window stands at row r·down, column s·across.
"""

from typing import Any

import numpy as np

from mnistnn.backend import jit
from mnistnn.types import Array

# Below this, a step is so short that starting Numba (a second) would not be earned back.
_LEAST = 65_536  # numbers


def are_worth_it(x: Array) -> bool:
    """Tell whether to take the compiled loop of a function for an array of the size of x."""
    return x.size >= _LEAST and isinstance(x, np.ndarray) and jit.is_available()


def _scatter(d_patches: Any, top: int, left: int, down: int, across: int, flipped: bool, dx: Any) -> None:
    channels, kh, kw, rows, columns, n = d_patches.shape
    for c in range(channels):
        for i in range(kh):
            for j in range(kw):
                a, b = (kh - 1 - i, kw - 1 - j) if flipped else (i, j)
                for r in range(rows):
                    for s in range(columns):
                        pixel = dx[c, (top + r) * down + i, (left + s) * across + j]
                        patch = d_patches[c, a, b, r, s]
                        for image in range(n):
                            pixel[image] += patch[image]


def _max_pool(z: Any, kh: int, kw: int, down: int, across: int, y: Any) -> None:
    channels, rows, columns, n = y.shape
    for c in range(channels):
        for r in range(rows):
            for s in range(columns):
                largest = y[c, r, s]
                largest[:] = z[c, r * down, s * across]
                for i in range(kh):
                    for j in range(kw):
                        pixel = z[c, r * down + i, s * across + j]
                        for image in range(n):
                            # As NumPy's maximum: what is not a number stays.
                            keeps = largest[image] >= pixel[image] or largest[image] != largest[image]
                            largest[image] = largest[image] if keeps else pixel[image]


def _max_pool_backward(
    dy: Any, z: Any, y: Any, kh: int, kw: int, down: int, across: int, all_ties: bool, one: Any, dz: Any, left: Any
) -> None:
    channels, rows, columns, n = y.shape
    zero = one - one
    for c in range(channels):
        for r in range(rows):
            for s in range(columns):
                left[:] = dy[c, r, s]
                largest = y[c, r, s]
                for i in range(kh):
                    for j in range(kw):
                        pixel = z[c, r * down + i, s * across + j]
                        d_pixel = dz[c, r * down + i, s * across + j]
                        for image in range(n):
                            hit = (one if pixel[image] == largest[image] else zero) * left[image]
                            d_pixel[image] = hit
                            if not all_ties:
                                left[image] -= hit


scatter = jit.CompiledFunction(_scatter)
max_pool = jit.CompiledFunction(_max_pool)
max_pool_backward = jit.CompiledFunction(_max_pool_backward)
