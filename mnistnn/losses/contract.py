"""The contract of a loss, and the base of several losses."""

from dataclasses import dataclass
from typing import Any, ClassVar

from mnistnn.backend.arrays import array_module, mean
from mnistnn.backend.scratch import Scratch
from mnistnn.component import component
from mnistnn.types import Array, Shape, ShapeError, show_shape


@dataclass(frozen=True)
class Score:
    """A batch's metrics, summed over its examples so that batches can be added up."""

    loss: float
    errors: int
    examples: int


class MeanOverExamples:
    """Abstract: what is minimized is the mean of what each example has."""

    def losses_and_dz(self, z: Array, labels: Array) -> tuple[Array, Array]:
        """Return each example's loss (n,) and the gradient of their mean, like z; both lent until the next call."""
        raise NotImplementedError

    def value_and_dz(self, z: Array, labels: Array) -> tuple[Array, Array]:
        """Return the mean loss (a scalar on the device) and dL/dz, like z, which is the caller's to overwrite."""
        losses, dz = self.losses_and_dz(z, labels)
        return mean(losses), dz


@component
class PerExampleLoss(MeanOverExamples):
    """Abstract: the mean over examples of a loss that each example has by itself.

    Judges the model's last output z (n, *out_shape) by labels (n,), integers in [0, classes). A concrete loss says in
    `build` what fits, and how to find its values, gradient, prediction and probabilities.
    """

    type: str
    """The name of the loss in an experiment."""
    is_convex: ClassVar[bool] = False
    """Whether the loss is convex in z and tells its second derivative H there, block by block for each example: what
    the Gauss–Newton matrix needs. Only then are the three `curvature_` methods there."""

    repeats_itself: ClassVar[bool] = True
    """Whether `value_and_dz` does the same operations each time, so that it can be recorded on a GPU. A loss of a
    user's own has to say so itself."""

    classifies: ClassVar[bool] = True
    """Whether predictions are classes, which are right or wrong, and no numbers."""
    has_probabilities: ClassVar[bool] = True
    """Whether `probabilities` are some, and no mere scores."""

    def build(self, out_shape: Shape, classes: int) -> None:
        """Check that the model's output fits. Raises ShapeError."""
        raise NotImplementedError

    @property
    def needs_counts(self) -> bool:
        """Whether `learn_from` has to be called before values and gradients are asked for."""
        return False

    def learn_from(self, counts: Any) -> None:
        """Take how many training examples, or steps of them, each class has (classes,), on the host."""

    def predict(self, z: Array) -> Array:
        """Return the predicted class for each row (n,)."""
        raise NotImplementedError

    def class_scores(self, z: Array) -> Array:
        """Return a score of each class (n, classes), by which classes are ranked; maybe z itself."""
        return self.probabilities(z)

    def probabilities(self, z: Array) -> Array:
        """Return the probability of each class (n, classes), in a new array."""
        raise NotImplementedError

    def curvature_product(self, z: Array, labels: Array, z_dot: Array) -> Array:
        """Return H z_dot / n, like z: the change of dz when z changes by z_dot. The caller may use both up."""
        raise NotImplementedError

    def curvature_diagonal(self, z: Array, labels: Array) -> Array:
        """Return the diagonal of H / n, like z; the caller may use it up."""
        raise NotImplementedError

    def curvature_roots(self, z: Array, labels: Array) -> Array:
        """Return r (k, n, outputs) with Hᵢ = Σₖ r[k, i] r[k, i]ᵀ for each example i; the caller may use it up."""
        raise NotImplementedError

    def measured_losses(self, z: Array, labels: Array) -> Array:
        """Return each example's loss (n,) as evaluations measure it, lent: what is minimised, if nothing else is
        said.
        """
        return self.losses_and_dz(z, labels)[0]

    def score(self, z: Array, labels: Array) -> Score:
        """Return the summed loss, in float64, and the number of misclassified examples (zero-one loss) of a batch."""
        return Score(
            loss=float(self.measured_losses(z, labels).sum(dtype="float64")),
            errors=int((self.predict(z) != labels).sum()),
            examples=len(labels),
        )


@component
class PerClassLoss(PerExampleLoss):
    """Abstract: a loss for models with one output per class; the predicted class is the largest output."""

    def build(self, out_shape: Shape, classes: int) -> None:
        if out_shape != (classes,):
            raise ShapeError(
                f"{self.type} needs one output per class: {classes}, but this layer gives {show_shape(out_shape)}, and "
                f"it is the last: units: {classes} changes it, and `after` or `before` puts a layer in front of another"
            )
        self.scratch = Scratch()
        self._starts: Array | None = None
        self._outgrown: list[Array | None] = []

    def predict(self, z: Array) -> Array:
        return z.argmax(axis=1)

    def class_scores(self, z: Array) -> Array:
        return z

    def label_places(self, z: Array, labels: Array, by_class: bool = False) -> Array:
        """Return where each row's label stands in the flattened z (n, k): i·k + labelᵢ (n,), int64.

        `by_class` is for the flattened transpose, where it is labelᵢ·n + i.
        """
        n, k = z.shape
        xp = array_module(z)
        step = 1 if by_class else k
        if self._starts is None or len(self._starts) < n or not isinstance(z, type(self._starts)):
            self._outgrown.append(self._starts)  # a launch that was recorded on a device may still read them
            # int64, so that labels of any integer type can be added
            self._starts = xp.arange(0, n * step, step, dtype="int64")
        at = self.scratch("at", (n,), self._starts)
        if by_class:
            xp.multiply(labels, n, out=at, dtype="int64")
            at += self._starts[:n]
        else:
            xp.add(self._starts[:n], labels, out=at)
        return at


@component
class TwoClassLoss(PerExampleLoss):
    """Abstract: a loss for two classes and models with one output, whose sign tells them apart."""

    def build(self, out_shape: Shape, classes: int) -> None:
        if classes != 2:
            raise ShapeError(
                f"{self.type} needs two classes, but the data has {classes}; data.labels makes two of them, "
                "such as {positive: [0]} or {pair: [4, 9]}"
            )
        if out_shape != (1,):
            raise ShapeError(f"{self.type} needs one output, but this layer gives {show_shape(out_shape)}")
        self.scratch = Scratch()

    def predict(self, z: Array) -> Array:
        return (z[:, 0] > 0).astype("int64")
