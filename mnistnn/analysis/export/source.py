"""The source of an export, as a format receives it, and the result."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnistnn import __version__
from mnistnn.errors import RunError
from mnistnn.experiment.plan import Plan
from mnistnn.experiment.trained import Trained, load_trained
from mnistnn.run.view import RunView


@dataclass(frozen=True)
class Check:
    """How the outputs of an exported model compare with those of mnistnn's own, on the same images.

    images                    what they were: validation digits, training digits, or random images
    by                        the program that computed them
    scores_difference         the largest difference of two scores, as a part of the largest score
    probabilities_difference  the largest difference of two probabilities made of the same scores; None without any
    read_differently          how many images were classified differently
    """

    examples: int
    images: str
    by: str
    scores_difference: float
    probabilities_difference: float | None
    read_differently: int


@dataclass(frozen=True)
class Product:
    """The content of the file to be written, and its name if it is to lie in a folder."""

    content: bytes
    check: Check | None = None
    name: str | None = None


@dataclass(frozen=True)
class Source:
    """The runs, whose parameters, and whether the model goes without its preprocessing. `warn` is told what is amiss.

    There is one run, unless the format takes several.
    """

    runs: list[RunView]
    checkpoint: str
    without_preprocess: bool
    warn: Callable[[str], None]


@dataclass(frozen=True)
class Model:
    """A trained model on the host, whatever it was trained on, and the run that trained it."""

    view: RunView
    trained: Trained

    @property
    def plan(self) -> Plan:
        return self.trained.plan

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Parameters and statistics, such as hidden.W: views."""
        return self.plan.task.named_arrays()

    @property
    def fitted(self) -> dict[str, np.ndarray]:
        """What the transforms of the inputs were fitted to, such as preprocess.0.mean."""
        return self.plan.preprocessing.named_tensors()

    def about(self) -> dict[str, Any]:
        """Return where the model comes from, in values that JSON has."""
        record = self.view.record
        return {
            "mnistnn": __version__,
            "run": record.id,
            "name": record.name,
            "config_hash": record.config_hash,
            "checkpoint": self.trained.label,
            "checkpoint_file": self.trained.file,
            "epoch": self.trained.epoch,
            "classes": self.plan.class_names,
        }


def read_model(source: Source) -> Model:
    """Load the model of the one run. Raises RunError if it is not whole, or some of its numbers are not finite."""
    (view,) = source.runs
    model = Model(view, load_trained(view.run, source.checkpoint, ["backend.device=cpu"]))
    for problem in model.trained.passed_over:
        source.warn(f"warning: passed over {problem}")
    for name, array in model.arrays.items():
        if not np.isfinite(array).all():
            raise RunError(f"{model.trained.file}: {name} has numbers that are not finite")
    return model


def as_text(about: Mapping[str, Any]) -> dict[str, str]:
    """Return what is said about a model as text by name, for formats that have nothing else."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in about.items()}
