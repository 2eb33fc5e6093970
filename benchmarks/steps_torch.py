"""A training step of PyTorch: `torch-eager`, `torch-last` (eager, images channels-last), `torch-compiled`."""

import torch

from benchmarks.contender import Step, examples
from benchmarks.workloads import Workload

_ACTIVATIONS = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}


def prepare(kind: str, workload: Workload, count: int) -> tuple[str, Step]:
    """Return the version of what computes, and the step."""
    torch.set_num_threads(count)
    torch.manual_seed(0)
    model, x = _model(workload), torch.rand(examples(workload))
    if workload.is_convolutional:
        x = x[:, None]
        if kind != "torch-eager":
            model, x = model.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (workload.batch,))
    weights = [p for p in model.parameters() if p.ndim > 1]
    optimizer = torch.optim.SGD(
        [
            {"params": weights, "weight_decay": 2 * workload.l2},
            {"params": [p for p in model.parameters() if p.ndim == 1]},
        ],
        lr=0.01,
        momentum=workload.momentum,
    )
    score = torch.compile(model) if kind == "torch-compiled" else model

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(score(x), labels).backward()
        optimizer.step()

    return f"PyTorch {torch.__version__}", step


def _model(workload: Workload) -> torch.nn.Module:
    f = _ACTIVATIONS.get(workload.activation, torch.nn.Identity)
    if workload.is_convolutional:
        return torch.nn.Sequential(
            *(torch.nn.Conv2d(1, 20, 5), f(), torch.nn.MaxPool2d(2)),
            *(torch.nn.Conv2d(20, 50, 5), f(), torch.nn.MaxPool2d(2)),
            *(torch.nn.Flatten(), torch.nn.Linear(800, 500), f(), torch.nn.Linear(500, 10)),
        )
    layers: list[torch.nn.Module] = []
    for n_in, units in zip(workload.sizes, workload.sizes[1:], strict=False):
        layers += [torch.nn.Linear(n_in, units), f()]
    return torch.nn.Sequential(*layers[:-1])
