"""Classifiers that are fitted in rounds, and not trained by steps."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.config.schema import AnyExperiment, FittedExperiment
from mnistnn.data.examples import Examples
from mnistnn.data.source import DataSource
from mnistnn.errors import ConfigError
from mnistnn.losses import Criterion, Loss
from mnistnn.models.fitted import AnyFitted
from mnistnn.models.fitted.committee import Committee, TrainedMember, add_member
from mnistnn.tasks.classification import Classifier
from mnistnn.tasks.contract import Part, Task
from mnistnn.training.fit import Fitting
from mnistnn.training.learning import Layout
from mnistnn.types import Array, Row, Shape, ShapeError


class FittedClassification(Classifier):
    """Any fitted model: what it needs to know is asked of the model."""

    def __init__(self, experiment: AnyExperiment, source: DataSource) -> None:
        super().__init__(experiment, source)
        assert isinstance(experiment, FittedExperiment)
        self._model: AnyFitted = experiment.model

    def refuse_what_does_not_fit(self) -> None:
        experiment, kind = self.experiment, f"a model of type {self._model.type}"
        if self.source.sequences is not None:
            raise ConfigError(f"{kind} classifies images, and these are sequences", key="model")
        if "train" in self.source.streamed:
            raise ConfigError(
                f"{kind} is fitted to the whole split in memory, but that of {experiment.data.dataset} is read in "
                f"chunks: it has more than data.stream_above_mb, {experiment.data.stream_above_mb}",
                key="model",
            )
        if experiment.stopping and not self._model.open_ended:
            raise ConfigError(f"{kind} ends with its last round, so nothing is to end it before", key="stopping")
        if experiment.evaluation.every_updates is not None:
            raise ConfigError(f"{kind} is evaluated after every round", key="evaluation.every_updates")

    def build(self, in_shape: Shape) -> None:
        try:
            self._model.build(in_shape, self.source.classes)
        except ShapeError as error:
            raise ConfigError(str(error), key="model") from error
        self.rounds = self._model.rounds

    @property
    def rounds_done(self) -> int:
        return self._model.rounds_done

    def allocate(self, xp: Any) -> None:
        self._model.allocate(xp, self.experiment.backend.dtype)

    def fitting(self, train: Examples, valid: Examples | None) -> Fitting:
        """Return the fitting of the model, which is allocated, at its beginning."""
        experiment = self.experiment
        return Fitting(
            model=self._model,
            x=train.x,
            labels=train.labels,
            policies=experiment.stopping,
            evaluate=self._validation(train, valid),
            monitor=experiment.checkpoint.monitor,
        )

    def _validation(self, train: Examples, valid: Examples | None) -> Callable[[], dict[str, float]]:
        """Return what measures the model as it stands: the columns of metrics.jsonl."""
        on_train = self.experiment.evaluation.train_error

        def validate() -> dict[str, float]:
            metrics = {"train.error": self._measured(train)["error"]} if on_train else {}
            if valid is not None:
                metrics |= {f"valid.{name}": value for name, value in self._measured(valid).items()}
            return metrics

        return validate

    def _measured(self, examples: Examples) -> dict[str, float]:
        """Return the mean loss and the error on a split."""
        loss, errors, size = 0.0, 0, self.experiment.evaluation.batch_size
        for start in range(0, len(examples.labels), size):
            part = slice(start, start + size)
            score = self.criterion.score(self._model.scores(examples.x[part]), examples.labels[part])
            loss, errors = loss + score.loss, errors + score.errors
        return {"loss": loss / len(examples.labels), "error": errors / len(examples.labels)}

    def arrays(self) -> dict[str, Array]:
        return self._model.arrays()

    def restore(self, tensors: Mapping[str, np.ndarray], layout: Layout, best: Row | None) -> bool:
        try:
            self._model.restore(dict(tensors))
        except ShapeError:
            return False
        if best is not None:
            self._model.keep_rounds(int(best["updates"]))
        return True

    def parts(self, batch_size: int, evaluated: int, workers: int) -> list[Part]:
        ((name, shape),) = self._model.shapes.items()
        return [Part(name, self._model.type, shape, self._model.size, 0)]

    @property
    def criterion(self) -> Criterion:
        return self._model.criterion

    @property
    def loss(self) -> Loss:
        return self._model.criterion

    def scores(self, x: Array) -> Array:
        return self._model.scores(x)


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
            if not isinstance(task, Classifier) or self.source.sequences is not None:
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

    def find_members_by(self, find: Callable[[int], TrainedMember]) -> None:
        self._committee.find_members_by(find)

    def _validation(self, train: Examples, valid: Examples | None) -> Callable[[], dict[str, float]]:
        running = [_Running(self._committee, valid)] if valid is not None else []
        whole = super()._validation(train, None)
        return lambda: whole() | (running[0].metrics(self.experiment.evaluation.batch_size) if running else {})


class _Running:
    """The committee on the validation split: sums over its members, so that each is asked once."""

    def __init__(self, committee: Committee, valid: Examples) -> None:
        xp = array_module(valid.x)
        shape = (len(valid.labels), committee.classes)
        self.committee, self.valid = committee, valid
        self.total, self.votes, self.asked, self.member_error = xp.zeros(shape), xp.zeros(shape), 0, 0.0

    def metrics(self, batch_size: int) -> dict[str, float]:
        """Return loss and error of the committee, and the error of the member that joined last."""
        labels = self.valid.labels
        for member in self.committee.joined[self.asked :]:
            errors = 0
            for start in range(0, len(labels), batch_size):
                part = slice(start, start + batch_size)
                p = member.probabilities(self.valid.x[part])
                add_member(self.total[part], self.votes[part], p)
                errors += int((p.argmax(axis=1) != labels[part]).sum())
            self.member_error = errors / len(labels)
        self.asked = len(self.committee.joined)
        score = self.committee.criterion.score(
            self.committee.combined(self.total, self.votes, self.asked).astype(self.valid.x.dtype), labels
        )
        return {
            "valid.loss": score.loss / len(labels),
            "valid.error": score.errors / len(labels),
            "member.error": self.member_error,
        }
