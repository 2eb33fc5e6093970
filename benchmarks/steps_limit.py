"""What cannot be undercut: the matrix products of a step alone, on the same BLAS, with as many threads as suit them.

Of a convolution, the flops of its products at the speed of a large square product: the products that stand for it in
one program or another have other shapes.
"""

import statistics
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.contender import Prepared, Step, examples, fastest, seconds_of, thread_counts
from benchmarks.workloads import Workload

Matmul = Callable[..., Any]

_SIDE = {"cpu": 512, "cuda": 4096}
# Multiply-adds for one image of LeNet 20-50-500: forward of each layer; the first needs no gradient of its input.
_LENET = ((20 * 24 * 24 * 25, 2), (50 * 8 * 8 * 500, 3), (800 * 500, 3), (500 * 10, 3))


def prepare(kind: str, workload: Workload, count: int, device: str) -> Prepared:
    if device == "cuda":
        import cupy

        from mnistnn.backend.matmul import serial_matmul

        step, _ = _products(workload, cupy, device, serial_matmul)
        return Prepared(
            f"CuPy {cupy.__version__}", 1, _recorded(step, cupy), cupy.cuda.get_current_stream().synchronize
        )
    step, by_layer = _products(workload, np, device, np.matmul)

    def use(threads: int) -> Step:
        threadpool_limits(threads)
        return step

    threads, step = fastest(thread_counts(count), use)

    def parts(steps: int) -> dict[str, float]:
        times: dict[str, list[float]] = {name: [] for name in by_layer}
        for _ in range(steps):
            for name, part in by_layer.items():
                times[name].append(seconds_of(part))
        return {name: statistics.median(seconds) for name, seconds in times.items()}

    return Prepared(f"NumPy {np.__version__}", threads, step, parts=parts if by_layer else None)


def _recorded(step: Step, cupy: ModuleType) -> Step:
    """Return the replay of a step, recorded in a CUDA graph: to ask for each product takes longer than most of them."""
    step()
    stream = cupy.cuda.Stream()
    with stream:
        stream.begin_capture()
        step()
        graph = stream.end_capture()
    replay: Step = graph.launch
    return replay


def _products(workload: Workload, xp: ModuleType, device: str, matmul: Matmul) -> tuple[Step, dict[str, Step]]:
    if workload.is_convolutional:
        return _convolutional(workload, xp, _SIDE[device], matmul), {}
    if workload.is_recurrent:
        return _recurrent(workload, xp, matmul), {}
    return _dense(workload, xp, matmul)


def _dense(workload: Workload, xp: ModuleType, matmul: Matmul) -> tuple[Step, dict[str, Step]]:
    """Return all products, and those of each layer's forward and backward pass."""
    rng, n = np.random.default_rng(0), workload.batch
    products, by_layer = [], {}
    shapes = zip(workload.layer_names, workload.sizes, workload.sizes[1:], strict=False)
    for place, (name, n_in, units) in enumerate(shapes):
        x, W, dz = (xp.asarray(rng.random(shape, dtype=np.float32)) for shape in ((n, n_in), (n_in, units), (n, units)))
        forward, backward = [(x, W, xp.empty_like(dz))], [(x.T, dz, xp.empty_like(W))]
        if place:
            backward.append((dz, W.T, xp.empty_like(x)))
        by_layer |= {f"{name} forward": _step(forward, matmul), f"{name} backward": _step(backward, matmul)}
        products += [*forward, *backward]
    return _step(products, matmul), by_layer


def _recurrent(workload: Workload, xp: ModuleType, matmul: Matmul) -> Step:
    """Return the products of an LSTM or GRU and of the layer that reads its last output; no gradient of the inputs."""
    rng, (n_in, units, outputs) = np.random.default_rng(0), workload.sizes
    n, t, wide = workload.batch, workload.steps, workload.gates * workload.sizes[1]

    def drawn(*shape: int) -> Any:
        return xp.asarray(rng.random(shape, dtype=np.float32))

    x, h, dz, W, U, V = (
        drawn(*shape)
        for shape in (
            (n * t, n_in),
            (n * t, units),
            (n * t, wide),
            (n_in, wide),
            (units, wide),
            (units, outputs),
        )
    )
    h_s, dz_s, dy = drawn(n, units), drawn(n, wide), drawn(n, outputs)
    all_steps = [(x, W, drawn(n * t, wide)), (x.T, dz, drawn(*W.shape)), (h.T, dz, drawn(*U.shape))]
    each_step = [(h_s, U, drawn(*dz_s.shape)), (dz_s, U.T, drawn(*h_s.shape))]
    reading = [(h_s, V, drawn(*dy.shape)), (h_s.T, dy, drawn(*V.shape)), (dy, V.T, drawn(*h_s.shape))]
    return _step([*all_steps, *each_step * t, *reading], matmul)


def _step(products: list[tuple[Any, Any, Any]], matmul: Matmul) -> Step:
    def step() -> None:
        for a, b, out in products:
            matmul(a, b, out=out)

    return step


def _convolutional(workload: Workload, xp: ModuleType, side: int, matmul: Matmul) -> Step:
    """As many products of square matrices as make up the flops, and one with a shorter inner side for the rest."""
    multiply_adds = examples(workload)[0] * sum(size * passes for size, passes in _LENET)
    times, rest = divmod(multiply_adds, side**3)
    a, b = (xp.asarray(np.random.default_rng(i).random((side, side), dtype=np.float32)) for i in (0, 1))
    out, inner = xp.empty_like(a), rest // side**2
    last = (a[:, :inner].copy(), b[:inner].copy(), out)
    return _step([(a, b, out)] * times + [last] * bool(inner), matmul)
