"""A small schema of components: the config package is tested on its own, whatever experiments become."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field, TypeAdapter, model_validator

from mnistnn.component import component
from mnistnn.config import load
from mnistnn.config.validate import Validator


@component
class Sgd:
    """Plain descent."""

    type: Literal["sgd"] = "sgd"
    learning_rate: Annotated[float, Field(gt=0)]
    """The length of a step."""


@component
class Momentum:
    """Heavy ball."""

    type: Literal["momentum"] = "momentum"
    learning_rate: Annotated[float, Field(gt=0)]
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    dampening: float = 0.0

    @model_validator(mode="after")
    def _check(self) -> "Momentum":
        if self.dampening > self.momentum:
            raise ValueError("dampening: must not exceed momentum")
        return self


@component
class Dense:
    """Fully connected."""

    type: Literal["dense"] = "dense"
    units: Annotated[int, Field(ge=1)]
    activation: Literal["tanh", "relu", "linear"] = "linear"


@component
class Dropout:
    type: Literal["dropout"] = "dropout"
    rate: Annotated[float, Field(ge=0, lt=1)] = 0.5


@component
class MaxEpochs:
    """Stop after a number of epochs."""

    type: Literal["max_epochs"] = "max_epochs"
    epochs: Annotated[int, Field(ge=1)]


@component
class Patience:
    """Stop when nothing improves."""

    type: Literal["patience"] = "patience"
    updates: Annotated[int, Field(ge=1)] = 5000


@component
class Batches:
    """Mini-batches."""

    size: Annotated[int, Field(ge=1)] | Literal["full"] = 20
    """Examples per batch."""
    shuffle: bool = True
    every_s: Annotated[float, Field(gt=0)] | None = 300.0
    sizes: list[Annotated[int, Field(ge=1)]] | Literal["all"] = "all"


@component
class Toy:
    """A toy experiment."""

    name: str
    seed: Annotated[int, Field(ge=0)] = 0
    optimizer: Annotated[Sgd | Momentum, Field(discriminator="type")]
    layers: Annotated[
        dict[
            Annotated[str, Field(pattern="^[a-z0-9]+$")],
            Annotated[Dense | Dropout, Field(discriminator="type")],
        ],
        Field(min_length=1),
    ]
    stopping: list[Annotated[MaxEpochs | Patience, Field(discriminator="type")]] = Field(default_factory=list)
    batches: Batches = Field(default_factory=Batches)
    expect: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None


GOOD = """\
# A toy.
name: toy
optimizer: {type: sgd, learning_rate: 0.1}
layers:
  hidden: {type: dense, units: 30, activation: tanh}
  dense: {type: dense, units: 10}
stopping:
  - {type: max_epochs, epochs: 5}
  - type: patience
batches:
  size: 10
"""


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Validator[Toy]:
    """Load toys instead of experiments."""
    validator = Validator(TypeAdapter(Toy), also_at_root=("extends",))
    monkeypatch.setattr(load, "experiment_validator", lambda plugins: validator)
    return validator


@pytest.fixture
def good() -> str:
    return GOOD


@pytest.fixture
def good_file(tmp_path: Path) -> Path:
    path = tmp_path / "toy.yaml"
    path.write_text(GOOD)
    return path
