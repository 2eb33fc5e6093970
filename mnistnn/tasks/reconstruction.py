"""Autoencoders: how well they reconstruct images."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from mnistnn.backend.memory_order import as_rows
from mnistnn.config.schema import AnyExperiment
from mnistnn.data.examples import Examples
from mnistnn.data.source import DataSource
from mnistnn.errors import ConfigError
from mnistnn.losses.reconstruction import Reconstruction
from mnistnn.models.autoencoder import Autoencoder
from mnistnn.objectives.gradient_check import CheckedFunction
from mnistnn.objectives.reconstruction import HiddenPixels, ReconstructionObjective
from mnistnn.objectives.unsupervised import UnsupervisedObjective
from mnistnn.optim.contract import Requirements
from mnistnn.tasks.claims import RECONSTRUCTION, Claim
from mnistnn.tasks.contract import Subject, Watch
from mnistnn.tasks.result import STRICT, Result
from mnistnn.tasks.unsupervised import UnsupervisedTask, UnsupervisedValidation, batches_in
from mnistnn.types import Array, SplitName


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ReconstructionResult(Result):
    """Means over examples.

    loss                in nats, of images of which the share `corruption` is hidden, as in training
    reconstruction_nll  in nats, of images that the model sees as they are
    squared_error       of these, for each pixel: (x − z)²
    """

    corruption: float
    loss: float
    reconstruction_nll: float
    squared_error: float

    prefix: ClassVar[str] = "reconstruction-"
    what: ClassVar[str] = "a measurement of an autoencoder"
    plural: ClassVar[str] = "reconstructions"
    mark: ClassVar[str] = "squared_error"

    @property
    def headline(self) -> str:
        return f"reconstruction {self.loss:.2f} nats"


class ReconstructionValidation(UnsupervisedValidation):
    """Metrics of an autoencoder, in nats for each example.

    valid.loss           how badly validation images are reconstructed of which as large a share is hidden as in
                         training, the same pixels at each evaluation
    valid.reconstruction the same of images that it sees as they are
    """

    def __init__(
        self,
        model: Autoencoder,
        loss: Reconstruction,
        train: Examples,
        valid: Examples | None,
        batch_size: int,
        seed: int,
    ) -> None:
        super().__init__(model, loss, train, valid, batch_size, seed)
        self.model, self._hidden = model, HiddenPixels(loss.corruption, seed)

    def metrics(self, valid: Examples) -> dict[str, float]:
        whole = self._mean(self.model.reconstruction_nll, valid.x)
        part = self._of_parts(valid.x) if self._hidden.corruption else whole
        return {"valid.loss": part, "valid.reconstruction": whole}

    def _of_parts(self, x: Array) -> float:
        total = 0.0
        for number, part in enumerate(batches_in(x, self.batch_size)):
            rows = as_rows(part)
            seen = self._hidden.seen(rows, number)
            total += float(self.model.reconstruction_nll(rows, seen).sum(dtype="float64"))
        return total / len(x)


class ReconstructionTask(UnsupervisedTask):
    """An autoencoder, denoising if pixels are hidden from it."""

    result: ClassVar[type[Result]] = ReconstructionResult
    claims: ClassVar[tuple[Claim, ...]] = (RECONSTRUCTION,)
    objectives: ClassVar[dict[str, type[UnsupervisedObjective]]] = {"autoencoder": ReconstructionObjective}
    validation: ClassVar[type[UnsupervisedValidation]] = ReconstructionValidation

    def __init__(self, experiment: AnyExperiment, source: DataSource) -> None:
        super().__init__(experiment, source)
        assert isinstance(experiment.model, Autoencoder)
        self._autoencoder = experiment.model

    @property
    def corruption(self) -> float:
        """The share of the pixels of an image that is hidden from the model in training."""
        assert isinstance(self.experiment.loss, Reconstruction)
        return self.experiment.loss.corruption

    def refuse_optimizer(self, name: str, requirements: Requirements) -> None:
        if requirements.of_layers:
            raise ConfigError(
                f"{name} needs second derivatives, which a model of type {self._autoencoder.type} does not have",
                key="optimizer",
            )

    def what_changes(self) -> Iterator[tuple[str, str]]:
        if self.corruption:
            yield "loss.corruption", "other pixels are hidden for each batch"

    def checked_function(self, x: Array, targets: Array, penalties: list[Any]) -> CheckedFunction:
        """Return the objective with the pixels hidden that update 0 hides. No gradient by an image, which is both what
        is seen and what is aimed at, is ever computed.
        """
        loss = self.experiment.loss
        assert isinstance(loss, Reconstruction)
        objective = ReconstructionObjective(self._autoencoder, loss, penalties, self.experiment.seed, 1)
        objective.set_batch(x, targets, update=0)
        return CheckedFunction(objective.theta, objective.grad, objective.value, objective.value_and_grad)

    def features(self) -> dict[str, np.ndarray]:
        return self._autoencoder.features()

    def decoder(self) -> dict[str, np.ndarray]:
        return self._autoencoder.decoder()

    def reconstructed(self, x: Array) -> tuple[Array | None, Array]:
        rows = as_rows(x)
        if not self.corruption:
            return None, self._autoencoder.reconstruct(rows)
        seen = HiddenPixels(self.corruption, self.experiment.seed).seen(rows, 0)
        return seen, self._autoencoder.reconstruct(seen)

    def measure(self, subject: Subject, split: SplitName, options: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
        model, hidden = self._autoencoder, HiddenPixels(self.corruption, self.experiment.seed)
        of_part, of_whole, square, count = 0.0, 0.0, 0.0, 0
        for number, (x, _) in enumerate(subject.batches(split)):
            rows = as_rows(x)
            of_part += float(model.reconstruction_nll(rows, hidden.seen(rows, number)).sum(dtype="float64"))
            of_whole += float(model.reconstruction_nll(rows).sum(dtype="float64"))
            difference = rows - model.reconstruct(rows)
            square += float((difference * difference).sum(dtype="float64"))
            count += len(rows)
        return {
            "examples": count,
            "corruption": self.corruption,
            "loss": of_part / count,
            "reconstruction_nll": of_whole / count,
            "squared_error": square / count / model.n_in,
        }

    def lines(self, result: Any, claim: str | None, columns: int | None = None) -> list[str]:
        hidden = f", {100 * result.corruption:.3g} % of the pixels hidden" if result.corruption else ""
        whole = [f"  of whole images {result.reconstruction_nll:.2f}"] if result.corruption else []
        return [
            f"{result.about}, {result.examples:,} images",
            f"reconstruction  {result.loss:.2f} nats{hidden}",
            *whole,
            f"squared error   {result.squared_error:.5f} for each pixel",
            *([] if claim is None else [f"claim           {claim}"]),
        ]
