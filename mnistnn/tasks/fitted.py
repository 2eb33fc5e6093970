"""Classifiers that are fitted in rounds, and not trained by steps."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mnistnn import __version__
from mnistnn.backend.arrays import array_module, sha256_of, to_host
from mnistnn.config.schema import AnyExperiment, FittedExperiment
from mnistnn.data.examples import Examples
from mnistnn.data.source import DataSource
from mnistnn.data.streamed import StreamedInputs
from mnistnn.errors import ConfigError
from mnistnn.losses import Criterion, Loss
from mnistnn.models.contract import EXAMPLES, Tell
from mnistnn.models.fitted import AnyFitted
from mnistnn.run.provenance import ARITHMETIC
from mnistnn.stopping.limits import shortest_interval
from mnistnn.storage.inside import file_in
from mnistnn.storage.partial_scores import PREFIX, SUFFIX, PartialScores, forget
from mnistnn.tasks.by_class import BALANCED, BalancedError
from mnistnn.tasks.classification import Classifier, Judged
from mnistnn.tasks.contract import Part, Subject, Watch, Weights, is_read
from mnistnn.training.fit import Fitting, Measure
from mnistnn.training.learning import Layout
from mnistnn.types import Array, Row, Shape, ShapeError, SplitName


class FittedClassification(Classifier):
    """Any fitted model: what it needs to know is asked of the model."""

    def __init__(self, experiment: AnyExperiment, source: DataSource) -> None:
        super().__init__(experiment, source)
        assert isinstance(experiment, FittedExperiment)
        self._model: AnyFitted = experiment.model
        self._folder: Path | None = None

    def refuse_what_does_not_fit(self) -> None:
        experiment, kind = self.experiment, f"a model of type {self._model.type}"
        if not self.source.has_images:
            raise ConfigError(f"{kind} classifies images, and these are {self.source.called}", key="model")
        if "train" in self.source.streamed:
            raise ConfigError(
                f"{kind} is fitted to the whole split in memory, but that of {experiment.data.dataset} is read in "
                f"chunks: it has more than data.stream_above_mb, {experiment.data.stream_above_mb}",
                key="model",
            )
        if experiment.stopping and not self._model.open_ended:
            raise ConfigError(f"{kind} ends with its last round, so nothing is to end it before", key="stopping")

        known = {"valid.loss", "valid.error", BALANCED} | (
            {"train.error"} if experiment.evaluation.train_error else set()
        )
        for number, policy in enumerate(experiment.stopping):
            for metric in policy.metrics():
                if metric not in known:
                    raise ConfigError(
                        f"{policy.type} reads {metric}, which is not measured of {kind}; there are "
                        f"{', '.join(sorted(known))}",
                        key=f"stopping.{number}",
                    )

    def build(self, in_shape: Shape) -> None:
        try:
            self._model.build(in_shape, self.source.classes)
        except ShapeError as error:
            raise ConfigError(str(error), key="model") from error
        self._model.draw_from(self.experiment.seed)
        self.rounds = self._model.rounds

    @property
    def rounds_done(self) -> int:
        return self._model.rounds_done

    def allocate(self, xp: Any) -> None:
        self._model.allocate(xp, self.experiment.backend.dtype)

    def fitting(self, train: Examples, valid: Examples | None) -> Fitting:
        """Return the fitting of the model, which is allocated, at its beginning."""
        experiment, model = self.experiment, self._model
        model.refuse(train.x)
        self.find_references_by(lambda: train)
        every = experiment.evaluation.every_updates or model.evaluate_every
        return Fitting(
            model=model,
            x=train.x,
            labels=train.labels,
            policies=experiment.stopping,
            evaluate=self._validation(train, valid),
            monitor=experiment.checkpoint.monitor,
            evaluate_every=min(n for n in (every, shortest_interval(experiment.stopping)) if n is not None),
        )

    def find_references_by(self, find: Callable[[], Examples]) -> None:
        def found() -> tuple[Array, Array]:
            examples = find()
            return examples.x, examples.labels

        self._model.find_references_by(self._digest_of_references, found)

    def _digest_of_references(self) -> bytes:
        """Return the SHA-256 of what says which examples the training split has: files, and how they are split."""
        data = self.experiment.data
        about = {
            "files": self.source.digests(),
            "validation_examples": data.validation_examples,
            "train": self.source.examples["train"],
            "labels": None if data.labels is None else asdict(data.labels),
            "scale": data.scale,
        }
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).digest()

    def keep_partial_scores_in(self, folder: Path) -> None:
        self._folder = folder

    def forget_partial_scores(self, *splits: str) -> None:
        for split in splits:
            if (path := self._path_of(split)) is not None:
                forget(path)

    def _path_of(self, split: str) -> Path | None:
        return None if self._folder is None else file_in(self._folder, f"{PREFIX}{split}{SUFFIX}")

    @property
    def needs_loops(self) -> bool:
        return self._model.needs_loops

    @property
    def scores_need_loops(self) -> bool:
        return self._model.scores_need_loops

    def _validation(self, train: Examples, valid: Examples | None) -> Measure:
        """Return what measures the model as it stands: the columns of metrics.jsonl."""
        measured = {"train": train if self.experiment.evaluation.train_error else None, "valid": valid}
        balanced = is_read(BALANCED, self.experiment)
        splits = {
            split: _Followed(self._model, each, self.source.classes if balanced and split == "valid" else None)
            for split, each in measured.items()
            if each is not None
        }

        def validate(tell: Tell) -> dict[str, float]:
            metrics: dict[str, float] = {}
            for split, followed in splits.items():
                with self._partial_scores(split) as partial_scores:
                    blocks = _Blocks(self._model, partial_scores, followed.count, f"{split} examples", tell)
                    found = followed.measured(blocks, self.experiment.evaluation.batch_size)
                metrics |= {f"{split}.{name}": value for name, value in found.items()}
            metrics.pop("train.loss", None)
            return metrics

        return validate

    def _partial_scores(self, split: str) -> PartialScores:
        """Return the scores of a split that an evaluation before had when it was interrupted."""
        partial_scores = PartialScores(self._path_of(split), lambda: self._key_of(split))
        self._model.restore_examples_per_stage(partial_scores.counts)
        return partial_scores

    def _key_of(self, split: str) -> str:
        """Return the SHA-256 of all that the scores of a split depend on."""
        experiment = self.experiment
        about = (split, experiment.evaluation.batch_size, experiment.backend, experiment.data, experiment.preprocess)
        settings = repr((*about, self._model, ARITHMETIC, __version__)).encode()
        return hashlib.sha256(settings + sha256_of(self._model.arrays())).hexdigest()

    # Evaluations.

    def measure(self, subject: Subject, split: SplitName, options: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
        def tell(what: str, done: int, most: int | None) -> None:
            watch(what, done, most or 0)

        with self._partial_scores(split) as partial_scores:
            self._blocks = _Blocks(self._model, partial_scores, subject.count(split), f"{split} examples", tell)
            found = super().measure(subject, split, options, watch)
        return {**found, "examples_per_stage": self._model.examples_per_stage or None}

    def _judge(self, x: Array, labels: Array, options: Mapping[str, Any]) -> Judged:
        return self.judged(self._blocks.scores(x), labels)

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

    @property
    def unit(self) -> str:
        return self._model.unit

    def scores(self, x: Array) -> Array:
        return self._model.scores(x)

    def weights(self) -> dict[str, Weights]:
        if (of_model := self._model.weights()) is None:
            return super().weights()
        ((name, _),) = self._model.shapes.items()
        return {name: Weights(*of_model)}


class _Blocks:
    """The scores of a split, block after block, as an evaluation asks for them.

    count  examples that the split has, at most; what they are called, and who is told how far their scores are
    """

    def __init__(self, model: AnyFitted, partial_scores: PartialScores, count: int, what: str, tell: Tell) -> None:
        self._model, self._partial_scores, self._done = model, partial_scores, 0
        self._count, self._what, self._tell = count, what, tell

    def scores(self, x: Array) -> Array:
        """Return the scores of the next examples x (n, *in_shape)."""

        def compute() -> np.ndarray:
            scores = to_host(self._model.scores(x))
            self._partial_scores.counts = self._model.examples_per_stage
            return scores

        before = self._done

        def tell(what: str, done: int, most: int | None) -> None:
            if what == EXAMPLES:
                self._tell(self._what, before + done, self._count)
            else:  # it prepares something
                self._tell(what, done, most)

        self._model.listen(tell)
        scores = self._partial_scores.take(len(x), compute)
        self._done += len(x)
        self._tell(self._what, self._done, self._count)
        return array_module(x).asarray(scores, dtype=x.dtype)


class _Followed:
    """A split that is measured again and again while the model is fitted."""

    def __init__(self, model: AnyFitted, examples: Examples, classes: int | None = None) -> None:
        self._model, self._examples, self.count = model, examples, len(examples.labels)
        is_in_memory = not isinstance(examples.x, StreamedInputs)
        self._scores = model.follow(examples.x) if is_in_memory else None
        self._balanced = None if classes is None else BalancedError(examples.labels, classes)

    def measured(self, blocks: _Blocks, size: int) -> dict[str, float]:
        """Return the mean loss and the error of the model as it stands, and the balanced error if there are `classes`;
        so many examples are asked for at once.
        """
        examples, criterion = self._examples, self._model.criterion
        followed = None if self._scores is None else self._scores()
        loss, errors, right = 0.0, 0, np.empty(self.count, dtype=bool)
        for start in range(0, self.count, size):
            part = slice(start, start + size)
            z = blocks.scores(examples.x[part]) if followed is None else followed[part]
            score = criterion.score(z, examples.labels[part])
            loss, errors = loss + score.loss, errors + score.errors
            if self._balanced is not None:
                right[part] = to_host(criterion.predict(z) == examples.labels[part])
        found = {"loss": loss / self.count, "error": errors / self.count}
        return found if self._balanced is None else {**found, "balanced_error": self._balanced.of(right)}
