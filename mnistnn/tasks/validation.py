"""The validation of a network at each evaluation, as columns of metrics.jsonl."""

from mnistnn.backend.arrays import array_module
from mnistnn.data.examples import Examples
from mnistnn.losses import Criterion
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.supervised import score
from mnistnn.tasks.by_class import BALANCED, BalancedError
from mnistnn.training.loop import Training
from mnistnn.types import LAST, Array


class Validation:
    """Measures the model as it stands.

    valid   the validation split, if there is one
    train   if given, the error on the whole training split is measured too
    paired  also count the validation images that are classified correctly now and were not by the best model so far,
            and the opposite; what a test of significance needs
    classes if given, the balanced error over so many classes is measured too
    """

    def __init__(
        self,
        model: Sequential,
        loss: Criterion,
        valid: Examples | None,
        batch_size: int,
        train: Examples | None,
        paired: bool,
        classes: int | None = None,
    ) -> None:
        self.model, self.loss, self.valid, self.batch_size = model, loss, valid, batch_size
        self.train, self.paired = train, paired
        self._best_right: Array | None = None
        self._balanced = None if classes is None or valid is None else BalancedError(valid.labels, classes)

    def __call__(self, t: Training) -> dict[str, float]:
        """Return the metrics of one evaluation."""
        metrics = {}
        if self.train is not None:
            on_train = score(self.model, self.loss, self.train.x, self.train.labels, self.batch_size)
            metrics["train.error"] = on_train.errors / on_train.examples
        if self.valid is None:
            return metrics
        is_asked = self.paired or self._balanced is not None
        right = array_module(self.model.values).empty(self.valid.labels.shape, dtype=bool) if is_asked else None
        on_valid = score(self.model, self.loss, self.valid.x, self.valid.labels, self.batch_size, right)
        metrics["valid.loss"] = on_valid.loss / max(on_valid.examples, 1)
        if self.loss.classifies:
            metrics["valid.error"] = on_valid.errors / on_valid.examples
        if self._balanced is not None:
            metrics[BALANCED] = self._balanced.of(right)
        if right is not None and self.paired:
            before = self._right_before(t, self.valid)
            metrics["valid.gained"] = int((right & ~before).sum())
            metrics["valid.lost"] = int((before & ~right).sum())
            if t.best is None or t.monitor == LAST or metrics[t.monitor] < t.best[t.monitor]:
                self._best_right = right
        return metrics

    def _right_before(self, t: Training, valid: Examples) -> Array:
        """Return which images the best model so far reads rightly: none before the first evaluation.

        A resumed run has forgotten, and asks the best parameters again.
        """
        if t.best is None:
            return array_module(self.model.values).zeros(len(valid.x), dtype=bool)
        if self._best_right is None:
            self._best_right = array_module(self.model.values).empty(len(valid.x), dtype=bool)
            present = self.model.values.copy()
            self.model.values[...] = t.best_values
            score(self.model, self.loss, valid.x, valid.labels, self.batch_size, self._best_right)
            self.model.values[...] = present
        return self._best_right
