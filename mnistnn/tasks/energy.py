"""Energy-based models: how probable they make images, and how well their features reconstruct them."""

from collections.abc import Mapping
from dataclasses import dataclass as plain_dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from mnistnn.backend.arrays import to_host
from mnistnn.backend.memory_order import as_rows
from mnistnn.backend.rng import stream
from mnistnn.config.schema import AnyExperiment
from mnistnn.data.examples import Examples
from mnistnn.data.source import DataSource
from mnistnn.errors import ConfigError, UsageError
from mnistnn.losses.contrastive_divergence import ContrastiveDivergence
from mnistnn.models import AnyEnergyModel
from mnistnn.models.boltzmann import Boltzmann
from mnistnn.models.rbm import RBM
from mnistnn.models.unsupervised import EnergyModel
from mnistnn.objectives.boltzmann import BoltzmannObjective
from mnistnn.objectives.contrastive_divergence import RBMObjective
from mnistnn.objectives.energy_gap import energy_gap
from mnistnn.objectives.gradient_check import CheckedFunction
from mnistnn.objectives.unsupervised import UnsupervisedObjective
from mnistnn.tasks.ais import annealed, annealed_in_reverse, path_of, temperatures
from mnistnn.tasks.claims import LOG_LIKELIHOOD, Claim
from mnistnn.tasks.contract import Subject, Watch
from mnistnn.tasks.partition import LogZ, enumerated, parameters_of
from mnistnn.tasks.result import STRICT, Result, agree
from mnistnn.tasks.unsupervised import UnsupervisedTask, UnsupervisedValidation, batches_in
from mnistnn.types import Array, SplitName

_MOST_PIXELS = 1000  # examples of whose pixels all are flipped, for the full pseudo-likelihood
_NATS = 1e-6  # to which log-likelihoods agree, which are differences of large numbers


@dataclass(frozen=True, config=STRICT)
class Partition:
    """log Z and the interval of three standard errors; its ends are null where chains were too few to tell."""

    method: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Likelihood(Result):
    """Metrics in nats for each example.

    log_likelihood     the mean of −F(v) − log Z; low and high are of the interval of log Z alone
    pseudo_likelihood  the mean of Σᵢ log P(vᵢ | the others) over all pixels of the first `pseudo_examples`; null for
                       Gaussian units
    reverse            log Z from chains that go the other way, if it was asked for
    reconstruction_nll null for a model without features to reconstruct an image from
    """

    log_likelihood: float
    log_likelihood_low: float | None
    log_likelihood_high: float | None
    partition: Partition
    reverse: Partition | None
    reconstruction_nll: float | None
    pseudo_likelihood: float | None
    pseudo_examples: int

    prefix: ClassVar[str] = "likelihood-"
    what: ClassVar[str] = "a measurement of an energy model"
    plural: ClassVar[str] = "likelihoods"
    mark: ClassVar[str] = "log_likelihood"

    @property
    def headline(self) -> str:
        return f"log-likelihood {self.log_likelihood:.2f} nats"

    def problems(self) -> list[str]:
        ends = (self.partition.low, self.partition.high)
        expected = [None if end is None else self.log_likelihood + self.partition.value - end for end in reversed(ends)]
        given = [self.log_likelihood_low, self.log_likelihood_high]
        return [] if agree(given, expected, _NATS) else ["its interval does not follow from that of log Z"]


@plain_dataclass(frozen=True)
class Annealing:
    """How log Z is to be estimated where it cannot be enumerated."""

    temperatures: int = 14_500
    chains: int = 100
    reverse: bool = False
    burn_in: int = 1000
    always: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Annealing":
        """Take what options of `eval` say, by flag."""
        names = {"--temperatures": "temperatures", "--chains": "chains", "--reverse": "reverse", "--ais": "always"}
        return cls(**{name: options[flag] for flag, name in names.items() if flag in options})


