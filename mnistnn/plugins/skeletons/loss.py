"""A loss of my own, for classifiers.

Is it right?  mnistnn inspect component skeleton.py
Use it:       mnistnn train mlp --code skeleton.py "loss={type: skeleton}"
"""

from typing import Literal

from mnistnn.plugins import Array, PerClassLoss, Positive, array_module, loss


@loss
class Skeleton(PerClassLoss):
    """The squared distance of the outputs from 1 for the label and 0 for the other classes."""

    # What an experiment calls it: {type: skeleton}.
    type: Literal["skeleton"] = "skeleton"
    factor: Positive = 1.0
    """What the distance is multiplied by."""

    def losses_and_dz(self, z: Array, labels: Array) -> tuple[Array, Array]:
        """Return each example's loss (n,), and the gradient of their mean by z (n, classes): so it is divided by n.

        z and labels are only read. Arrays come from self.scratch, so that no step allocates any.
        """
        xp, n = array_module(z), len(z)
        targets, dz = self.scratch("targets", z.shape, z), self.scratch("dz", z.shape, z)
        targets[...] = 0
        targets.reshape(-1)[self.label_places(z, labels)] = 1
        xp.subtract(z, targets, out=dz)
        squares, losses = self.scratch("squares", z.shape, z), self.scratch("losses", (n,), z)
        xp.multiply(dz, dz, out=squares)
        xp.sum(squares, axis=1, out=losses)
        losses *= self.factor
        dz *= 2 * self.factor / n
        return losses, dz

    def probabilities(self, z: Array) -> Array:
        """Return the probability of each class (n, classes), in a new array."""
        p = array_module(z).exp(z - z.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)
