"""Committees: classifiers that were trained one by one, whose validation also tells how good the newest is alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mnistnn.backend.arrays import array_module
from mnistnn.config.schema import AnyExperiment
from mnistnn.data.examples import Examples
from mnistnn.data.source import DataSource
from mnistnn.errors import ConfigError
from mnistnn.models.contract import Tell
from mnistnn.models.fitted.committee import Committee, TrainedMember, add_member
from mnistnn.objectives.gradient_check import CheckedFunction
from mnistnn.tasks.by_class import BALANCED, BalancedError
from mnistnn.tasks.classification import Classifier
from mnistnn.tasks.contract import Part, Task, is_read
from mnistnn.tasks.fitted import FittedClassification
from mnistnn.training.fit import Measure
from mnistnn.types import Array


class CommitteeTask(FittedClassification):
    """A committee, whose validation also tells how good the newest member is alone."""

    def __init__(self, experiment: AnyExperiment, source: DataSource) -> None:
        super().__init__(experiment, source)
        assert isinstance(self._model, Committee)
        self._committee = self._model
        self._sizes: list[int] = []

    def refuse_what_does_not_fit(self) -> None:
        super().refuse_what_does_not_fit()
        if self.experiment.preprocess:
            raise ConfigError("members prepare images by themselves; this belongs into their files", key="preprocess")

    def refuse_members(self, tasks: list[Task]) -> None:
        for number, task in enumerate(tasks):
            key = f"model.members.{number}"
            if not isinstance(task, Classifier) or not self.source.has_images:
                raise ConfigError(
                    f"member {number + 1} is no classifier of images: its model {task.described}", key=key
                )
            if self._committee.combine == "mean" and not task.has_probabilities:
                raise ConfigError(
                    f"member {number + 1} gives no probabilities, whose mean could be taken: its loss is "
                    f"{task.loss.type} (combine: vote asks for its class only)",
                    key=key,
                )

        self._sizes = [task.experiment.model.size for task in tasks]

    def parts(self, batch_size: int, evaluated: int, workers: int) -> list[Part]:
        (part,) = super().parts(batch_size, evaluated, workers)
        return [replace(part, parameters=sum(self._sizes))]

    def named_arrays(self) -> dict[str, Array]:
        """Return the arrays of all members, those of the first under `1.`."""
        named: dict[str, Array] = {}
        for number, member in enumerate(self._committee.joined, start=1):
            named |= {f"{number}.{name}": array for name, array in member.named_arrays().items()}
        return named

    def checked_function(self, x: Array, targets: Array, penalties: list[Any]) -> CheckedFunction:
        raise self._refusal("has no gradient of its own; the experiments of its members can be checked one by one")

    def find_members_by(self, find: Callable[[int], TrainedMember]) -> None:
        self._committee.find_members_by(find)

    @property
    def committee(self) -> Committee:
        return self._committee

    def _validation(self, train: Examples, valid: Examples | None) -> Measure:
        whole = super()._validation(train, None)
        if valid is None:
            return whole
        running = _Running(self._committee, valid, is_read(BALANCED, self.experiment))
        return lambda tell: whole(tell) | running.metrics(self.experiment.evaluation.batch_size, tell)


class _Running:
    """The committee on the validation split: sums over its members, so that each is asked once."""

    def __init__(self, committee: Committee, valid: Examples, balanced: bool) -> None:
        xp = array_module(valid.x)
        shape = (len(valid.labels), committee.classes)
        self.committee, self.valid = committee, valid
        self.total, self.votes, self.asked, self.member_error = xp.zeros(shape), xp.zeros(shape), 0, 0.0
        self._balanced = BalancedError(valid.labels, committee.classes) if balanced else None

    def metrics(self, batch_size: int, tell: Tell) -> dict[str, float]:
        """Return loss and error of the committee, and the error of the member that joined last."""
        labels = self.valid.labels
        for member in self.committee.joined[self.asked :]:
            errors, total, votes = 0, self.total.copy(), self.votes.copy()
            for start in range(0, len(labels), batch_size):
                part = slice(start, start + batch_size)
                tell("valid examples", start, len(labels))
                p = member.probabilities(self.valid.x[part])
                add_member(total[part], votes[part], p)
                errors += int((p.argmax(axis=1) != labels[part]).sum())
            # Only now: who is told may end it, and asks again when it goes on.
            self.total, self.votes, self.asked, self.member_error = total, votes, self.asked + 1, errors / len(labels)
        criterion = self.committee.criterion
        z = self.committee.combined(self.total, self.votes, self.asked).astype(self.valid.x.dtype)
        score = criterion.score(z, labels)
        balanced = {} if self._balanced is None else {BALANCED: self._balanced.of(criterion.predict(z) == labels)}
        return {
            "valid.loss": score.loss / len(labels),
            "valid.error": score.errors / len(labels),
            **balanced,
            "member.error": self.member_error,
        }
