"""The image distortion model: a distance between images in which each pixel may move a little, on its own.

Keysers, Deselaers, Gollan & Ney (2007), "Deformation models for image recognition".
"""

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.kernels.edges import shortest_first
from mnistnn.kernels.local_costs import LocalCosts
from mnistnn.types import Array


def idm(q: Array, r: Array, warp: int, context: int) -> Array:
    """Return the distances (m,) int64 of queries q to references r.

    q  (1 or m, 2, h, w)  int8, edges
    r  (m, 2, h, w)       int8
    D = Σ over pixels of q of the least local cost among displacements of at most `warp` pixels, down and to the right
    It is the query's pixels that are explained, each by one of the reference, of which not all need be used.
    Cost: (2·warp + 1)² · h · w · (9 + 4·context) integer operations a pair.
    """
    xp = array_module(q)
    costs = LocalCosts(q, r, context, warp)
    least = costs(0, 0)
    for down, right in shortest_first(warp)[1:]:
        xp.minimum(least, costs(down, right), out=least)
    return least.sum(axis=(1, 2), dtype="int64")


def idm_displacements(q: np.ndarray, r: np.ndarray, warp: int, context: int) -> np.ndarray:
    """Return the displacement (h, w, 2), down and to the right, to the pixel of r that explains each pixel of q; of
    equally good ones the shortest. q, r (1, 2, h, w).
    """
    costs, ways = LocalCosts(q, r, context, warp), shortest_first(warp)
    best = np.stack([costs(*way)[0] for way in ways]).argmin(axis=0)
    displacements: np.ndarray = np.array(ways)[best]
    return displacements
