"""Fitted classifiers of which readers ask more than scores: what they consist of, and what they decided by."""

from mnistnn.models.fitted.boosted_stumps import BoostedStumps
from mnistnn.tasks.fitted import FittedClassification


class StumpsTask(FittedClassification):
    """A sum of stumps."""

    @property
    def boosted_stumps(self) -> BoostedStumps:
        assert isinstance(self._model, BoostedStumps)
        return self._model
