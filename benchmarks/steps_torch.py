"""A training step of PyTorch: `torch-eager`, `torch-last` (eager, images channels-last), `torch-compiled` (likewise),
and on a GPU `torch-graph`: the whole step captured once in a CUDA graph and replayed.

Threads, and whether the update is fused, are chosen by trial, but for `torch-default`, which is as PyTorch comes, and
`torch-single`. Products are in full float32 on a GPU too.
"""

import itertools

import torch

from benchmarks.contender import Prepared, Step, examples, fastest, thread_counts
from benchmarks.workloads import Workload

_ACTIVATIONS = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}
_WARM_UP = 5


def prepare(kind: str, workload: Workload, count: int, device: str) -> Prepared:
    torch.manual_seed(0)
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    # A compiled step is compiled for one number of threads.
    counts = [count] if kind == "torch-compiled" or device == "cuda" else thread_counts(count)
    if kind != "torch-default":
        torch.set_num_threads(count)
    model, x = _model(workload).to(device), torch.rand(examples(workload), device=device)
    if workload.is_convolutional:
        x = x[:, None]
        if kind in ("torch-last", "torch-compiled"):
            model, x = model.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (workload.batch,), device=device)

    def loss() -> torch.Tensor:
        return torch.nn.functional.cross_entropy(model(x), labels)

    if kind == "torch-compiled":
        loss = torch.compile(loss)
    if kind == "torch-single":
        counts = [1]
    elif kind == "torch-default":
        counts = [torch.get_num_threads()]

    fusing = (False,) if kind in ("torch-default", "torch-single") else (False, True)

    def use(setting: tuple[int, bool]) -> Step:
        threads, fused = setting
        torch.set_num_threads(threads)
        optimizer = _optimizer(workload, model, fused)

        def step() -> None:
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()

        return _captured(step, optimizer) if kind == "torch-graph" else step

    (threads, _), step = fastest(list(itertools.product(counts, fusing)) if device == "cpu" else [(count, True)], use)
    finish = torch.cuda.synchronize if device == "cuda" else None
    return Prepared(f"PyTorch {torch.__version__}", threads, step, finish)


def _captured(step: Step, optimizer: torch.optim.Optimizer) -> Step:
    """Return the replay of a step. Gradients must be made while it is captured, so that they belong to the graph."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(_WARM_UP):
            step()
    torch.cuda.current_stream().wait_stream(aside)
    optimizer.zero_grad(set_to_none=True)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def _optimizer(workload: Workload, model: torch.nn.Module, fused: bool) -> torch.optim.Optimizer:
    weights = [p for p in model.parameters() if p.ndim > 1]
    return torch.optim.SGD(
        [
            {"params": weights, "weight_decay": 2 * workload.l2},
            {"params": [p for p in model.parameters() if p.ndim == 1]},
        ],
        lr=0.01,
        momentum=workload.momentum,
        fused=fused,
    )


def _model(workload: Workload) -> torch.nn.Module:
    f = _ACTIVATIONS.get(workload.activation, torch.nn.Identity)
    if workload.is_convolutional:
        return torch.nn.Sequential(
            *(torch.nn.Conv2d(1, 20, 5), f(), torch.nn.MaxPool2d(2)),
            *(torch.nn.Conv2d(20, 50, 5), f(), torch.nn.MaxPool2d(2)),
            *(torch.nn.Flatten(), torch.nn.Linear(800, 500), f(), torch.nn.Linear(500, 10)),
        )
    if workload.is_recurrent:
        return _ReadsToTheEnd(workload.cell, *workload.sizes)
    layers: list[torch.nn.Module] = []
    for n_in, units in zip(workload.sizes, workload.sizes[1:], strict=False):
        layers += [torch.nn.Linear(n_in, units), f()]
    return torch.nn.Sequential(*layers[:-1])


class _ReadsToTheEnd(torch.nn.Module):
    """An LSTM or GRU whose last output is read by a linear layer."""

    def __init__(self, cell: str, n_in: int, units: int, outputs: int) -> None:
        super().__init__()
        kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell]
        self.memory, self.output = kind(n_in, units, batch_first=True), torch.nn.Linear(units, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.output(self.memory(x)[0][:, -1])
