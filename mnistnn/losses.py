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
        self._starts: Array | None = None

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
        n, k = z.shape
        starts = self._row_starts(n, k, z)
        at = self.scratch("at", (n,), starts)  # (n,) places of the labels in the flattened z
        array_module(z).add(starts, labels, out=at)
        dz = self.scratch("dz", (n, k), z)
        log_p = self.scratch("log_p", (n,), z)
        softmax_nll(z, at, dz, self.scratch("row", (n, 1), z), log_p)
        return log_p, dz

    def _row_starts(self, n: int, k: int, z: Array) -> Array:
        """Return i·k for each row i (n,), int64 so that labels of any integer type can be added."""
        if self._starts is None or len(self._starts) < n or not isinstance(z, type(self._starts)):
            self._starts = array_module(z).arange(0, n * k, k, dtype="int64")
        return self._starts[:n]


# The registry: every loss that an experiment can name by its `type`.
Loss = SoftmaxNLL
