"""Measuring an energy model on one split: how probable it makes images, and how well its features give them back."""

from collections.abc import Callable

import numpy as np
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from mnistnn.analysis.evaluation import results
from mnistnn.analysis.evaluation.ais import annealed, annealed_in_reverse, path_of, temperatures
from mnistnn.analysis.evaluation.partition import LogZ, enumerated, machine_of
from mnistnn.analysis.evaluation.predictions import batches_of
from mnistnn.backend.arrays import to_host
from mnistnn.backend.memory_order import as_rows
from mnistnn.backend.rng import stream
from mnistnn.errors import UsageError
from mnistnn.experiment.trained import Trained
from mnistnn.models.rbm import RBM
from mnistnn.run.directory import RunDirectory
from mnistnn.types import SplitName

SCHEMA_VERSION = 1

_MOST_PIXELS = 1000  # examples of whose pixels all are flipped, for the full pseudo-likelihood
_CONFIG = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True, config=_CONFIG)
class Partition:
    """log Z and the interval of three standard errors; its ends are null where chains were too few to tell."""

    method: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, config=_CONFIG)
class Likelihood:
    """Figures of one model on one split, in nats for each example.

    log_likelihood     the mean of −F(v) − log Z; low and high are of the interval of log Z alone
    pseudo_likelihood  the mean of Σᵢ log P(vᵢ | the others) over all pixels of the first `pseudo_examples`; null for
                       Gaussian units
    reverse            log Z from chains that go the other way, if it was asked for
    reconstruction_nll null for a machine without features to give an image back from
    """

    schema_version: int
    run: str
    split: SplitName
    checkpoint: str
    checkpoint_file: str
    epoch: float
    examples: int
    log_likelihood: float
    log_likelihood_low: float | None
    log_likelihood_high: float | None
    partition: Partition
    reverse: Partition | None
    reconstruction_nll: float | None
    pseudo_likelihood: float | None
    pseudo_examples: int
    test_readings: int


@dataclass(frozen=True)
class Annealing:
    """How log Z is to be estimated where it cannot be enumerated."""

    temperatures: int = 14_500
    chains: int = 100
    reverse: bool = False
    burn_in: int = 1000
    always: bool = False


FILES = results.Files("likelihood-", TypeAdapter(Likelihood), "a measurement of an energy model", SCHEMA_VERSION)
"""Where they are kept."""

Watch = Callable[[str, int, int], None]


def measure(
    run: RunDirectory, split: SplitName, which: str, annealing: Annealing, warn: Callable[[str], None], watch: Watch
) -> Likelihood:
    """Measure a run's model on a split, keep the result under eval/, and note a reading of the test split.

    Raises UsageError for a model that is none of energies, or a split without examples. `watch` is told how far a long
    estimate has come.
    """
    trained = results.begin(run, split, which, warn)
    model = trained.plan.machine
    with trained.computing():
        free, reconstruction, count = 0.0, 0.0, 0
        for x, _ in batches_of(trained, split):
            free += float(model.free_energy(x).sum(dtype="float64"))
            if isinstance(model, RBM):
                reconstruction += float(model.reconstruction_nll(x).sum(dtype="float64"))
            count += len(x)
        pseudo, pseudo_examples = (None, 0) if model.is_gaussian else _pseudo_likelihood(trained, split)
        partition, reverse = _partition(trained, annealing, watch)
    mean = -free / count
    likelihood = Likelihood(
        schema_version=SCHEMA_VERSION,
        examples=count,
        log_likelihood=mean - partition.value,
        log_likelihood_low=None if partition.high is None else mean - partition.high,
        log_likelihood_high=None if partition.low is None else mean - partition.low,
        partition=partition,
        reverse=reverse,
        reconstruction_nll=reconstruction / count if isinstance(model, RBM) else None,
        pseudo_likelihood=pseudo,
        pseudo_examples=pseudo_examples,
        **results.about(run, trained, split),
    )
    FILES.keep(run, likelihood)
    return likelihood


def _pseudo_likelihood(trained: Trained, split: SplitName) -> tuple[float, int]:
    """Return Σᵢ log P(vᵢ | the others), a mean over the first examples, and how many these are."""
    model, total, count = trained.plan.machine, 0.0, 0
    for x, _ in batches_of(trained, split, _MOST_PIXELS):
        total -= float(model.pixels_nll(as_rows(x)).sum(dtype="float64"))
        count += len(x)
    return total / count, count


def _partition(trained: Trained, annealing: Annealing, watch: Watch) -> tuple[Partition, Partition | None]:
    model = trained.plan.machine
    machine = machine_of(model)
    exact = None if annealing.always else enumerated(machine)
    if exact is not None:
        return _kept(exact), None
    data = np.concatenate([to_host(as_rows(x)) for x, _ in batches_of(trained, "train", 10_000)])
    rng = stream(trained.plan.experiment.seed, "measure", 1)
    path = path_of(machine, data.mean(axis=0, dtype="float64"), rng, str(data.dtype))
    betas, chains = temperatures(annealing.temperatures), annealing.chains
    forward = annealed(path, betas, chains, lambda done, most: watch("annealing", done, most))
    if not annealing.reverse:
        return _kept(forward), None
    start = data[rng.permutation(len(data))[:chains]]
    back = annealed_in_reverse(
        path, betas, start, annealing.burn_in, lambda done, most: watch("annealing in reverse", done, most)
    )
    return _kept(forward), _kept(back)


def _kept(z: LogZ) -> Partition:
    if not np.isfinite(z.value):
        raise UsageError("log Z is not a finite number: the model's parameters are too large")
    low, high = (float(end) if np.isfinite(end) else None for end in (z.low, z.high))
    return Partition(z.method, float(z.value), low, high)
