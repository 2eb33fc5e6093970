"""A classification loss at every step of a sequence that has a label."""

from typing import Any, ClassVar

from mnistnn.backend.arrays import array_module
from mnistnn.backend.scratch import Scratch
from mnistnn.losses.contract import MeanOverExamples, PerExampleLoss, Score
from mnistnn.types import Array, Shape, ShapeError, show_shape

NONE = -1
"""The label of a step that has none."""


class EachStep(MeanOverExamples):
    """A loss of single examples, at each step of z (n, steps, k) by labels (n, steps): the mean over all steps that
    have a label.

    It is no component: an experiment names the loss, and the data say that there is a label for each step.
    """

    is_convex: ClassVar[bool] = False
    classifies: ClassVar[bool] = True

    def __init__(self, loss: PerExampleLoss) -> None:
        self.loss, self.type, self.scratch = loss, loss.type, Scratch()
        self.repeats_itself = loss.repeats_itself

    def build(self, out_shape: Shape, classes: int) -> None:
        """Check that the model's output fits. Raises ShapeError."""
        if len(out_shape) != 2:
            raise ShapeError(
                f"each step has a label, and the model gives {show_shape(out_shape)} at the end: output: every keeps "
                "all steps of a recurrent layer, and each_step: true of a dense one"
            )
        self.loss.build(out_shape[1:], classes)

    @property
    def needs_counts(self) -> bool:
        """Whether `learn_from` has to be called before values and gradients are asked for."""
        return self.loss.needs_counts

    def learn_from(self, counts: Any) -> None:
        """Take how many steps of the training split each class has (classes,), on the host."""
        self.loss.learn_from(counts)

    def losses_and_dz(self, z: Array, labels: Array) -> tuple[Array, Array]:
        """Return each example's share of the mean loss, times n (n,), and the gradient of the mean, like z."""
        xp, (n, steps, k) = array_module(z), z.shape
        flat = labels.reshape(-1)
        has_label = self.scratch("has label", flat.shape, z)
        xp.greater_equal(flat, 0, out=has_label)
        read = self.scratch("labels", flat.shape, labels)
        xp.maximum(flat, 0, out=read)
        losses, dz = self.loss.losses_and_dz(z.reshape(-1, k), read)
        losses *= has_label
        share = flat.size / xp.maximum(has_label.sum(), 1.0)
        has_label *= share.astype(z.dtype)
        of_steps = self.scratch("dz", (flat.size, k), z)
        xp.multiply(dz, has_label[:, None], out=of_steps)
        of_examples = self.scratch("losses", (n,), z)
        xp.mean(losses.reshape(n, steps), axis=1, out=of_examples)
        of_examples *= share.astype(z.dtype)
        return of_examples, of_steps.reshape(z.shape)

    def score(self, z: Array, labels: Array) -> Score:
        """Return the loss summed over the steps that have a label, their misclassified ones, and how many they are."""
        flat = labels.reshape(-1)
        has_label = flat >= 0
        losses = self.loss.measured_losses(z.reshape(-1, z.shape[2]), array_module(z).maximum(flat, 0))
        misclassified = (self.loss.predict(z.reshape(-1, z.shape[2])) != flat) & has_label
        return Score(
            loss=float((losses * has_label).sum(dtype="float64")),
            errors=int(misclassified.sum()),
            examples=int(has_label.sum()),
        )

    def predict(self, z: Array) -> Array:
        """Return the predicted class at each step (n, steps)."""
        return self.loss.predict(z.reshape(-1, z.shape[2])).reshape(z.shape[:2])

    def class_scores(self, z: Array) -> Array:
        """Return a score of each class at each step (n, steps, classes), by which classes are ranked."""
        return self.loss.class_scores(z.reshape(-1, z.shape[2])).reshape(z.shape)

    def probabilities(self, z: Array) -> Array:
        """Return the probability of each class at each step (n, steps, classes), in a new array."""
        return self.loss.probabilities(z.reshape(-1, z.shape[2])).reshape(z.shape)
