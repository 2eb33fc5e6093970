"""An update of a restricted Boltzmann machine as a user of PyTorch writes it: `torch-eager`, `torch-compiled`.

Gradients by hand, since there is nothing to differentiate; each state is drawn with `torch.bernoulli`.
"""

import torch

from benchmarks.contender import Prepared, Step, examples, fastest, thread_counts
from benchmarks.workloads import Workload

_RATE = 0.01


def prepare(kind: str, workload: Workload, count: int, device: str) -> Prepared:
    torch.manual_seed(0)
    torch.set_num_threads(count)
    n_in, units = workload.sizes
    x = torch.rand(examples(workload))
    W, b_h, b_v = 0.01 * torch.randn(n_in, units), torch.zeros(units), torch.zeros(n_in)
    particles = torch.zeros(workload.particles, units) if workload.particles else None

    def update() -> None:
        p0 = torch.sigmoid(torch.addmm(b_h, x, W))
        h = torch.bernoulli(p0) if particles is None else particles
        for _ in range(workload.gibbs):
            v = torch.bernoulli(torch.sigmoid(torch.addmm(b_v, h, W.T)))
            p = torch.sigmoid(torch.addmm(b_h, v, W))
            h = torch.bernoulli(p)
        W.addmm_(x.T, p0, alpha=_RATE / len(x)).addmm_(v.T, p, alpha=-_RATE / len(v))
        b_h.add_(p0.mean(0) - p.mean(0), alpha=_RATE)
        b_v.add_(x.mean(0) - v.mean(0), alpha=_RATE)
        if particles is not None:
            particles.copy_(h)

    compiled = torch.compile(update) if kind == "torch-compiled" else update
    counts = [count] if kind == "torch-compiled" else thread_counts(count)

    def use(threads: int) -> Step:
        torch.set_num_threads(threads)
        return step

    def step() -> None:
        with torch.no_grad():
            compiled()

    threads, _ = fastest(counts, use)
    return Prepared(f"PyTorch {torch.__version__}", threads, step)
