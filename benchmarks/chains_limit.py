"""What an update of a restricted Boltzmann machine cannot do without: its matrix products and its uniform numbers."""

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.contender import Prepared, Step, fastest, thread_counts
from benchmarks.workloads import Workload


def prepare(kind: str, workload: Workload, count: int, device: str) -> Prepared:
    rng, n, (n_in, units) = np.random.default_rng(0), workload.batch, workload.sizes
    m = workload.particles or n
    v, h, W = (rng.random(shape, dtype=np.float32) for shape in ((n_in, n + m), (n + m, units), (n_in, units)))
    v = v.T  # lies as products are fastest
    W /= np.linalg.norm(W, 2)  # so that numbers stay numbers
    dW, u_v, u_h = np.empty_like(W), np.empty((m, n_in), np.float32), np.empty((m, units), np.float32)

    # Chains that begin at the data draw hidden units at their beginning and not at their end: as many in all.
    def step() -> None:
        np.matmul(v[:n], W, out=h[:n])
        for _ in range(workload.gibbs):
            np.matmul(h[n:], W.T, out=v[n:])
            rng.random(out=u_v, dtype=np.float32)
            np.matmul(v[n:], W, out=h[n:])
            rng.random(out=u_h, dtype=np.float32)
        np.matmul(v.T, h, out=dW)

    def use(threads: int) -> Step:
        threadpool_limits(threads)
        return step

    threads, _ = fastest(thread_counts(count), use)
    return Prepared(f"NumPy {np.__version__}", threads, step)
