"""The description of a sweep, study.json: the request, and the trials that were known from the beginning."""

from dataclasses import field
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

SCHEMA_VERSION = 1

_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

Sampler = Literal["grid", "random", "tpe"]


@dataclass(frozen=True, config=_STRICT)
class Trial:
    """One run of a sweep: the number of its point, the values there, its seed, the digest of its configuration.

    The digest is empty where the values make no valid experiment; such a trial has failed before it began.
    """

    id: Annotated[str, Field(pattern="^[0-9]+-seed[0-9]+$")]  # names files, and stands in lines for a shell
    point: int
    values: dict[str, str]
    seed: int
    config_hash: str


@dataclass(frozen=True, config=_STRICT)
class Search:
    """The options of a search, whose points are suggested one after the other.

    points       how many there will be
    arguments    what varies and what does not, as on the command line
    seeds        each point is done once for each; None for the seed of the experiment
    sweep_seed   of the drawing
    threads      the most that a trial may use
    base_sha256  of base.yaml, the experiment that each point changes
    """

    points: int
    arguments: list[str]
    seeds: list[int] | None
    sweep_seed: int
    threads: int
    base_sha256: str


@dataclass(frozen=True, config=_STRICT)
class Description:
    """The fields of study.json.

    given    what stood on the command line: the file, what varies, options
    sampler  how points come about: all of a grid, drawn at random, or each chosen by what became of those before
    monitor  the metric by which the best epoch of each run, and then the best point, is chosen
    prune    whether trials are ended early that others show to be unpromising
    code     the SHA-256 of each file of code that the experiment was given, by its name
    """

    schema_version: int
    name: str
    created: str
    given: list[str]
    sampler: Sampler
    monitor: str
    trials: list[Trial]
    prune: bool = False
    search: Search | None = None
    code: dict[str, str] = field(default_factory=dict)
