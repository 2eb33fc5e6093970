"""A batch bent image by image with SciPy, as the recipe of Simard, Steinkraus & Platt (2003) is usually written."""

import numpy as np
import scipy
from scipy.ndimage import gaussian_filter, map_coordinates

from benchmarks.contender import Prepared, examples
from benchmarks.workloads import ALPHA_PX, SIGMA_PX, Workload


def prepare(kind: str, workload: Workload, count: int, device: str) -> Prepared:
    rng = np.random.default_rng(0)
    x = rng.random(examples(workload), dtype=np.float32)
    out, (rows, columns) = np.empty_like(x), np.mgrid[: x.shape[1], : x.shape[2]]

    def bent(image: np.ndarray) -> np.ndarray:
        dy, dx = (
            ALPHA_PX * gaussian_filter(rng.uniform(-1, 1, image.shape), SIGMA_PX, mode="constant") for _ in range(2)
        )
        return map_coordinates(image, (rows + dy, columns + dx), order=1, mode="constant")

    def step() -> None:
        for i, image in enumerate(x):
            out[i] = bent(image)

    return Prepared(f"SciPy {scipy.__version__}", 1, step)
