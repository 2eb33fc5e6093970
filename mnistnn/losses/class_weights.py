"""Weights of classes in a loss: an error on a rare class may count for more than one on a frequent class."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from mnistnn.backend.arrays import array_module, take_rows
from mnistnn.backend.scratch import Scratch
from mnistnn.component import component
from mnistnn.errors import ConfigError
from mnistnn.losses.contract import PerExampleLoss
from mnistnn.types import Array, Shape

Weight = Annotated[float, Field(ge=0)]


@component
class WeightedByClass(PerExampleLoss):
    """Abstract: what is minimised of example i is sᵢ Lᵢ, its plain loss Lᵢ times the weight sᵢ of its class.

    The mean is over examples, 1/n Σ sᵢ Lᵢ, and not divided by Σ sᵢ: so the gradient of a batch is an unbiased estimate
    of that of all examples whatever classes the batch has, and batches can be cut into pieces that are added up. As sᵢ
    does not depend on z, the gradient and the second derivative of each example are multiplied by it, too.

    A concrete loss implements the `plain_` methods; what they return may be used up. Evaluations measure plain losses,
    so that runs with other weights compare.
    """

    class_weights: Literal["balanced"] | Annotated[list[Weight], Field(min_length=1)] | None = None
    """By what the loss of each class's examples is multiplied: a number for each class, in their order, or balanced,
    n / (K · n_c) for n_c of n training examples, so that the classes weigh alike and the mean weight is 1. K counts the
    classes that occur; others get 0. Evaluations measure the loss without weights."""

    scratch: ClassVar[Scratch]
    """Made in `build` of the other base."""

    def build(self, out_shape: Shape, classes: int) -> None:
        """Check that the model's output and the weights fit. Raises ShapeError, and ConfigError for the weights."""
        super().build(out_shape, classes)
        self.classes = classes
        self._weights: Array | None = None
        self._weights_on_device: Array | None = None
        given = self.class_weights
        if isinstance(given, list):
            if len(given) != classes:
                raise ConfigError(
                    f"{len(given)} {'number' if len(given) == 1 else 'numbers'} for {classes} classes; give one for "
                    "each class, or balanced",
                    key="loss.class_weights",
                )
            if not any(given):
                raise ConfigError("all are 0, so there is nothing to learn from", key="loss.class_weights")
            self._weights = given

    def learn_from(self, counts: Any) -> None:
        if self.class_weights == "balanced":
            total, occurring = float(counts.sum()), int((counts > 0).sum())
            self._weights = [total / (occurring * float(count)) if count else 0.0 for count in counts]
            self._weights_on_device = None

    @property
    def needs_counts(self) -> bool:
        return self.class_weights == "balanced"

    def losses_and_dz(self, z: Array, labels: Array) -> tuple[Array, Array]:
        losses, dz = self.plain_losses_and_dz(z, labels)
        if (factors := self.factors(z, labels)) is not None:
            losses *= factors
            dz *= factors[:, None]
        return losses, dz

    def measured_losses(self, z: Array, labels: Array) -> Array:
        return self.plain_losses_and_dz(z, labels)[0]

    def curvature_product(self, z: Array, labels: Array, z_dot: Array) -> Array:
        return self._times_factors(self.plain_curvature_product(z, z_dot), z, labels)

    def curvature_diagonal(self, z: Array, labels: Array) -> Array:
        return self._times_factors(self.plain_curvature_diagonal(z), z, labels)

    def curvature_roots(self, z: Array, labels: Array) -> Array:
        roots = self.plain_curvature_roots(z)
        if (factors := self.factors(z, labels)) is not None:
            array_module(z).sqrt(factors, out=factors)
            roots *= factors[:, None]
        return roots

    def plain_losses_and_dz(self, z: Array, labels: Array) -> tuple[Array, Array]:
        """Return what `losses_and_dz` does, of the loss without weights."""
        raise NotImplementedError

    def plain_curvature_product(self, z: Array, z_dot: Array) -> Array:
        """Return what `curvature_product` does, of the loss without weights. As it is here, no label changes that."""
        raise NotImplementedError

    def plain_curvature_diagonal(self, z: Array) -> Array:
        """Return what `curvature_diagonal` does, of the loss without weights."""
        raise NotImplementedError

    def plain_curvature_roots(self, z: Array) -> Array:
        """Return what `curvature_roots` does, of the loss without weights."""
        raise NotImplementedError

    def weights(self, z: Array) -> Array | None:
        """Return the weight of each class (K,), where z is and of its type; None where all classes weigh alike."""
        if self.class_weights is None:
            return None
        assert self._weights is not None, "balanced weights follow from the training split: see learn_from"
        held = self._weights_on_device
        if held is None or held.dtype != z.dtype or not isinstance(held, type(z)):
            held = self._weights_on_device = array_module(z).array(self._weights, dtype=z.dtype)
        return held

    def factors(self, z: Array, labels: Array) -> Array | None:
        """Return the factor sᵢ of each example (n,), which the caller may use up; None where all are 1."""
        weights = self.weights(z)
        if weights is None:
            return None
        return take_rows(weights, labels, self.scratch("factors", labels.shape, z))

    def _times_factors(self, rows: Array, z: Array, labels: Array) -> Array:
        if (factors := self.factors(z, labels)) is not None:
            rows *= factors[:, None]
        return rows
