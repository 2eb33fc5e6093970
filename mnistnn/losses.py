"""Losses: from the model's last output and the labels to a mean value and its gradient."""

from dataclasses import dataclass
from typing import Literal

from mnistnn.backend import Array, array_module
from mnistnn.component import component
from mnistnn.kernels.softmax import softmax, softmax_nll
from mnistnn.scratch import Scratch
from mnistnn.shapes import Shape, ShapeError, show_shape


@dataclass(frozen=True)
class Score:
    """A batch's figures, summed over its examples so that batches can be added up."""

    loss: float
    errors: int
    examples: int


@component
class SoftmaxNLL:
    """Negative log-likelihood of a softmax over the model's outputs, one per class.

    L = −1/n Σ log softmax(zᵢ)[labelᵢ];  dz = (softmax(z) − Y)/n
    """

    type: Literal["softmax_nll"] = "softmax_nll"

    def build(self, out_shape: Shape, classes: int) -> None:
        """Check that the model ends in one score per class. Raises ShapeError."""
        if out_shape != (classes,):
            raise ShapeError(
                f"softmax_nll needs one output per class: {classes}, but this layer gives {show_shape(out_shape)}"
            )
        self.scratch = Scratch()
        self._row_numbers: Array | None = None

    def value_and_dz(self, z: Array, labels: Array) -> tuple[Array, Array]:
        """Return the mean loss (a scalar on the device) and dL/dz (n, k), which is the caller's to use up.

        z (n, k) scores, labels (n,) integers in [0, k).
        """
        log_p, dz = self._softmax_nll(z, labels)
        return -log_p.mean(), dz

    def score(self, z: Array, labels: Array) -> Score:
        """Return the summed loss and the number of misread examples (zero-one loss) of a batch."""
        log_p, _ = self._softmax_nll(z, labels)
        errors = (self.predict(z) != labels).sum()
        return Score(loss=-float(log_p.sum(dtype="float64")), errors=int(errors), examples=len(z))

    def predict(self, z: Array) -> Array:
        """Return the most probable class of each row (n,)."""
        return z.argmax(axis=1)

    def probabilities(self, z: Array) -> Array:
        """Return softmax(z) (n, k) in a new array."""
        p = array_module(z).empty_like(z)
        softmax(z, p)
        return p

    def _softmax_nll(self, z: Array, labels: Array) -> tuple[Array, Array]:
        xp = array_module(z)
        n, k = z.shape
        at = self.scratch("at", (n,), labels)  # (n,) places of the labels in the flattened z
        xp.multiply(self._rows(n, labels), k, out=at)
        at += labels
        dz = self.scratch("dz", (n, k), z)
        log_p = self.scratch("log_p", (n,), z)
        softmax_nll(z, at, dz, self.scratch("row", (n, 1), z), log_p)
        return log_p, dz

    def _rows(self, n: int, labels: Array) -> Array:
        if self._row_numbers is None or len(self._row_numbers) < n:
            self._row_numbers = array_module(labels).arange(n, dtype=labels.dtype)
        return self._row_numbers[:n]


# The registry: every loss that an experiment can name by its `type`.
Loss = SoftmaxNLL
