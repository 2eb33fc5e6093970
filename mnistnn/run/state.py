"""The state in a checkpoint besides vectors: counters, running sums, and the position in metrics.jsonl.

Typed and checked on reading, so that whoever goes on from a checkpoint finds every number there, and of its type.
"""

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

_CONFIG = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
_Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, config=_CONFIG)
class SavedProgress:
    """How far training has come; `batch` counts the batches done of the epoch under way."""

    epoch: _Count
    batch: _Count
    updates: _Count
    examples: _Count


@dataclass(frozen=True, config=_CONFIG)
class SavedLoss:
    """The training loss of the epoch under way, summed over its examples so far."""

    total: float
    examples: _Count


@dataclass(frozen=True, config=_CONFIG)
class MetricsPosition:
    """Length and SHA-256 of metrics.jsonl when the checkpoint was taken."""

    bytes: _Count
    sha256: str


@dataclass(frozen=True, config=_CONFIG)
class SavedState:
    """Everything in a checkpoint that is no vector.

    layout  name and shape of each array in the values, in order, so that other programs can take it apart
    best    the row of the best evaluation so far, whose parameters are the tensor `best`
    kept    update counts of the checkpoints that are never removed
    """

    progress: SavedProgress
    loss: SavedLoss
    metrics: MetricsPosition
    layout: list[tuple[str, list[int]]]
    best: dict[str, int | float] | None
    kept: list[_Count]
    config_hash: str
