"""Hebb's rule as a loss: units whose outputs vary as much as they can, whatever the labels are."""

from typing import ClassVar, Literal

from mnistnn.backend.scratch import Scratch
from mnistnn.component import component
from mnistnn.kernels.hebbian import hebbian
from mnistnn.losses.contract import MeanOverExamples, Score
from mnistnn.types import Array, Shape, ShapeError, show_shape


@component
class Hebbian(MeanOverExamples):
    """−½ Σⱼ variance of output yⱼ in the batch: what inputs and outputs have in common strengthens the weights between
    them, and no label is asked.

    A step of descent by one linear unit is Hebb's rule, w ← w + η ⟨(x − x̄)(y − ȳ)⟩, where activities are measured from
    their means (the covariance rule); the bias stays where it is. Weights grow for ever: `max_norm` of the layer holds
    them, and then w comes to the first principal component of the inputs. Further units of the layer come to the same.
    Validation adds up parts of evaluation.batch_size examples, each around its own means. Hebb (1949); Sejnowski
    (1977); Oja (1982).
    """

    type: Literal["hebbian"] = "hebbian"

    is_convex: ClassVar[bool] = False
    repeats_itself: ClassVar[bool] = True
    classifies: ClassVar[bool] = False

    def build(self, out_shape: Shape) -> None:
        """Check that the model's output is a row of units. Raises ShapeError."""
        if len(out_shape) != 1:
            raise ShapeError(f"{self.type} needs a row of units, but this layer gives {show_shape(out_shape)}")
        self.scratch = Scratch()

    def losses_and_dz(self, z: Array, targets: Array) -> tuple[Array, Array]:
        """Return each example's part of the loss (n,) and the gradient of their mean, like z; lent until the next
        call.
        """
        dz, work = (self.scratch(role, z.shape, z) for role in ("dz", "work"))
        means, losses = self.scratch("means", z.shape[1:], z), self.scratch("losses", z.shape[:1], z)
        hebbian(z, dz, work, means, losses)
        return losses, dz

    def predict(self, z: Array) -> Array:
        """Return the outputs themselves: nothing is predicted."""
        return z

    def score(self, z: Array, targets: Array) -> Score:
        """Return the summed loss around the means of these examples. Nothing is misclassified."""
        losses, _ = self.losses_and_dz(z, targets)
        return Score(loss=float(losses.sum(dtype="float64")), errors=0, examples=len(z))
