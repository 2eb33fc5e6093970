"""The loss of regression: the mean squared error."""

from typing import ClassVar, Literal

from mnistnn.backend.arrays import array_module
from mnistnn.backend.scratch import Scratch
from mnistnn.component import component
from mnistnn.losses.contract import MeanOverExamples, Score
from mnistnn.types import Array, Shape, ShapeError, show_shape

_LOW = -1e30  # less than any error, and still a number of float32


@component
class MeanSquaredError(MeanOverExamples):
    """The mean of (z − y)² over all target numbers y: (n, k), or (n, steps, k) of sequences.

    Where there is none, y is NaN and counts for nothing. dz = 2 (z − y)/m, for m numbers in the batch. For data whose
    targets are numbers; `squared_error` is for classes.
    """

    type: Literal["mean_squared_error"] = "mean_squared_error"

    is_convex: ClassVar[bool] = False
    repeats_itself: ClassVar[bool] = True
    classifies: ClassVar[bool] = False

    def build(self, out_shape: Shape, numbers: Shape) -> None:
        """Check that the model's output fits the numbers of an example. Raises ShapeError."""
        if out_shape != numbers:
            raise ShapeError(
                f"{self.type} needs an output for each number: {show_shape(numbers)}, but this layer gives "
                f"{show_shape(out_shape)}"
            )
        self.scratch = Scratch()

    def losses_and_dz(self, z: Array, targets: Array) -> tuple[Array, Array]:
        """Return each example's share of the mean loss, times n (n,), and the gradient of the mean, like z."""
        xp, n = array_module(z), len(z)
        dz, square, mask = (self.scratch(role, z.shape, z) for role in ("dz", "square", "mask"))
        xp.equal(targets, targets, out=mask)
        xp.subtract(z, targets, out=dz)
        xp.fmax(dz, _LOW, out=dz)  # which takes the number where the other is none
        dz *= mask
        xp.multiply(dz, dz, out=square)
        per_number = (1.0 / xp.maximum(mask.sum(), 1.0)).astype(z.dtype)
        losses = self.scratch("losses", (n,), z)
        xp.sum(square.reshape(n, -1), axis=1, out=losses)
        losses *= n * per_number
        dz *= 2.0 * per_number
        return losses, dz

    def predict(self, z: Array) -> Array:
        """Return the numbers that are predicted: the outputs themselves."""
        return z

    def score(self, z: Array, targets: Array) -> Score:
        """Return the squares summed over the numbers that there are, and how many these are. Nothing is
        misclassified.
        """
        mask = targets == targets
        square = array_module(z).where(mask, z - targets, 0.0) ** 2
        return Score(loss=float(square.sum(dtype="float64")), errors=0, examples=int(mask.sum()))
