"""A batch bent as training bends it: compiled resampling, one thread."""

import itertools

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.contender import Prepared, examples
from benchmarks.workloads import ALPHA_PX, SIGMA_PX, Workload
from mnistnn.augment.augment import Augment
from mnistnn.augment.elastic import Elastic
from mnistnn.backend import jit

_IMAGES_PER_EPOCH = 50_000  # what decides whether loops are worth compiling


def prepare(kind: str, workload: Workload, count: int, device: str) -> Prepared:
    threadpool_limits(1)
    rng, shape = np.random.default_rng(0), examples(workload)
    x, labels = rng.random(shape, dtype=np.float32), rng.integers(10, size=workload.batch)
    out, updates = np.empty_like(x), itertools.count()
    augment = Augment(elastic=Elastic(sigma_px=SIGMA_PX, alpha_px=ALPHA_PX))
    augment.build(shape[1:], 10)
    with jit.Compiled(wanted=True).in_use():
        augment.begin(0, _IMAGES_PER_EPOCH)
    return Prepared(f"NumPy {np.__version__}", 1, lambda: augment.distort(x, labels, next(updates), out))
