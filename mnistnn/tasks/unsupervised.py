"""What is measured of models that read no digits at each evaluation, as columns of metrics.jsonl."""

from collections.abc import Callable, Iterator
from typing import Any

from mnistnn.backend.arrays import array_module
from mnistnn.backend.memory_order import as_rows
from mnistnn.backend.rng import stream
from mnistnn.data.examples import Examples
from mnistnn.errors import ConfigError
from mnistnn.losses.contrastive_divergence import ContrastiveDivergence
from mnistnn.losses.reconstruction import Reconstruction
from mnistnn.models.autoencoder import Autoencoder
from mnistnn.models.rbm import RBM
from mnistnn.models.unsupervised import EnergyModel, Unsupervised
from mnistnn.objectives.reconstruction import HiddenPixels
from mnistnn.training.loop import Training
from mnistnn.types import Array


class UnsupervisedMeasurement:
    """Abstract: measures the model as it stands, on the validation split, if there is one."""

    def __init__(
        self, model: Unsupervised, loss: Any, train: Examples, valid: Examples | None, batch_size: int, seed: int
    ) -> None:
        self.train, self.valid, self.batch_size = train, valid, batch_size

    def __call__(self, t: Training) -> dict[str, float]:
        """Return the figures of one evaluation."""
        return {} if self.valid is None else self.figures(self.valid)

    def figures(self, valid: Examples) -> dict[str, float]:
        raise NotImplementedError

    def _mean(self, measure: Callable[[Array], Array], x: Array) -> float:
        return sum(float(measure(part).sum(dtype="float64")) for part in _batches(x, self.batch_size)) / len(x)


class EnergyMeasurement(UnsupervisedMeasurement):
    """Figures of a machine, in nats for each example.

    valid.loss           minus the pseudo-likelihood of the validation split, from one pixel of each image, the same
                         ones at each evaluation; of Gaussian units the reconstruction
    valid.reconstruction −log P(v | P(h | v)), cross-entropy: how well its features give an image back, of a machine
                         that has such
    free_energy.gap      mean free energy of the validation split minus that of as many training examples: it grows when
                         the model learns the training set by heart (Hinton 2012, section 6)
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

    def figures(self, valid: Examples) -> dict[str, float]:
        model, figures = self.model, dict[str, float]()
        if isinstance(model, RBM):
            figures["valid.reconstruction"] = self._mean(model.reconstruction_nll, valid.x)
        loss = figures["valid.reconstruction"] if model.is_gaussian else self._pseudo_nll(valid.x)
        count = min(len(valid.x), len(self.train.x))
        gap = self._mean(model.free_energy, valid.x) - self._mean(model.free_energy, self.train.x[:count])
        return {"valid.loss": loss, **figures, "free_energy.gap": gap}

    def _pseudo_nll(self, x: Array) -> float:
        """Return n_in · mean of −log P(vᵢ | the others), with one pixel i for each example, all pixels rounded."""
        total = 0.0
        for number, part in enumerate(_batches(x, self.batch_size)):
            start = number * self.batch_size
            total += float(self.model.pixel_nll(as_rows(part), self._pixels[start : start + len(part)]).sum())
        return self.model.n_in * total / len(x)


class ReconstructionMeasurement(UnsupervisedMeasurement):
    """Figures of an autoencoder, in nats for each example.

    valid.loss           how badly validation images are given back of which as large a share is hidden as in training,
                         the same pixels at each evaluation
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

    def figures(self, valid: Examples) -> dict[str, float]:
        whole = self._mean(self.model.reconstruction_nll, valid.x)
        part = self._of_parts(valid.x) if self._hidden.corruption else whole
        return {"valid.loss": part, "valid.reconstruction": whole}

    def _of_parts(self, x: Array) -> float:
        total = 0.0
        for number, part in enumerate(_batches(x, self.batch_size)):
            rows = as_rows(part)
            seen = self._hidden.seen(rows, number)
            total += float(self.model.reconstruction_nll(rows, seen).sum(dtype="float64"))
        return total / len(x)


def mean_image(train: Examples, batch_size: int, like: Array) -> Array:
    """Return the means (n_in,) of the training images' pixels, added up in float64, of the dtype of `like`."""
    total: Array = 0.0
    for x in _batches(train.x, batch_size):
        total = total + as_rows(x).sum(axis=0, dtype="float64")
    return array_module(like).asarray(total / len(train.x), dtype=like.dtype)


def refuse_what_are_no_probabilities(examples: Examples | None, batch_size: int) -> None:
    """Raise ConfigError if inputs of binary units lie outside of [0, 1]."""
    for x in () if examples is None else _batches(examples.x, batch_size):
        low, high = float(x.min()), float(x.max())
        if low < 0.0 or high > 1.0:
            raise ConfigError(
                "binary units take pixels in [0, 1] as probabilities, and preprocessed ones go from "
                f"{low:.3g} to {high:.3g}; visible: gaussian takes any",
                key="model.visible",
            )


def _batches(x: Array, size: int) -> Iterator[Array]:
    return (x[start : start + size] for start in range(0, len(x), size))
