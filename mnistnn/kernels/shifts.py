"""Copies of images, shifted by whole pixels."""

import numpy as np


def shifts_up_to(reach: int) -> np.ndarray:
    """Return all shifts (dy, dx) of −reach to reach pixels, ((2·reach + 1)², 2), int32: row by row, upwards first."""
    steps = np.arange(-reach, reach + 1, dtype=np.int32)
    return np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)


def shifted(images: np.ndarray, dy: int, dx: int) -> np.ndarray:
    """Return images (..., h, w) shifted down by dy and to the right by dx pixels, in a new array.

    What leaves the image is lost, and what comes in is zero.
    """
    h, w = images.shape[-2:]
    moved = np.zeros_like(images)
    if abs(dy) < h and abs(dx) < w:
        to_y, to_x = (slice(max(step, 0), size + min(step, 0)) for step, size in ((dy, h), (dx, w)))
        from_y, from_x = (slice(max(-step, 0), size + min(-step, 0)) for step, size in ((dy, h), (dx, w)))
        moved[..., to_y, to_x] = images[..., from_y, from_x]
    return moved


def shifted_copies(rows: np.ndarray, shape: tuple[int, ...], which: np.ndarray) -> np.ndarray:
    """Return copies (m, *shape) of images, float32, each shifted as its row of `which` says.

    rows   (n, d)  the images, as rows of prod(shape) numbers
    which  (m, 3)  the number of an image, and the shifts dy and dx; these are 0 where shape is of no image
    """
    if not which[:, 1:].any():
        same: np.ndarray = rows[which[:, 0]].astype(np.float32, copy=False)
        return same.reshape(len(which), *shape)
    copies = np.empty((len(which), *shape), dtype=np.float32)
    shifts, of_copy = np.unique(which[:, 1:], axis=0, return_inverse=True)
    for number, (dy, dx) in enumerate(shifts.tolist()):
        at = np.flatnonzero(of_copy.reshape(-1) == number)
        images = rows[which[at, 0]].astype(np.float32).reshape(len(at), *shape)
        copies[at] = shifted(images, dy, dx) if dy or dx else images
    return copies
