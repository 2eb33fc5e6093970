"""Networks that classify: an example as a whole, or each step of a sequence."""

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from mnistnn.errors import ConfigError, UsageError
from mnistnn.losses import Criterion, Loss
from mnistnn.losses.contract import PerExampleLoss
from mnistnn.losses.each_step import EachStep
from mnistnn.tasks.classification import Classifier, Judged
from mnistnn.tasks.contract import Subject, Watch, metrics_read
from mnistnn.tasks.mc_dropout import mean_in, mean_probabilities, refuse_unless_random, summed_nll
from mnistnn.tasks.network import NetworkTask
from mnistnn.types import Array, Shape, SplitName


def _class_loss(loss: Any) -> Loss:
    """Return the loss of an experiment whose data have classes. Raises ConfigError for another."""
    if not isinstance(loss, PerExampleLoss):
        raise ConfigError(
            f"{loss.type} is for numbers, and these data have classes; softmax_nll is for such", key="loss"
        )
    return cast("Loss", loss)  # or one of the user's own, which is the same to everybody


class NetworkClassification(Classifier, NetworkTask):
    """One class for each example."""

    has_one_class: ClassVar[bool] = True
    options: ClassVar[frozenset[str]] = Classifier.options | {"--mc-samples", "--mc-mean"}

    def judge(self, loss: Any) -> Criterion:
        self._loss = _class_loss(loss)
        return self._loss

    def build_criterion(self, out_shape: Shape) -> None:
        self._loss.build(out_shape, self.source.classes)

    @property
    def loss(self) -> Loss:
        return self._loss

    def measure(self, subject: Subject, split: SplitName, options: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
        if mean_in(options.get("--mc-samples"), options.get("--mc-mean")) is not None:
            refuse_unless_random(self._network, self._loss)
        return super().measure(subject, split, options, watch)

    def _judge(self, x: Array, labels: Array, options: Mapping[str, Any]) -> Judged:
        samples = options.get("--mc-samples")
        mean = mean_in(samples, options.get("--mc-mean"))
        if samples is None or mean is None:
            return super()._judge(x, labels, options)
        p = mean_probabilities(self._network, self._loss, x, samples, mean)
        return Judged(summed_nll(p, labels), p.argmax(axis=1), p)


class StepClassification(Classifier, NetworkTask):
    """A class at each step of a sequence that has one."""

    def refuse_what_does_not_fit(self) -> None:
        super().refuse_what_does_not_fit()
        for key, metrics in metrics_read(self.experiment).items():
            if {"valid.gained", "valid.lost"}.intersection(metrics):
                raise ConfigError("is about examples that are right or wrong, and here each step is", key=key)

    def judge(self, loss: Any) -> Criterion:
        self._of_steps = EachStep(_class_loss(loss))
        return self._of_steps

    def build_criterion(self, out_shape: Shape) -> None:
        self._of_steps.build(out_shape, self.source.classes)

    @property
    def loss(self) -> Loss:
        raise UsageError(
            f"{self.experiment.name}: its model predicts a class at each step, and not one class for each example"
        )
