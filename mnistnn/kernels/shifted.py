"""The Euclidean distance of images, one of which may be shifted as a whole."""

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.kernels.edges import framed, shortest_first
from mnistnn.types import Array


def shifted(q: Array, r: Array, most: int) -> Array:
    """Return the squared distances (m,) int64 of queries q to references r, at the best shift.

    q  (1 or m, h, w)  uint8, pixels
    r  (m, h, w)       uint8
    D = min over shifts s of at most `most` pixels, down and to the right, of ‖q − s r‖²
      = ‖q‖² + ‖r‖² − 2 max ⟨q, s r⟩
    Nothing is lost at the border: both images lie on a plane without ink.
    """
    return _squares(q) + _squares(r) - 2 * _products(q, r, most).max(axis=0)


def shifted_displacements(q: np.ndarray, r: np.ndarray, most: int) -> np.ndarray:
    """Return the displacement (h, w, 2), down and to the right, to the pixel of r that each pixel of q is compared
    with: everywhere the same. q, r (1, h, w).
    """
    best = shortest_first(most)[int(_products(q, r, most)[:, 0].argmax())]
    return np.broadcast_to(np.array(best), (*q.shape[1:], 2)).copy()


def _squares(x: Array) -> Array:
    return (x.astype("int32") ** 2).sum(axis=(1, 2), dtype="int64")


def _products(q: Array, r: Array, most: int) -> Array:
    """Return ⟨q, s r⟩ (shifts, m) int64, the shortest shift first."""
    xp, (_, h, w) = array_module(q), q.shape
    q, frame = q.astype("int32"), framed(r, most, "int32")
    return xp.stack(
        [
            (q * frame[:, most + down : most + down + h, most + right : most + right + w]).sum(
                axis=(1, 2), dtype="int64"
            )
            for down, right in shortest_first(most)
        ]
    )
