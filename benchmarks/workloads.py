"""What is measured step by step: nets that the course and its readers train, and what is done to their images.

A step of a net is forward, backward and update on one batch that lies in memory, in float32.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True)
class Workload:
    """Work that contenders do again and again, and the goals set for it.

    task        steps: a training step; chains: that of a restricted Boltzmann machine; elastic: to bend a batch;
                training: to train an experiment, batches and all; fitted: to fit or to ask a fitted model
    sizes       of a dense net: inputs, units of each layer; of a model: visible and hidden units; of a recurrent
                net: inputs of a step, units of the LSTM or GRU, outputs; empty for LeNet 20-50-500
    steps       that a recurrent net reads; other nets read none
    cell        of a recurrent net
    gibbs       steps of a model's chains in an update
    particles   persistent chains; without any, chains begin at the batch
    peer_goal   how many times as fast as the fastest peer it is to be
    limit_goal  how many times as long as the least there can be it may take
    cuda_goal   what peer_goal is on a GPU
    experiment  a file, for training; relative to the checkout
    model       that is fitted to a batch of digits (svm), or asked about one (asked-svm, knn)
    folder      of the digits' files
    turn_s      seconds of each contender in each round
    statistic   of the steps of a round: their median, or their mean where rare long ones count
    """

    name: str
    task: Literal["steps", "chains", "elastic", "training", "fitted"]
    batch: int
    sizes: tuple[int, ...] = ()
    activation: str = "linear"
    momentum: float = 0.0
    l2: float = 0.0
    steps: int = 0
    cell: Literal["", "lstm", "gru"] = ""
    gibbs: int = 0
    particles: int = 0
    peer_goal: float | None = None
    limit_goal: float | None = None
    cuda_goal: float | None = None
    experiment: str = ""
    model: Literal["", "svm", "asked-svm", "knn"] = ""
    folder: str = ""
    turn_s: float = 0.3
    statistic: Literal["median", "mean"] = "median"

    @property
    def is_convolutional(self) -> bool:
        return not self.sizes

    @property
    def is_recurrent(self) -> bool:
        return self.steps > 0

    @property
    def gates(self) -> int:
        """How many sums a unit of a recurrent net has."""
        return {"lstm": 4, "gru": 3}[self.cell]

    @property
    def layer_names(self) -> list[str]:
        """The names of a dense net's layers."""
        return [*(f"hidden{number}" for number in range(1, len(self.sizes) - 1)), "output"]

    @property
    def multiply_adds(self) -> int:
        """Multiplications, each with an addition, of the forward pass over the batch, of a dense or recurrent net."""
        if self.is_recurrent:
            n_in, units, outputs = self.sizes
            return self.batch * (self.steps * (n_in + units) * self.gates * units + units * outputs)
        return self.batch * sum(a * b for a, b in zip(self.sizes, self.sizes[1:], strict=False))


def _net(
    name: str, sizes: Sequence[int], activation: str, batch: int, goals: tuple[float, float, float], **rule: float
) -> Workload:
    peer_goal, limit_goal, cuda_goal = goals
    return Workload(
        name,
        "steps",
        batch,
        tuple(sizes),
        activation,
        peer_goal=peer_goal,
        limit_goal=limit_goal,
        cuda_goal=cuda_goal,
        **rule,  # type: ignore[arg-type] # momentum or l2
    )


_CELLS: tuple[Literal["lstm", "gru"], ...] = ("lstm", "gru")
_DEEP = (784, 2500, 2000, 1500, 1000, 500, 10)

STEPS = (
    _net("softmax, batch 20", (784, 10), "linear", 20, (2.0, 2.5, 1.5)),
    _net("softmax, batch 600", (784, 10), "linear", 600, (1.7, 1.35, 1.5)),
    _net("softmax, full batch", (784, 10), "linear", 50_000, (1.2, 1.1, 1.0)),
    _net("784-20-10 tanh, full batch of 5000", (784, 20, 10), "tanh", 5000, (1.5, 1.4, 1.5)),
    _net("784-500-10 tanh with L2, batch 20", (784, 500, 10), "tanh", 20, (1.5, 1.45, 1.5), l2=1e-4),
    _net("784-800-10 ReLU with momentum, batch 128", (784, 800, 10), "relu", 128, (1.25, 1.3, 1.5), momentum=0.9),
    _net("784-2500-2000-1500-1000-500-10 tanh, batch 128", _DEEP, "tanh", 128, (1.15, 1.1, 1.0)),
    _net("LeNet 20-50-500 ReLU, batch 128", (), "relu", 128, (1.3, 1.6, 1.0)),
    _net("LeNet 20-50-500 ReLU, batch 500", (), "relu", 500, (1.6, 1.6, 1.0)),
    _net("LeNet 20-50-500 tanh, batch 128", (), "tanh", 128, (2.0, 1.7, 1.0)),
    _net("LeNet 20-50-500 tanh, batch 500", (), "tanh", 500, (1.7, 1.7, 1.0)),
    *(
        Workload(
            f"{cell.upper()} 28-128-10, 28 steps, batch {batch}",
            "steps",
            batch,
            (28, 128, 10),
            steps=28,
            cell=cell,
            peer_goal=1.0,
            limit_goal=1.6,
        )
        for cell in _CELLS
        for batch in (20, 128)
    ),
)
QUICK = (0, 4, 5, 7)  # of the above, those of `--quick`
BUSY = (1, 4, 9, 12)  # those that are also measured beside other processes
BUSY_GOAL = 1.25

CHAINS = (
    Workload("RBM 784-500, CD-1, batch 20", "chains", 20, (784, 500), gibbs=1, peer_goal=2.0, limit_goal=1.5),
    Workload(
        *("RBM 784-500, PCD-1 with 100 particles, batch 100", "chains", 100, (784, 500)),
        gibbs=1,
        particles=100,
        peer_goal=2.0,
        limit_goal=1.5,
    ),
    Workload(
        *("RBM 784-500, PCD-15 with 20 particles, batch 20", "chains", 20, (784, 500)),
        gibbs=15,
        particles=20,
        peer_goal=2.0,
        limit_goal=1.5,
    ),
)

SIGMA_PX, ALPHA_PX = 4.0, 34.0  # of the distortion, those of Simard, Steinkraus & Platt (2003)
ELASTIC = Workload("elastic distortion, 28×28", "elastic", 128, peer_goal=5.0)
HIDDEN = Workload(
    "training LeNet on images bent anew", "training", 100, experiment="experiments/cnn_elastic.yaml", turn_s=2.0
)

DEGREE, C, CACHE_MB = 9, 2.0, 400  # those of the history's virtual support vector machine
NEIGHBOURS, REFERENCES, FITTED_TO = 3, 50_000, 4000


def _fitted(name: str, batch: int, model: Literal["svm", "asked-svm", "knn"]) -> Workload:
    return Workload(name, "fitted", batch, model=model, peer_goal=2.0, turn_s=1.0)


FITTED = (
    _fitted("SVM of degree 9, fitted to 4,000 digits", FITTED_TO, "svm"),
    _fitted("SVM of degree 9, fitted to 4,000 digits, asked about 2,000", 2000, "asked-svm"),
    _fitted("3 nearest neighbours of 10,000 digits among 50,000", 10_000, "knn"),
)


def to_json(workload: Workload) -> str:
    return json.dumps(asdict(workload))


def from_json(text: str) -> Workload:
    fields = json.loads(text)
    return Workload(**{**fields, "sizes": tuple(fields["sizes"])})
