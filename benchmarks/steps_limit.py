"""What cannot be undercut: the matrix products of a step alone, on the same BLAS.

Of a convolution, the flops of its products at the speed of a large square product: the products that stand for it in
one program or another have other shapes.
"""

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.contender import Step, examples
from benchmarks.workloads import Workload

_SIDE = 512
# Multiply-adds for one image of LeNet 20-50-500: forward of each layer; the first needs no gradient of its input.
_LENET = ((20 * 24 * 24 * 25, 2), (50 * 8 * 8 * 500, 3), (800 * 500, 3), (500 * 10, 3))


def prepare(kind: str, workload: Workload, count: int) -> tuple[str, Step]:
    """Return the version of what computes, and the step."""
    threadpool_limits(count)
    step = _convolutional(workload) if workload.is_convolutional else _dense(workload)
    return f"NumPy {np.__version__}", step


def _dense(workload: Workload) -> Step:
    rng, n = np.random.default_rng(0), workload.batch
    products = []
    for first, (n_in, units) in enumerate(zip(workload.sizes, workload.sizes[1:], strict=False)):
        x, W, dz = (rng.random(shape, dtype=np.float32) for shape in ((n, n_in), (n_in, units), (n, units)))
        products += [(x, W, np.empty_like(dz)), (x.T, dz, np.empty_like(W))]
        if first:
            products.append((dz, W.T, np.empty_like(x)))

    def step() -> None:
        for a, b, out in products:
            np.matmul(a, b, out=out)

    return step


def _convolutional(workload: Workload) -> Step:
    """As many products of square matrices as make up the flops, and one with a shorter inner side for the rest."""
    multiply_adds = examples(workload)[0] * sum(size * passes for size, passes in _LENET)
    times, rest = divmod(multiply_adds, _SIDE**3)
    a, b = (np.random.default_rng(i).random((_SIDE, _SIDE), dtype=np.float32) for i in (0, 1))
    out, inner = np.empty_like(a), rest // _SIDE**2

    def step() -> None:
        for _ in range(times):
            np.matmul(a, b, out=out)
        if inner:
            np.matmul(a[:, :inner], b[:inner], out=out)

    return step
