"""Fitted classifiers of which readers ask more than scores: what they consist of, and what they decided by."""

from mnistnn.models.fitted.boosting.boosted_stumps import BoostedStumps
from mnistnn.models.fitted.least_squares import LeastSquares
from mnistnn.models.fitted.neighbours.nearest_neighbours import NearestNeighbours
from mnistnn.models.fitted.quadratic_discriminant import QuadraticDiscriminant
from mnistnn.models.fitted.support_vectors.svm import SVM
from mnistnn.tasks.fitted import FittedClassification
from mnistnn.types import Array


class LinearTask(FittedClassification):
    """Outputs that are linear in x."""

    @property
    def least_squares(self) -> LeastSquares:
        assert isinstance(self._model, LeastSquares)
        return self._model


class GaussiansTask(FittedClassification):
    """A Gaussian for each class."""

    @property
    def quadratic_discriminant(self) -> QuadraticDiscriminant:
        assert isinstance(self._model, QuadraticDiscriminant)
        return self._model


class NeighboursTask(FittedClassification):
    """References that are nearest decide."""

    @property
    def nearest_neighbours(self) -> NearestNeighbours:
        assert isinstance(self._model, NearestNeighbours)
        return self._model

    @property
    def needs_references(self) -> bool:
        return True

    def named_arrays(self) -> dict[str, Array]:
        raise self._refusal("consists of the training examples, of which it keeps a digest: nothing to be exported")


class SupportVectorTask(FittedClassification):
    """A machine for each pair of classes."""

    @property
    def support_vector_machine(self) -> SVM:
        assert isinstance(self._model, SVM)
        return self._model


class StumpsTask(FittedClassification):
    """A sum of stumps."""

    @property
    def boosted_stumps(self) -> BoostedStumps:
        assert isinstance(self._model, BoostedStumps)
        return self._model