class EnergyValidation(UnsupervisedValidation):
    """Metrics of an energy-based model, in nats for each example.

    valid.loss           minus the pseudo-likelihood of the validation split, from one pixel of each image, the same
                         ones at each evaluation; of Gaussian units the reconstruction
    valid.reconstruction −log P(v | P(h | v)), cross-entropy: how well an image is reconstructed from its features, of
                         a model that has such
    free_energy.gap      mean free energy of the validation split minus that of as many training examples: it grows when
                         the model overfits the training set (Hinton 2012, section 6)
    """

    def __init__(
        self,
        model: EnergyModel,
        loss: ContrastiveDivergence,
        train: Examples,
        valid: Examples | None,
        batch_size: int,
        seed: int,
    ) -> None:
        super().__init__(model, loss, train, valid, batch_size, seed)
        self.model = model
        count = 0 if valid is None else len(valid.x)
        self._pixels = stream(seed, "measure").integers(model.n_in, size=count)

    def metrics(self, valid: Examples) -> dict[str, float]:
        model, metrics = self.model, dict[str, float]()
        if isinstance(model, RBM):
            metrics["valid.reconstruction"] = self._mean(model.reconstruction_nll, valid.x)
        loss = metrics["valid.reconstruction"] if model.is_gaussian else self._pseudo_nll(valid.x)
        count = min(len(valid.x), len(self.train.x))
        gap = self._mean(model.free_energy, valid.x) - self._mean(model.free_energy, self.train.x[:count])
        return {"valid.loss": loss, **metrics, "free_energy.gap": gap}

    def _pseudo_nll(self, x: Array) -> float:
        """Return n_in · mean of −log P(vᵢ | the others), with one pixel i for each example, all pixels rounded."""
        total = 0.0
        for number, part in enumerate(batches_in(x, self.batch_size)):
            start = number * self.batch_size
            total += float(self.model.pixel_nll(as_rows(part), self._pixels[start : start + len(part)]).sum())
        return self.model.n_in * total / len(x)


