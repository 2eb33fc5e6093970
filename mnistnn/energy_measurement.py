"""What is measured of an energy model at each evaluation, as columns of metrics.jsonl."""

from collections.abc import Callable, Iterator

from mnistnn.backend import Array, array_module
from mnistnn.errors import ConfigError
from mnistnn.layout import as_rows
from mnistnn.measurement import Examples
from mnistnn.models.rbm import RBM
from mnistnn.streams import stream
from mnistnn.train import Training


class EnergyMeasurement:
    """Measures the model as it stands, in nats for each example.

    valid.loss           minus the pseudo-likelihood of the validation split, from one pixel of each image, the same
                         ones at each evaluation; of Gaussian units the reconstruction
    valid.reconstruction −log P(v | P(h | v)), cross-entropy: how well its features give an image back
    free_energy.gap      mean free energy of the validation split minus that of as many training examples: it grows when
                         the model learns the training set by heart (Hinton 2012, section 6)
    """

    def __init__(self, model: RBM, train: Examples, valid: Examples | None, batch_size: int, seed: int) -> None:
        self.model, self.train, self.valid, self.batch_size = model, train, valid, batch_size
        count = 0 if valid is None else len(valid.x)
        self._pixels = stream(seed, "measure").integers(model.n_in, size=count)

    def mean_image(self) -> Array:
        """Return the means (n_in,) of the training images' pixels, added up in float64."""
        xp = array_module(self.model.theta)
        total = xp.zeros(self.model.n_in, dtype="float64")
        for x in _batches(self.train.x, self.batch_size):
            total += as_rows(x).sum(axis=0, dtype="float64")
        return (total / len(self.train.x)).astype(self.model.theta.dtype)

    def __call__(self, t: Training) -> dict[str, float]:
        """Return the figures of one evaluation."""
        if self.valid is None:
            return {}
        count = min(len(self.valid.x), len(self.train.x))
        reconstruction = self._mean(self.model.reconstruction_nll, self.valid.x)
        loss = reconstruction if self.model.is_gaussian else self._pseudo_nll(self.valid.x)
        gap = self._mean(self.model.free_energy, self.valid.x)
        gap -= self._mean(self.model.free_energy, self.train.x[:count])
        return {"valid.loss": loss, "valid.reconstruction": reconstruction, "free_energy.gap": gap}

    def _mean(self, measure: Callable[[Array], Array], x: Array) -> float:
        return sum(float(measure(part).sum(dtype="float64")) for part in _batches(x, self.batch_size)) / len(x)

    def _pseudo_nll(self, x: Array) -> float:
        """Return n_in · mean of −log P(vᵢ | the others), with one pixel i for each example, all pixels rounded."""
        total = 0.0
        for number, part in enumerate(_batches(x, self.batch_size)):
            start = number * self.batch_size
            total += float(self.model.pixel_nll(as_rows(part), self._pixels[start : start + len(part)]).sum())
        return self.model.n_in * total / len(x)


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
