"""What is measured: one training step each of nets that the course and its readers train, with the goals set for them.

A step is forward, backward and update on one batch that lies in memory, in float32.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Workload:
    """A net and a batch.

    sizes        of a dense net: inputs, units of each layer; empty for LeNet 20-50-500
    peer_goal    how many times as fast as the fastest peer it is to be
    limit_goal   how many times as long as its matrix products alone it may take
    """

    name: str
    sizes: tuple[int, ...]
    activation: str
    batch: int
    peer_goal: float
    limit_goal: float
    momentum: float = 0.0
    l2: float = 0.0

    @property
    def is_convolutional(self) -> bool:
        return not self.sizes


_DEEP = (784, 2500, 2000, 1500, 1000, 500, 10)

WORKLOADS = (
    Workload("softmax, batch 20", (784, 10), "linear", 20, 2.0, 2.5),
    Workload("softmax, batch 600", (784, 10), "linear", 600, 1.7, 1.35),
    Workload("softmax, full batch", (784, 10), "linear", 50_000, 1.2, 1.1),
    Workload("784-20-10 tanh, full batch of 5000", (784, 20, 10), "tanh", 5000, 1.5, 1.4),
    Workload("784-500-10 tanh with L2, batch 20", (784, 500, 10), "tanh", 20, 1.5, 1.45, l2=1e-4),
    Workload("784-800-10 ReLU with momentum, batch 128", (784, 800, 10), "relu", 128, 1.25, 1.3, momentum=0.9),
    Workload("784-2500-2000-1500-1000-500-10 tanh, batch 128", _DEEP, "tanh", 128, 1.15, 1.1),
    Workload("LeNet 20-50-500 ReLU, batch 128", (), "relu", 128, 1.3, 1.6),
    Workload("LeNet 20-50-500 ReLU, batch 500", (), "relu", 500, 1.6, 1.6),
    Workload("LeNet 20-50-500 tanh, batch 128", (), "tanh", 128, 2.0, 1.7),
    Workload("LeNet 20-50-500 tanh, batch 500", (), "tanh", 500, 1.7, 1.7),
)
QUICK = (0, 4, 5, 7)  # of the above, those of `--quick`


def named(name: str) -> Workload:
    """Return the workload of a name."""
    return next(workload for workload in WORKLOADS if workload.name == name)