class EnergyTask(UnsupervisedTask):
    """A restricted Boltzmann machine, or a general one."""

    result: ClassVar[type[Result]] = Likelihood
    claims: ClassVar[tuple[Claim, ...]] = (LOG_LIKELIHOOD,)
    has_value: ClassVar[bool] = False
    options: ClassVar[frozenset[str]] = frozenset({"--temperatures", "--chains", "--reverse", "--ais"})
    objectives: ClassVar[dict[str, type[UnsupervisedObjective]]] = {
        "rbm": RBMObjective,
        "boltzmann": BoltzmannObjective,
    }
    validation: ClassVar[type[UnsupervisedValidation]] = EnergyValidation

    def __init__(self, experiment: AnyExperiment, source: DataSource) -> None:
        super().__init__(experiment, source)
        assert isinstance(experiment.model, AnyEnergyModel)
        self._energy_model = experiment.model

    def refuse_what_does_not_fit(self) -> None:
        super().refuse_what_does_not_fit()
        experiment, model = self.experiment, self._energy_model
        assert isinstance(experiment.loss, ContrastiveDivergence)
        if experiment.batches.updates != 1:
            raise ConfigError("is for objectives that stay the same, and chains go on", key="batches.updates")
        if experiment.loss.sparsity is not None and isinstance(model, Boltzmann) and not model.hidden:
            raise ConfigError("there are no hidden units to be kept quiet", key="loss.sparsity")

    def checked_function(self, x: Array, targets: Array, penalties: list[Any]) -> CheckedFunction:
        """Return the mean energy of random states minus that of others: what an update's gradient belongs to."""
        experiment, model = self.experiment, self._energy_model
        assert isinstance(experiment.loss, ContrastiveDivergence)
        if isinstance(model, RBM) and model.centred:
            raise self._refusal(
                "follows the gradient by centred parameters, which it does not have; with model.centred=false, what is "
                "centred is checked"
            )
        if experiment.loss.sparsity is not None:
            raise self._refusal(
                "follows sparsity, which is the gradient of no function; with loss.sparsity=null, the rest is checked"
            )
        width = model.n_in if isinstance(model, RBM) else model.units
        objective = self.objectives[model.type](model, experiment.loss, penalties, experiment.seed, 1)
        assert isinstance(objective, RBMObjective | BoltzmannObjective)
        return energy_gap(objective, width, len(x), stream(experiment.seed, "check", 3))

    def features(self) -> dict[str, np.ndarray]:
        if not isinstance(self._energy_model, RBM):
            return super().features()
        return self._energy_model.features()

    def decoder(self) -> dict[str, np.ndarray]:
        return self.rbm.decoder()

    def reconstructed(self, x: Array) -> tuple[Array | None, Array]:
        if not isinstance(self._energy_model, RBM):
            return super().reconstructed(x)
        return None, self._energy_model.reconstruct(as_rows(x))

    @property
    def energy_model(self) -> AnyEnergyModel:
        return self._energy_model

    @property
    def rbm(self) -> RBM:
        return self._energy_model if isinstance(self._energy_model, RBM) else super().rbm

    def measure(self, subject: Subject, split: SplitName, options: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
        model = self._energy_model
        free, reconstruction, count = 0.0, 0.0, 0
        for x, _ in subject.batches(split):
            free += float(model.free_energy(x).sum(dtype="float64"))
            if isinstance(model, RBM):
                reconstruction += float(model.reconstruction_nll(x).sum(dtype="float64"))
            count += len(x)
        pseudo, pseudo_examples = (None, 0) if model.is_gaussian else self._pseudo_likelihood(subject, split)
        partition, reverse = self._partition(subject, Annealing.of(options), watch)
        mean = -free / count
        return {
            "examples": count,
            "log_likelihood": mean - partition.value,
            "log_likelihood_low": None if partition.high is None else mean - partition.high,
            "log_likelihood_high": None if partition.low is None else mean - partition.low,
            "partition": partition,
            "reverse": reverse,
            "reconstruction_nll": reconstruction / count if isinstance(model, RBM) else None,
            "pseudo_likelihood": pseudo,
            "pseudo_examples": pseudo_examples,
        }

    def _pseudo_likelihood(self, subject: Subject, split: SplitName) -> tuple[float, int]:
        """Return Σᵢ log P(vᵢ | the others), a mean over the first examples, and how many these are."""
        total, count = 0.0, 0
        for x, _ in subject.batches(split, _MOST_PIXELS):
            total -= float(self._energy_model.pixels_nll(as_rows(x)).sum(dtype="float64"))
            count += len(x)
        return total / count, count

    def _partition(self, subject: Subject, annealing: Annealing, watch: Watch) -> tuple[Partition, Partition | None]:
        parameters = parameters_of(self._energy_model)
        exact = None if annealing.always else enumerated(parameters)
        if exact is not None:
            return _kept(exact), None
        data = np.concatenate([to_host(as_rows(x)) for x, _ in subject.batches("train", 10_000)])
        rng = stream(self.experiment.seed, "measure", 1)
        path = path_of(parameters, data.mean(axis=0, dtype="float64"), rng, str(data.dtype))
        betas, chains = temperatures(annealing.temperatures), annealing.chains
        forward = annealed(path, betas, chains, lambda done, most: watch("annealing", done, most))
        if not annealing.reverse:
            return _kept(forward), None
        start = data[rng.permutation(len(data))[:chains]]
        back = annealed_in_reverse(
            path, betas, start, annealing.burn_in, lambda done, most: watch("annealing in reverse", done, most)
        )
        return _kept(forward), _kept(back)

    def lines(self, result: Any, claim: str | None, columns: int | None = None) -> list[str]:
        z, value = result.partition, result.log_likelihood
        lines = [
            f"{result.about}, {result.examples:,} images",
            f"log-likelihood    {value:.2f} nats{_interval(z, -1, value + z.value)}",
        ]
        if result.reverse is not None:
            other = value + z.value - result.reverse.value
            lines.append(f"  from the other side {other:.2f}{_interval(result.reverse, -1, value + z.value)}")
        lines.append(f"log Z             {z.value:.3f}, {z.method}{_interval(z, 1, 0.0)}")
        if result.pseudo_likelihood is not None:
            lines.append(
                f"pseudo-likelihood {result.pseudo_likelihood:.2f} (all pixels of {result.pseudo_examples:,} images)"
            )
        if result.reconstruction_nll is not None:
            lines.append(f"reconstruction    {-result.reconstruction_nll:.2f}")
        return lines if claim is None else [*lines, f"claim             {claim}"]


def _kept(z: LogZ) -> Partition:
    if not np.isfinite(z.value):
        raise UsageError("log Z is not a finite number: the model's parameters are too large")
    low, high = (float(end) if np.isfinite(end) else None for end in (z.low, z.high))
    return Partition(z.method, float(z.value), low, high)


def _interval(z: Partition, sign: int, offset: float) -> str:
    """Say within which bounds a value is that contains log Z with a sign; nothing where that is exact."""
    if z.method == "exact":
        return ""
    ends = [None if end is None else offset + sign * end for end in (z.low, z.high)]
    low, high = ends if sign > 0 else reversed(ends)
    said = [f"{end:.2f}" if end is not None else "?" for end in (low, high)]
    return f" (three standard errors: {said[0]} to {said[1]})"
