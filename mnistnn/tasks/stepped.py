"""The base of tasks whose models are trained by steps: their parameters are one vector that an optimizer moves."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.config.schema import AnyExperiment, Experiment
from mnistnn.data.source import DataSource
from mnistnn.models.flat import FlatModel
from mnistnn.tasks.contract import Part, Task, Weights
from mnistnn.training.learning import Layout
from mnistnn.types import BEST, VALUES, Array, Row


class SteppedTask(Task):
    """Abstract: what all kinds of such models have in common."""

    experiment: Experiment

    def __init__(self, experiment: AnyExperiment, source: DataSource) -> None:
        super().__init__(experiment, source)
        assert isinstance(experiment, Experiment)
        self._flat: FlatModel = experiment.model

    @property
    def flat(self) -> FlatModel:
        return self._flat

    def allocate(self, xp: Any) -> None:
        model = self.experiment.model
        model.allocate(xp, self.experiment.backend.dtype)
        model.initialize(self.experiment.seed)

    def part(self, name: str, kind: str, kept: int) -> Part:
        """Return a part of the model, which is built, by its name there."""
        own = (slot for slot in self._flat.slots if slot.name.split(".")[0] == name)
        return Part(name, kind, self.experiment.model.shapes[name], sum(slot.stop - slot.start for slot in own), kept)

    def weights(self) -> dict[str, Weights]:
        found: dict[str, Weights] = {}
        for slot in self._flat.slots:
            part = slot.name.split(".")[0]
            if slot.parameter.kind == "weight" and part not in found:
                found[part] = Weights(slot.name, self._flat.weights_into(part))
        return found

    def arrays(self) -> dict[str, Array]:
        return {VALUES: self._flat.values}

    def named_arrays(self) -> dict[str, Array]:
        return self._flat.views(self._flat.values)

    def restore(self, tensors: Mapping[str, np.ndarray], layout: Layout, best: Row | None) -> bool:
        model, values = self._flat, tensors.get(VALUES if best is None else BEST)
        fits = values is not None and values.shape == model.values.shape and values.dtype == model.values.dtype
        if not fits or layout != model.layout:
            return False
        model.values[...] = array_module(model.values).asarray(values)
        return True
