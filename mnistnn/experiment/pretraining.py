"""Layers that learn before the whole does: each phase is an experiment of its own, derived from the whole one.

A phase is a restricted Boltzmann machine, or an autoencoder, with a layer's units for hidden ones, which learns from
the features that those below make of the inputs. Its run lies inside the run (see `runner/pretraining.py`), so it is
started, saved, resumed and verified as any run is, and the loop knows nothing of phases. All phases are planned
together with the whole, with zeros for what is yet to be learned: mistakes are shown before anything is written.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import prod
from pathlib import Path

import numpy as np

from mnistnn.config.dump import resolved_yaml
from mnistnn.config.load import LoadedExperiment, load_text
from mnistnn.config.schema import AnyExperiment
from mnistnn.config.validate import type_first
from mnistnn.errors import ConfigError, nearest
from mnistnn.layers.dense import Dense
from mnistnn.run.directory import RunDirectory
from mnistnn.storage.inside import file_in, folder_in
from mnistnn.types import Shape

FOLDER = "pretrain"

Tensors = dict[str, np.ndarray]

_SHARED = ("seed", "data", "backend")
_OWN = ("loss", "penalties", "batches", "optimizer", "stopping")
_OF_MODEL = {"rbm": ("visible", "visible_bias", "centred"), "autoencoder": ("visible", "visible_bias")}
_LEARNS_BY = {"contrastive_divergence": "rbm", "reconstruction": "autoencoder"}


@dataclass(frozen=True)
class DerivedExperiment(LoadedExperiment):
    """An experiment that follows from the phase `number` of another one, where its mistakes are shown."""

    whole: LoadedExperiment
    number: int

    def error(self, message: str, key: str) -> ConfigError:
        first, _, rest = key.partition(".")
        if first in _OWN:
            return self.whole.error(message, f"{FOLDER}.{self.number}.{key}")
        if first == "model":
            return self.whole.error(message, f"{FOLDER}.{self.number}.{rest if rest in _OF_MODEL['rbm'] else 'layer'}")
        return self.whole.error(message, key)


@dataclass(frozen=True)
class Phase:
    """The phase `number`, counted from 0, which prepares `layer` of `units`; `below` are those before it."""

    number: int
    layer: str
    units: int
    below: tuple["Phase", ...]

    @property
    def name(self) -> str:
        return f"{self.number + 1}-{self.layer}"

    def run_in(self, run: RunDirectory) -> RunDirectory:
        return RunDirectory(folder_in(run.phases, self.name))

    def features_in(self, run: RunDirectory) -> Path:
        """Return the file of what the phase has learned, as a transform `features` is kept."""
        return file_in(run.phases, _file(self.name).name)

    def experiment(self, whole: LoadedExperiment) -> DerivedExperiment:
        """Return the phase's experiment, complete: it does not know the whole one."""
        resolved = whole.resolved
        said = resolved[FOLDER][self.number]
        model = _LEARNS_BY[said["loss"]["type"]]
        features = [{"type": "features", "file": str(_file(phase.name))} for phase in self.below]
        own = {
            "name": f"{resolved['name']}-{self.layer}"[:100],
            **{key: resolved[key] for key in _SHARED},
            "preprocess": [*resolved["preprocess"], *features],
            "model": {"type": model, "hidden": self.units, **{key: said[key] for key in _OF_MODEL[model]}},
            **{key: said[key] for key in _OWN},
            "evaluation": {"batch_size": resolved["evaluation"]["batch_size"]},
            "checkpoint": {**resolved["checkpoint"], "monitor": "last"},
        }
        loaded = load_text(resolved_yaml(type_first(own)), f"{self.name}.yaml", (), whole.plugins)
        return DerivedExperiment(
            **{field.name: getattr(loaded, field.name) for field in fields(LoadedExperiment)},
            whole=whole,
            number=self.number,
        )

    def untrained(self, experiment: AnyExperiment, in_shape: Shape) -> dict[int, Tensors]:
        """Return zeros, of the right shapes, for the features of the models below, by the number of the transform.

        in_shape  of the inputs that the first of them learns from
        """
        tensors, n_in, first = {}, prod(in_shape), len(experiment.preprocess)
        for number, phase in enumerate(self.below):
            tensors[first + number] = {"W": np.zeros((n_in, phase.units)), "b": np.zeros(phase.units)}
            n_in = phase.units
        return tensors


def phases_of(experiment: AnyExperiment) -> Iterator[Phase]:
    """Yield the phases in order. Raises ConfigError if one is not about the layer whose turn it is, or about one that
    cannot be the hidden units of what learns.
    """
    layers = experiment.model.layers
    if not experiment.pretrain:
        return
    if not layers:
        raise ConfigError(f"prepares layers, and a model of type {experiment.model.type} has none", key=FOLDER)
    in_order, below = list(layers), list[Phase]()
    for number, said in enumerate(experiment.pretrain):
        key, name = f"{FOLDER}.{number}.layer", said.layer
        if name not in layers:
            near = nearest(name, layers)
            hint = f"did you mean '{near}'?" if near else f"there are {', '.join(layers)}"
            raise ConfigError(f"no layer is named '{name}'; {hint}", key=key)
        if in_order.index(name) != number:
            raise ConfigError(
                f"each stands upon the one before, from the first layer on, so this one is about '{in_order[number]}'",
                key=key,
            )
        layer = layers[name]
        if not isinstance(layer, Dense) or layer.activation != "sigmoid":
            found = f"{layer.activation}" if isinstance(layer, Dense) else f"of type {layer.type}"
            raise ConfigError(
                f"what is learned before are the weights of a dense layer whose activation is sigmoid, and '{name}' is "
                f"{found}",
                key=key,
            )
        if said.centred and "centred" not in _OF_MODEL[_LEARNS_BY[said.loss.type]]:
            raise ConfigError(
                "is for restricted Boltzmann machines; by reconstruction an autoencoder learns",
                key=f"{FOLDER}.{number}.centred",
            )
        phase = Phase(number, name, layer.units, tuple(below))
        below.append(phase)
        yield phase


def _file(name: str) -> Path:
    return Path(FOLDER) / f"{name}.safetensors"
